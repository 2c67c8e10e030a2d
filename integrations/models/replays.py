"""Sending failed records again: a saved operation, its frozen records, and what became of each."""

import uuid
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import Q

from integrations.domain.replays import (
    AT_WORK,
    UNDER_WAY,
    ItemState,
    Prospect,
    ReplayState,
    Stage,
)

from .dead_letters import DeadLetter
from .people import Merchant, User

# Longer than letting some records go takes, short enough that a dead worker costs little.
REPLAY_LEASE = timedelta(seconds=30)


class ReplayClaim(NamedTuple):
    """A replay that is ours until its lease runs out; every write checks the epoch."""

    pk: int
    epoch: int


_CLAIM = """
WITH next AS (
  SELECT id FROM integrations_replay
  WHERE state IN ('beginning', 'running', 'cancelling') AND next_turn_at <= %(now)s
    AND (lease_until IS NULL OR lease_until < %(now)s)
  ORDER BY next_turn_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE integrations_replay replay
SET lease_until = %(until)s, lease_by = %(by)s,
    epoch = greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
FROM next WHERE replay.id = next.id
RETURNING replay.id, replay.epoch
"""


class ReplayQuerySet(models.QuerySet["Replay"]):
    """The verbs of a replay, and who may see it."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else those of their merchants."""
        return self if user.is_staff else self.filter(merchant__memberships__user=user)

    def claim(self, *, by: str, now: datetime) -> ReplayClaim | None:
        """Take the replay whose turn it is, or None."""
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, {"now": now, "until": now + REPLAY_LEASE, "by": by})
            row = cursor.fetchone()
        return ReplayClaim(*row) if row else None

    def owned(self, claim: ReplayClaim) -> Self:
        """The replay, if it is still ours."""
        return self.filter(pk=claim.pk, epoch=claim.epoch)

    def due(self, now: datetime) -> Self:
        """Those that somebody could take."""
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        return self.filter(free, state__in=sorted(AT_WORK), next_turn_at__lte=now)


class Replay(models.Model):
    """One decision to send failed records again. Its records are frozen when it is drafted."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Of one merchant always: nobody sends the records of several at once.
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="replays")
    # Given by the form, so that a second click finds what the first made.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # The filter of the list, as its address wrote it, and in words.
    selection = models.JSONField(default=dict)
    words = models.CharField(max_length=300, blank=True)
    state = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in ReplayState],
        default=ReplayState.DRAFT,
    )
    stage = models.CharField(
        max_length=4, choices=[(one.value, one.value) for one in Stage], default=Stage.ONE
    )
    # How many were frozen; what became of them always adds up to this.
    total = models.IntegerField(default=0)
    # Records a minute once one and ten went well, and the share of failures in per cent that
    # stops it.
    rate = models.IntegerField(default=600)
    most_failures = models.IntegerField(default=20)
    # Klaviyo's history flag on whatever is older than four hours, unless somebody said why not.
    silent = models.BooleanField(default=True)
    loud_reason = models.CharField(max_length=500, blank=True)
    # How many items the forecast sees coming to what: {"recorded": 40, "ignored": 2}.
    forecast = models.JSONField(default=dict, blank=True)
    forecast_at = models.DateTimeField(null=True, blank=True)
    # The number of failures of these causes when it began, to show what joined meanwhile.
    open_before = models.IntegerField(default=0)
    causes = ArrayField(models.BigIntegerField(), default=list, blank=True, db_default=[])
    # What had ended, and failed again, when this stage began: a stage is judged by its own.
    ended_before = models.IntegerField(default=0, db_default=0)
    failed_before = models.IntegerField(default=0, db_default=0)
    reason = models.CharField(max_length=300, blank=True)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    approved_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    epoch = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_by = models.CharField(max_length=80, blank=True)
    next_turn_at = models.DateTimeField()
    wait_reason = models.CharField(max_length=200, blank=True)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["merchant", "-id"], name="replay_by_merchant")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=list(ReplayState)), name="replay_state_known"
            ),
            models.CheckConstraint(condition=Q(stage__in=list(Stage)), name="replay_stage_known"),
            models.CheckConstraint(
                condition=Q(silent=True) | ~Q(loud_reason=""), name="replay_loud_with_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"Sending again {self.total}: {self.words}"


class ReplayItem(models.Model):
    """One failed record of a replay, and what became of it there: the attempt's own record."""

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="items", db_index=False)
    # Copied from the records themselves by one statement: PostgreSQL need not look each up again.
    dead_letter = models.ForeignKey(
        DeadLetter,
        models.CASCADE,
        related_name="replay_items",
        db_index=False,
        db_constraint=False,
    )
    position = models.IntegerField()
    state = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in ItemState],
        default=ItemState.LISTED,
    )
    prospect = models.CharField(
        max_length=10, blank=True, choices=[(one.value, one.value) for one in Prospect]
    )
    # Why it failed again, was skipped, or was left out.
    message = models.CharField(max_length=500, blank=True)
    let_go_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["replay", "dead_letter"], name="replay_item_once"),
            models.UniqueConstraint(
                fields=["dead_letter"],
                condition=Q(state__in=sorted(UNDER_WAY)),
                name="replay_item_in_one_place",
            ),
            models.CheckConstraint(
                condition=Q(state__in=list(ItemState)), name="replay_item_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["replay", "state", "position"], name="replay_item_by_state"),
            models.Index(fields=["dead_letter", "-id"], name="replay_item_of_letter"),
        ]

    def __str__(self) -> str:
        return f"{self.replay_id} · {self.position}: {self.state}"
