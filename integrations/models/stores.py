"""Stores and what they feed."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from integrations.domain.metrics import Settings

from .accounts import KlaviyoAccount
from .people import Merchant, User


class Platform(models.TextChoices):
    """Where a store lives."""

    SHOPIFY = "shopify", "Shopify"


class StoreQuerySet(models.QuerySet["Store"]):
    """Stores, by who may see them."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else the stores of their merchants."""
        return self if user.is_staff else self.filter(merchant__memberships__user=user)


class Store(models.Model):
    """A shop whose data flows into one Klaviyo account."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="stores")
    klaviyo_account = models.ForeignKey(KlaviyoAccount, models.PROTECT, related_name="stores")
    platform = models.CharField(max_length=10, choices=Platform.choices, default=Platform.SHOPIFY)
    domain = models.CharField(max_length=255)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC")
    storefront_url = models.URLField(blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    # Since when the shop is not asked because its platform has trouble; its breaker knows the rest.
    tripped_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    # Messages from before this moment have served their term: their content is erased.
    bodies_erased_before = models.DateTimeField(null=True, blank=True)
    # What the shop sends us is compared with what we want: next, last, and what was in the way.
    subscriptions_due_at = models.DateTimeField(null=True, blank=True)
    subscriptions_checked_at = models.DateTimeField(null=True, blank=True)
    subscriptions_trouble = models.CharField(max_length=500, blank=True)

    objects = StoreQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("domain"), "platform", name="store_connected_once"),
            models.CheckConstraint(
                condition=Q(platform__in=Platform.values), name="store_platform_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def translation(self) -> Settings:
        """What translation must know about this store."""
        return Settings(
            scope=str(self.pk),
            shop_url=self.storefront_url or f"https://{self.domain}",
            metrics=self.klaviyo_account.metrics,
        )
