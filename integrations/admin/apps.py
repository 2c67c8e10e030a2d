"""The admin, under our own name."""

from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """The stock admin with our sign-in."""

    default_site = "integrations.admin.site.ConsoleAdminSite"

    def ready(self) -> None:
        """Load the registrations, once the models are there."""
        super().ready()
        from integrations.admin import registrations  # noqa: F401, PLC0415 - needs loaded models
