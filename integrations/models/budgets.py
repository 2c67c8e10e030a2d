"""Calls a platform still allows: one row per account and endpoint that every process shares."""

from django.db import models

from .accounts import KlaviyoAccount
from .stores import Store


class Budget(models.Model):
    """The usage of one endpoint of one account, as the last minute saw it."""

    klaviyo_account = models.ForeignKey(KlaviyoAccount, models.CASCADE, related_name="budgets")
    endpoint = models.CharField(max_length=60)
    burst = models.IntegerField()
    steady = models.IntegerField()
    # {slot of a quarter second since the epoch: calls}
    slots = models.JSONField(default=dict)
    # {lane: {quarter minute since the epoch: calls}}, of the last five minutes
    lanes = models.JSONField(default=dict, db_default={})
    blocked_until = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["klaviyo_account", "endpoint"], name="budget_once")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} of {self.klaviyo_account}"


class ShopBudget(models.Model):
    """What is left of a shop's query points, as its last answer said (Shopify: leaky bucket)."""

    store = models.OneToOneField(Store, models.CASCADE, related_name="points")
    maximum = models.FloatField()
    available = models.FloatField()
    restore_rate = models.FloatField()
    blocked_until = models.DateTimeField(null=True, blank=True)
    # When live work asked for points last.
    live_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.available:.0f} of {self.maximum:.0f} points of {self.store}"
