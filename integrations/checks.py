"""What must agree between settings, checked at every start."""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from integrations.models.lanes import LEASE

# What the workers look at themselves when they start; the rest is looked at by every other command.
CONSOLE = "console"


@register(CONSOLE)
def queue_times_agree(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """A task must end before it is handed out again, and a batch before its lease does."""
    found: list[CheckMessage] = []
    queue: dict[str, Any] = settings.Q_CLUSTER
    if queue["timeout"] >= queue["retry"]:
        found.append(Error("Q_CLUSTER: timeout must be shorter than retry.", id="console.E001"))
    if LEASE.total_seconds() >= queue["timeout"]:
        found.append(Error("A lease must be shorter than a task's timeout.", id="console.E002"))
    if "pool" in settings.DATABASES["default"].get("OPTIONS", {}):
        found.append(
            Error("DATABASES: a connection pool must not be used: workers fork.", id="console.E003")
        )
    return found


@register(CONSOLE)
def encryption_keys_are_usable(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Each key must be one that Fernet accepts."""
    for key in settings.FIELD_ENCRYPTION_KEYS:
        try:
            Fernet(key)
        except ValueError:
            return [
                Error(
                    "FIELD_ENCRYPTION_KEYS holds a key that is not 32 bytes in URL-safe base64.",
                    hint="docs/settings.md says how to make one.",
                    id="console.E004",
                )
            ]
    return []


@register(Tags.security, deploy=True)
def app_secrets_are_set(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Without an app secret every webhook would be refused."""
    if settings.SHOPIFY_APP_SECRETS:
        return []
    return [
        Warning(
            "SHOPIFY_APP_SECRETS is empty: every Shopify webhook will be refused with 401.",
            id="console.W001",
        )
    ]
