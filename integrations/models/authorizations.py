"""One trip to a platform's sign-in page and back."""

import uuid

from django.db import models
from django.db.models import Q

from .accounts import KlaviyoAccount
from .people import Merchant, User
from .reconnections import Reconnection
from .stores import Platform, Store


class Destination(models.TextChoices):
    """Whose sign-in page it is."""

    SHOPIFY = Platform.SHOPIFY.value, "Shopify"
    KLAVIYO = "klaviyo", "Klaviyo"


class Authorization(models.Model):
    """A sign-in that was begun: bound to one browser, used once, and short-lived.

    Only hashes of what travels through the browser are kept, and the verifier is encrypted.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    platform = models.CharField(max_length=10, choices=Destination.choices)
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="authorizations")
    # For a new shop: the account it is to feed. For a known one: the shop itself.
    store = models.ForeignKey(Store, models.CASCADE, null=True, blank=True)
    klaviyo_account = models.ForeignKey(KlaviyoAccount, models.CASCADE, null=True, blank=True)
    reconnection = models.ForeignKey(Reconnection, models.SET_NULL, null=True, blank=True)
    domain = models.CharField(max_length=255, blank=True)
    # A person was told what another kind of login changes, and wants it.
    switch_kind = models.BooleanField(default=False)
    state_hash = models.BinaryField(unique=True)
    browser_hash = models.BinaryField()
    verifier = models.BinaryField(default=bytes, blank=True)
    begun_by = models.ForeignKey(User, models.CASCADE, related_name="authorizations")
    begun_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    # Why it ended as it did: `connected`, or the code of a refusal.
    outcome = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [models.Index(fields=["begun_at"], name="authorization_by_age")]
        constraints = [
            models.CheckConstraint(
                condition=Q(platform__in=Destination.values), name="authorization_platform_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_platform_display()} sign-in of {self.begun_at:%Y-%m-%d %H:%M}"
