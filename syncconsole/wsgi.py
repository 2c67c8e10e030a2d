"""The web server's door: webhooks take a short way in, everything else goes through Django."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncconsole.settings")

from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()

from django.urls import get_resolver  # noqa: E402 - addresses need a loaded Django

from integrations.web.shortcut import WebhookShortcut  # noqa: E402 - models need a loaded Django

application = WebhookShortcut(django_application)

# What is loaded now stays for good. Looking through all of it for cycles, again and again, held
# every twentieth page back by a tenth of a second.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
