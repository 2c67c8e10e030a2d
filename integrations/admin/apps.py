"""The admin, under our own name."""

from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """The stock admin with our sign-in."""

    default_site = "integrations.admin.site.ConsoleAdminSite"

    def ready(self) -> None:
        """Load the registrations, once the models are there."""
        super().ready()
        from integrations.admin import (  # noqa: PLC0415 - needs loaded models
            alerts,  # noqa: F401
            bins,  # noqa: F401
            breakers,  # noqa: F401
            connections,  # noqa: F401
            figures,  # noqa: F401
            registrations,  # noqa: F401
            replays,  # noqa: F401
            sync_jobs,  # noqa: F401
            undo,  # noqa: F401
        )
