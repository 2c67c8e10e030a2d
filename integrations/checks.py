"""What must agree between settings, checked at every start."""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from integrations.domain import scopes
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


@register(CONSOLE)
def apps_are_whole(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """An app at a platform is an id, a secret and an address to come back to, or none of them."""
    found: list[CheckMessage] = []
    if settings.SHOPIFY_CLIENT_ID and not any(settings.SHOPIFY_APP_SECRETS):
        found.append(
            Error("SHOPIFY_CLIENT_ID is set, and SHOPIFY_APP_SECRETS is empty.", id="console.E005")
        )
    if bool(settings.KLAVIYO_CLIENT_ID) != bool(settings.KLAVIYO_CLIENT_SECRET):
        found.append(
            Error(
                "KLAVIYO_CLIENT_ID and KLAVIYO_CLIENT_SECRET must be set together.",
                id="console.E006",
            )
        )
    if (settings.SHOPIFY_CLIENT_ID or settings.KLAVIYO_CLIENT_ID) and not settings.PUBLIC_URL:
        found.append(
            Error(
                "PUBLIC_URL is empty: nobody who signs in at a platform could be sent back.",
                id="console.E007",
            )
        )
    if lacking := scopes.blocking(scopes.SHOPIFY, settings.SHOPIFY_SCOPES):
        names = ", ".join(one.scope.handle for one in lacking)
        found.append(Error(f"SHOPIFY_SCOPES lacks what is needed: {names}.", id="console.E008"))
    return found


@register(Tags.security, deploy=True)
def public_url_is_set(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """E-mails, sign-ins and subscriptions need the console's own address."""
    if not settings.PUBLIC_URL:
        return [
            Warning(
                "PUBLIC_URL is empty: e-mails have no links, and no shop can be connected.",
                id="console.W002",
            )
        ]
    if settings.HTTPS and not settings.PUBLIC_URL.startswith("https://"):
        return [
            Warning(
                "PUBLIC_URL does not begin with https://, and platforms send people nowhere else.",
                id="console.W003",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def mail_is_set(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Invitations, new passwords and news of broken logins go by e-mail."""
    if settings.EMAIL_URL:
        return []
    return [
        Warning(
            "EMAIL_URL is empty: nobody can be invited, choose a new password, or be told.",
            id="console.W004",
        )
    ]
