"""Taking a job back: a saved list of what can be, and what became of each item of it."""

import uuid
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from django.db import connection, models
from django.db.models import Q

from integrations.domain.undo import ItemState, UndoState, What
from integrations.secrets import decrypt, encrypt

from .jobs import RemoteJob
from .people import User
from .sync_jobs import SyncJob

# Longer than a round of calls, short enough that a dead worker costs little.
UNDO_LEASE = timedelta(seconds=60)


class Before(models.Model):
    """What a person's profile held before a job first wrote to it: encrypted, and for a term."""

    job = models.ForeignKey(SyncJob, models.CASCADE, related_name="befores")
    # The ledger's name for the person, which holds no personal data.
    identity = models.CharField(max_length=160)
    # Whom it is of, what was there, and what the job has written since.
    secret = models.BinaryField()
    kept_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "befores"
        constraints = [models.UniqueConstraint(fields=["job", "identity"], name="before_kept_once")]
        indexes = [models.Index(fields=["kept_at"], name="before_by_age")]

    def __str__(self) -> str:
        return self.identity

    def keep(self, text: str) -> None:
        """Set what was there, encrypted; the row still has to be saved."""
        self.secret = encrypt(text)

    def reveal(self) -> str:
        """What was there, in clear. Raises LostKey."""
        return decrypt(bytes(self.secret))


class UndoClaim(NamedTuple):
    """An undo that is ours until its lease runs out; every write checks the epoch."""

    pk: int
    epoch: int


# Never while its job runs again: what is taken back must not be sent at the same time.
_CLAIM = """
WITH next AS (
  SELECT undo.id FROM integrations_undo undo
  JOIN integrations_syncjob job ON job.id = undo.job_id
  JOIN integrations_store store ON store.id = job.store_id
  JOIN integrations_klaviyoaccount account ON account.id = store.klaviyo_account_id
  WHERE undo.state = 'running' AND undo.next_attempt_at <= %(now)s
    AND (undo.lease_until IS NULL OR undo.lease_until < %(now)s)
    AND job.state IN ('done', 'cancelled')
    AND store.paused_at IS NULL AND account.held_since IS NULL AND account.tripped_at IS NULL
  ORDER BY undo.next_attempt_at LIMIT 1 FOR UPDATE OF undo SKIP LOCKED
)
UPDATE integrations_undo undo
SET lease_until = %(until)s, lease_by = %(by)s,
    epoch = greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
FROM next WHERE undo.id = next.id
RETURNING undo.id, undo.epoch
"""


class UndoQuerySet(models.QuerySet["Undo"]):
    """The verbs of an undo."""

    def claim(self, *, by: str, now: datetime) -> UndoClaim | None:
        """Take the undo that has waited longest, or None."""
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, {"now": now, "until": now + UNDO_LEASE, "by": by})
            row = cursor.fetchone()
        return UndoClaim(*row) if row else None

    def owned(self, claim: UndoClaim) -> Self:
        """The undo, if it is still ours."""
        return self.filter(pk=claim.pk, epoch=claim.epoch)

    def due(self, now: datetime) -> Self:
        """Those that somebody could take."""
        return self.free().filter(
            Q(lease_until=None) | Q(lease_until__lt=now),
            state=UndoState.RUNNING,
            next_attempt_at__lte=now,
        )

    def free(self) -> Self:
        """Those that nothing holds: neither their shop, nor their account, nor their job."""
        return self.filter(
            job__state__in=["done", "cancelled"],
            job__store__paused_at=None,
            job__store__klaviyo_account__held_since=None,
            job__store__klaviyo_account__tripped_at=None,
        )


class Undo(models.Model):
    """What somebody asked to be taken back of one job; its list is fixed before it is confirmed."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    job = models.ForeignKey(SyncJob, models.CASCADE, related_name="undos")
    state = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in UndoState],
        default=UndoState.DRAFT,
    )
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    epoch = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_by = models.CharField(max_length=80, blank=True)
    next_attempt_at = models.DateTimeField()
    failures = models.IntegerField(default=0)
    wait_reason = models.CharField(max_length=200, blank=True)

    objects = UndoQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["job"], condition=Q(state="running"), name="undo_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(state__in=list(UndoState)), name="undo_state_known"),
        ]

    def __str__(self) -> str:
        return f"Taking back {self.job}"


class UndoItem(models.Model):
    """One thing on the list, and what became of it."""

    undo = models.ForeignKey(Undo, models.CASCADE, related_name="items", db_index=False)
    what = models.CharField(max_length=10, choices=[(one.value, one.value) for one in What])
    identity = models.CharField(max_length=160)
    source_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in ItemState],
        default=ItemState.WAITING,
    )
    message = models.CharField(max_length=500, blank=True)
    remote_job = models.ForeignKey(
        RemoteJob, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["undo", "identity"], name="undo_item_once"),
            models.CheckConstraint(
                condition=Q(state__in=list(ItemState)), name="undo_item_state_known"
            ),
            models.CheckConstraint(condition=Q(what__in=list(What)), name="undo_item_what_known"),
        ]
        indexes = [
            models.Index(fields=["undo", "state", "what", "id"], name="undo_item_by_state"),
        ]

    def __str__(self) -> str:
        return self.identity
