"""The short way in for webhooks, in front of Django's middleware."""

from typing import Any


class WebhookShortcut:
    """Placeholder until the batching writer lands."""

    def __init__(self, application: Any) -> None:
        self.application = application

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Hand everything to Django."""
        return self.application(environ, start_response)
