"""The inbox: what stores told us, as it came."""

import uuid
from datetime import datetime
from typing import NamedTuple, Self

import psycopg
from django.db import connection, models
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


class Taken(NamedTuple):
    """What working off an event needs of it; quicker to read in bulk than a model."""

    pk: int
    topic: str
    body: bytes
    triggered_at: datetime | None
    received_at: datetime
    attempts: int
    failures: int


# Sizes are read from the rows' headers, so no body is touched before it is wanted.
_TAKE = """
SELECT id, topic, body, triggered_at, received_at, attempts, failures FROM (
  SELECT *, sum(octet_length(body)) OVER arrival AS bytes, row_number() OVER arrival AS place
  FROM (SELECT id, topic, body, triggered_at, received_at, attempts, failures, next_attempt_at
        FROM integrations_event
        WHERE state = 'waiting' AND store_id = %s AND lane = %s AND next_attempt_at <= %s
        ORDER BY next_attempt_at, id LIMIT %s) due
  WINDOW arrival AS (ORDER BY next_attempt_at, id)) sized
WHERE bytes <= %s OR place = 1
ORDER BY place
"""


class EventQuerySet(models.QuerySet["Event"]):
    """Events, by who may see them and what is to be done."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else the events of their merchants' stores."""
        return self if user.is_staff else self.filter(store__merchant__memberships__user=user)

    def waiting(self) -> Self:
        """Those that have not ended yet."""
        return self.filter(state=EventState.WAITING)

    def take(
        self, *, store_id: int, lane: Lane, most: int, most_bytes: int, now: datetime
    ) -> list[Taken]:
        """Read the due events of one lane, oldest first: so many, and so many bytes of bodies.

        One is always read, however large.
        """
        connection.ensure_connection()
        # Binary, since the text form of a body is twice its size; Django's own cursor cannot.
        with psycopg.Cursor(connection.connection) as cursor:
            values = [store_id, int(lane), now, most, most_bytes]
            cursor.execute(_TAKE, values, binary=True)
            return [Taken(*row) for row in cursor.fetchall()]

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
            models.Index(fields=["store", "-received_at", "-id"], name="event_by_store"),
            models.Index(
                fields=["store", "state", "-received_at", "-id"],
                condition=Q(state__in=[EventState.DEAD, EventState.SKIPPED]),
                name="event_ended_early",
            ),
            models.Index(fields=["event_id"], condition=~Q(event_id=""), name="event_correlation"),
            models.Index(fields=["public_id"], name="event_public"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.public_id}"
