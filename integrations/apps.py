"""The one application of this project."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Registers the system checks with the app."""

    name = "integrations"
    verbose_name = "Sync Console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load the system checks."""
        from integrations import checks  # noqa: F401, PLC0415 - checks need loaded settings
