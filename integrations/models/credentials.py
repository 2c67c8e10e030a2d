"""How we sign in to a store or an account. Secrets are encrypted and never shown."""

from django.db import models
from django.db.models import Q

from integrations.domain.logins import Side
from integrations.secrets import decrypt, encrypt

from .accounts import KlaviyoAccount
from .people import User
from .stores import Store


class CredentialKind(models.TextChoices):
    """The kinds of login."""

    SHOPIFY_TOKEN = "shopify_token", "Shopify access token"
    KLAVIYO_KEY = "klaviyo_key", "Klaviyo private key"
    KLAVIYO_OAUTH = "klaviyo_oauth", "Klaviyo sign-in"


class CredentialState(models.TextChoices):
    """Whether a login works."""

    ACTIVE = "active", "Working"
    NEEDS_RECONNECT = "needs_reconnect", "Needs to be connected again"
    MISSING_SCOPES = "missing_scopes", "Permissions are missing"
    REVOKED = "revoked", "Withdrawn"
    # Not of the login itself: the shop is frozen, locked or closed to us.
    SUSPENDED = "suspended", "The shop is closed"
    # The key it was encrypted with is gone.
    UNREADABLE = "unreadable", "Cannot be read any more"


class Credential(models.Model):
    """One login, of a store or of an account and never of both."""

    store = models.OneToOneField(
        Store, models.CASCADE, null=True, blank=True, related_name="credential"
    )
    klaviyo_account = models.OneToOneField(
        KlaviyoAccount, models.CASCADE, null=True, blank=True, related_name="credential"
    )
    kind = models.CharField(max_length=20, choices=CredentialKind.choices)
    # The access token or the private key; what renews it, where it can be renewed.
    secret = models.BinaryField()
    refresh_secret = models.BinaryField(default=bytes, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    refresh_expires_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    # Until when somebody is at renewing it; nobody else asks the platform meanwhile.
    refreshing_until = models.DateTimeField(null=True, blank=True)
    state = models.CharField(
        max_length=20, choices=CredentialState.choices, default=CredentialState.ACTIVE
    )
    scopes = models.JSONField(default=list, blank=True)
    connected_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="connected"
    )
    connected_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_failure = models.CharField(max_length=500, blank=True)
    # What the platform said, in its own word: `invalid_grant`, `401`, `app_not_installed`.
    failure_code = models.CharField(max_length=60, blank=True)
    # Since when it has not worked; None while it does.
    broken_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(store=None) ^ Q(klaviyo_account=None), name="credential_of_one"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=CredentialKind.values), name="credential_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=CredentialState.values), name="credential_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.store or self.klaviyo_account}"

    @property
    def side(self) -> Side:
        """Whose login it is."""
        return Side.SHOPIFY if self.kind == CredentialKind.SHOPIFY_TOKEN else Side.KLAVIYO

    @property
    def opens(self) -> Store | KlaviyoAccount:
        """What it is the login of."""
        owner = self.store or self.klaviyo_account
        assert owner is not None  # noqa: S101 - the constraint `credential_of_one` says so
        return owner

    @property
    def renews(self) -> bool:
        """Whether it can be renewed without a person."""
        return bool(self.refresh_secret)

    def keep(self, secret: str, refresh: str = "") -> None:
        """Set the secret and what renews it, encrypted; the row still has to be saved."""
        self.secret = encrypt(secret)
        self.refresh_secret = encrypt(refresh) if refresh else b""

    def reveal(self) -> str:
        """The secret in clear, for signing a call and for nothing else. Raises LostKey."""
        return decrypt(bytes(self.secret))

    def reveal_refresh(self) -> str:
        """What renews the secret, in clear; empty when nothing does. Raises LostKey."""
        token = bytes(self.refresh_secret)
        return decrypt(token) if token else ""
