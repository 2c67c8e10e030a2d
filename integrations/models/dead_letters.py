"""What needs a person, grouped by cause."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from .accounts import KlaviyoAccount
from .events import Event
from .people import Merchant, User
from .stores import Store


class Cause(models.Model):
    """Dead letters that share platform, error, field and rule, and so one repair."""

    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="causes")
    platform = models.CharField(max_length=20)
    code = models.CharField(max_length=80)
    field = models.CharField(max_length=160, blank=True)
    rule = models.CharField(max_length=80, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "platform", "code", "field", "rule"], name="cause_once"
            )
        ]

    def __str__(self) -> str:
        return " · ".join(filter(None, [self.platform, self.code, self.field, self.rule]))


class DeadLetterState(models.TextChoices):
    """Whether somebody still has to decide."""

    OPEN = "open", "Needs a decision"
    RESOLVED = "resolved", "Resolved"


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    """Dead letters, by who may see them."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else those of their merchants' stores."""
        return self if user.is_staff else self.filter(store__merchant__memberships__user=user)

    def open(self) -> Self:
        """Those that still need a decision."""
        return self.filter(state=DeadLetterState.OPEN)


class DeadLetter(models.Model):
    """An event, or one operation of it, that cannot go on without a person."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="dead_letters", db_index=False)
    klaviyo_account = models.ForeignKey(KlaviyoAccount, models.CASCADE, related_name="+")
    event = models.ForeignKey(Event, models.CASCADE, related_name="dead_letters")
    cause = models.ForeignKey(Cause, models.PROTECT, related_name="dead_letters", db_index=False)
    state = models.CharField(
        max_length=10, choices=DeadLetterState.choices, default=DeadLetterState.OPEN
    )
    # Empty when the event could not even be read.
    identity = models.CharField(max_length=160, blank=True)
    kind = models.CharField(max_length=20, blank=True)
    source_id = models.CharField(max_length=64, blank=True)
    payload = models.BinaryField(blank=True)
    message = models.CharField(max_length=500)
    pointer = models.CharField(max_length=300, blank=True)
    status = models.SmallIntegerField(null=True, blank=True)
    answer = models.TextField(blank=True)
    attempts = models.IntegerField(default=0)
    created_at = models.DateTimeField()

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "identity"], name="dead_letter_once"),
            models.CheckConstraint(
                condition=Q(state__in=DeadLetterState.values), name="dead_letter_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["store", "-id"], condition=Q(state="open"), name="dead_letter_open"
            ),
            models.Index(fields=["-id"], condition=Q(state="open"), name="dead_letter_newest"),
            models.Index(fields=["cause", "state", "-id"], name="dead_letter_by_cause"),
        ]

    def __str__(self) -> str:
        return self.identity or f"unreadable event {self.event_id}"
