"""The inbox: what stores told us, as it came."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from integrations.domain.lanes import Lane
from integrations.domain.skips import Skip

from .people import User
from .stores import Store


class EventState(models.TextChoices):
    """Where an event is on its way; labels are a merchant's."""

    WAITING = "waiting", "On its way"
    DELIVERED = "delivered", "Delivered"
    SKIPPED = "skipped", "Nothing to send"
    DEAD = "dead", "Needs you"


class EventQuerySet(models.QuerySet["Event"]):
    """Events, by who may see them and what is to be done."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else the events of their merchants' stores."""
        return self if user.is_staff else self.filter(store__merchant__memberships__user=user)

    def live(self) -> Self:
        """What shops tell us of now, and what people sent again; not what was read of the past."""
        return self.filter(lane__lt=Lane.BACKFILL)

    def past(self) -> Self:
        """What was read of shops' past, of whichever run."""
        return self.filter(lane=Lane.BACKFILL)

    def waiting(self) -> Self:
        """Those that have not ended yet."""
        return self.filter(state=EventState.WAITING)

    def count_lost_attempt(self, ids: list[int]) -> int:
        """Note that a worker died with these in hand."""
        return (
            self.waiting()
            .filter(pk__in=ids)
            .update(attempts=F("attempts") + 1, crashes=F("crashes") + 1)
        )


class Event(models.Model):
    """A verified webhook as it came, kept until its term ends."""

    # Written by the receiving statement, which names every column itself.
    public_id = models.UUIDField(default=uuid.uuid4, editable=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="events", db_index=False)
    lane = models.SmallIntegerField(default=Lane.LIVE)
    topic = models.CharField(max_length=80)
    webhook_id = models.CharField(max_length=200)
    event_id = models.CharField(max_length=200, blank=True)
    api_version = models.CharField(max_length=20, blank=True)
    body = models.BinaryField()
    triggered_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=EventState.choices, default=EventState.WAITING)
    skip = models.CharField(
        max_length=24, blank=True, choices=[(rule.value, rule.value) for rule in Skip]
    )
    note = models.CharField(max_length=200, blank=True)
    attempts = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    crashes = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.CharField(max_length=500, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    # Past data: the window it was read by, and whether flows may start because of it.
    window = models.ForeignKey(
        "SyncWindow",
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="events",
    )
    loud = models.BooleanField(default=False, db_default=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "webhook_id"], name="event_received_once"),
            models.CheckConstraint(
                condition=Q(state=EventState.WAITING) ^ Q(settled_at__isnull=False),
                name="event_settled_when_ended",
            ),
            models.CheckConstraint(
                condition=Q(state=EventState.SKIPPED) ^ Q(skip=""), name="event_skipped_by_rule"
            ),
            models.CheckConstraint(
                condition=Q(state__in=EventState.values), name="event_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["store", "lane", "next_attempt_at", "id"],
                condition=Q(state=EventState.WAITING),
                # Pages count what is on its way by its arrival, without touching the rows.
                include=["received_at"],
                name="event_due",
            ),
            # What shops tell us now, and their past, are listed apart.
            models.Index(
                fields=["store", "-received_at", "-id"],
                condition=Q(lane__lt=Lane.BACKFILL),
                name="event_live",
            ),
            models.Index(
                fields=["store", "-received_at", "-id"],
                condition=Q(lane=Lane.BACKFILL),
                name="event_past",
            ),
            models.Index(
                fields=["store", "state", "-received_at", "-id"],
                condition=Q(state__in=[EventState.DEAD, EventState.SKIPPED]),
                name="event_ended_early",
            ),
            models.Index(fields=["event_id"], condition=~Q(event_id=""), name="event_correlation"),
            models.Index(fields=["public_id"], name="event_public"),
            models.Index(
                fields=["window", "state", "-id"],
                condition=Q(window__isnull=False),
                name="event_of_window",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.public_id}"

    @property
    def happened_at(self) -> datetime:
        """When the shop says that it happened; when it arrived, where the shop does not say."""
        return self.triggered_at or self.received_at
