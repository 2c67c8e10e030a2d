"""The web server's door: webhooks take a short way in, everything else goes through Django."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncconsole.settings")

from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()

from integrations.web.shortcut import WebhookShortcut  # noqa: E402 - models need a loaded Django

application = WebhookShortcut(django_application)
