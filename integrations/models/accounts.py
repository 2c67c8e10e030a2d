"""Klaviyo accounts that stores feed."""

import uuid
from typing import Self

import msgspec
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from integrations.domain.metrics import MetricNames

from .people import Merchant, User

# Klaviyo: a metric's name is shorter than 128 characters.
LONGEST_METRIC_NAME = 127


class KlaviyoAccountQuerySet(models.QuerySet["KlaviyoAccount"]):
    """Accounts, by who may see them and whether anything may be sent."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else the accounts of their merchants."""
        return self if user.is_staff else self.filter(merchant__memberships__user=user)

    def hold(self, pk: int, *, reason: str, now: object) -> int:
        """Stop everything that goes to an account; keeps the first reason and time."""
        return self.filter(pk=pk, held_since=None).update(held_since=now, held_reason=reason[:500])

    def release(self, pk: int) -> int:
        """Let work go to the account again."""
        return self.filter(pk=pk).update(held_since=None, held_reason="")


def check_metric_names(value: object) -> None:
    """Refuse names that delivery could not use, and say which. Raises ValidationError."""
    try:
        names = msgspec.convert(value, MetricNames)
    except msgspec.ValidationError as exc:
        known = ", ".join(MetricNames.__struct_fields__)
        raise ValidationError(f"{exc}. The names that can be set are: {known}.") from exc
    for field in MetricNames.__struct_fields__:
        if not 1 <= len(getattr(names, field).strip()) <= LONGEST_METRIC_NAME:
            raise ValidationError(f"{field} must have 1 to {LONGEST_METRIC_NAME} characters.")


class KlaviyoAccount(models.Model):
    """An account of Klaviyo; several stores may feed one and then share its allowance."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="klaviyo_accounts")
    name = models.CharField(max_length=120)
    external_id = models.CharField("account id at Klaviyo", max_length=40, blank=True)
    metric_names = models.JSONField(default=dict, blank=True, validators=[check_metric_names])
    held_since = models.DateTimeField(null=True, blank=True)
    held_reason = models.CharField(max_length=500, blank=True)
    # Since when nothing is sent because Klaviyo has trouble; its breaker knows the rest.
    tripped_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = KlaviyoAccountQuerySet.as_manager()

    class Meta:
        verbose_name = "Klaviyo account"
        constraints = [
            models.CheckConstraint(
                condition=Q(held_since=None, held_reason="") | Q(held_since__isnull=False),
                name="account_held_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def metrics(self) -> MetricNames:
        """The metric names this account's flows listen to."""
        return msgspec.convert(self.metric_names or {}, MetricNames)
