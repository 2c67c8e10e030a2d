"""How we sign in to a store or an account. Secrets are encrypted and never shown."""

from django.db import models
from django.db.models import Q

from integrations.secrets import decrypt, encrypt

from .accounts import KlaviyoAccount
from .stores import Store


class CredentialKind(models.TextChoices):
    """The kinds of login."""

    SHOPIFY_TOKEN = "shopify_token", "Shopify access token"
    KLAVIYO_KEY = "klaviyo_key", "Klaviyo private key"


class CredentialState(models.TextChoices):
    """Whether a login works."""

    ACTIVE = "active", "Working"
    NEEDS_RECONNECT = "needs_reconnect", "Needs to be connected again"
    MISSING_SCOPES = "missing_scopes", "Permissions are missing"
    REVOKED = "revoked", "Withdrawn"


class Credential(models.Model):
    """One login, of a store or of an account and never of both."""

    store = models.OneToOneField(
        Store, models.CASCADE, null=True, blank=True, related_name="credential"
    )
    klaviyo_account = models.OneToOneField(
        KlaviyoAccount, models.CASCADE, null=True, blank=True, related_name="credential"
    )
    kind = models.CharField(max_length=20, choices=CredentialKind.choices)
    secret = models.BinaryField()
    state = models.CharField(
        max_length=20, choices=CredentialState.choices, default=CredentialState.ACTIVE
    )
    scopes = models.JSONField(default=list, blank=True)
    connected_at = models.DateTimeField()
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_failure = models.CharField(max_length=500, blank=True)

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

    def keep(self, secret: str) -> None:
        """Set the secret, encrypted; the row still has to be saved."""
        self.secret = encrypt(secret)

    def reveal(self) -> str:
        """The secret in clear, for signing a call and for nothing else."""
        return decrypt(bytes(self.secret))
