"""Work over a range of time: the job somebody asked for, and its windows."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import NamedTuple, Self

from django.db import connection, models
from django.db.models import F, Q

from integrations.domain.windows import JobKind, JobState, Way, WindowState

from .people import User
from .stores import Store

# Renewed each few seconds by the process that reads, so that it may be shorter than a page takes:
# a dead reader costs this much, and a slow one keeps its window.
WINDOW_LEASE = timedelta(seconds=20)


class SyncJobQuerySet(models.QuerySet["SyncJob"]):
    """Jobs, by who may see them and whether they are over."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else those of their merchants' stores."""
        return self if user.is_staff else self.filter(store__merchant__memberships__user=user)

    def unfinished(self) -> Self:
        """Those that were started and are not over."""
        return self.filter(state__in=[JobState.RUNNING, JobState.PAUSED])


class SyncJob(models.Model):
    """Bring in what a store knows of a range of time: half-open, in UTC."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="sync_jobs")
    kind = models.CharField(max_length=10, choices=[(one.value, one.value) for one in JobKind])
    state = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in JobState],
        default=JobState.DRAFT,
    )
    streams = models.JSONField(default=list)
    since = models.DateTimeField()
    until = models.DateTimeField()
    window_days = models.IntegerField(default=90)
    # Klaviyo's history flag on every event, unless somebody chose otherwise and said why.
    silent = models.BooleanField(default=True)
    loud_reason = models.CharField(max_length=500, blank=True)
    # Leave out what the ledger already holds: the retry of what is missing or failed.
    only_missing = models.BooleanField(default=False)
    # Read each profile before it is first written to, and keep what it held: costs calls, and
    # without it profiles cannot be put back.
    keep_before = models.BooleanField(default=False, db_default=False)
    # What was found out beforehand, as `pipeline/forecasts.py` writes it.
    forecast = models.JSONField(default=dict, blank=True)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Stores take turns.
    last_served_at = models.DateTimeField(null=True, blank=True)

    objects = SyncJobQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["store", "-id"], name="sync_job_by_store")]
        constraints = [
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="sync_job_half_open"),
            models.CheckConstraint(condition=Q(kind__in=list(JobKind)), name="sync_job_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=list(JobState)), name="sync_job_state_known"
            ),
            models.CheckConstraint(
                condition=Q(silent=True) | ~Q(loud_reason=""), name="sync_job_loud_with_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.store}: {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"


class WindowClaim(NamedTuple):
    """A window that is ours until its lease runs out; every write checks the epoch."""

    pk: int
    epoch: int


# Live work is never here: windows only read and land; what they land goes by the lanes.
_CLAIM = """
WITH next AS (
  SELECT candidate.id, job.id AS job_id
  FROM integrations_syncwindow candidate
  JOIN integrations_syncjob job ON job.id = candidate.job_id
  JOIN integrations_store store ON store.id = job.store_id
  WHERE candidate.state IN ('waiting', 'reading') AND candidate.next_attempt_at <= %(now)s
    AND (candidate.lease_until IS NULL OR candidate.lease_until < %(now)s)
    AND job.state = 'running' AND store.paused_at IS NULL AND store.tripped_at IS NULL
    AND NOT EXISTS (
      SELECT 1 FROM integrations_syncwindow busy JOIN integrations_syncjob other
        ON other.id = busy.job_id
      WHERE other.store_id = job.store_id AND busy.lease_until >= %(now)s)
  ORDER BY job.last_served_at NULLS FIRST, job.id, candidate.position
  LIMIT 1 FOR UPDATE OF candidate SKIP LOCKED
), turn AS (
  UPDATE integrations_syncjob SET last_served_at = %(now)s FROM next WHERE
    integrations_syncjob.id = next.job_id
)
UPDATE integrations_syncwindow win
SET state = 'reading', lease_until = %(until)s, lease_by = %(by)s,
    started_at = coalesce(started_at, %(now)s),
    epoch = greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
FROM next WHERE win.id = next.id
RETURNING win.id, win.epoch
"""


class SyncWindowQuerySet(models.QuerySet["SyncWindow"]):
    """The verbs of a window."""

    def claim(self, *, by: str, now: datetime) -> WindowClaim | None:
        """Take the window whose turn it is, newest first and one of a store at a time."""
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, {"now": now, "until": now + WINDOW_LEASE, "by": by})
            row = cursor.fetchone()
        return WindowClaim(*row) if row else None

    def owned(self, claim: WindowClaim) -> Self:
        """The window, if it is still ours."""
        return self.filter(pk=claim.pk, epoch=claim.epoch)

    def renew(self, claims: Iterable[WindowClaim], *, now: datetime) -> int:
        """Keep windows for longer, where they are still ours and were not given back."""
        mine = [Q(pk=one.pk, epoch=one.epoch) for one in claims]
        if not mine:
            return 0
        held = self.filter(reduce(or_, mine), lease_until__isnull=False)
        return held.update(lease_until=now + WINDOW_LEASE)

    def due(self, now: datetime) -> Self:
        """Those that somebody could take."""
        return self.filter(
            Q(lease_until=None) | Q(lease_until__lt=now),
            state__in=[WindowState.WAITING, WindowState.READING],
            next_attempt_at__lte=now,
            job__state=JobState.RUNNING,
            job__store__paused_at=None,
            job__store__tripped_at=None,
        )


class SyncWindow(models.Model):
    """One stretch of one stream. What it found and what became of it always adds up."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    job = models.ForeignKey(SyncJob, models.CASCADE, related_name="windows")
    stream = models.CharField(max_length=20)
    since = models.DateTimeField()
    until = models.DateTimeField()
    # Nought is the newest, which goes first.
    position = models.IntegerField()
    state = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in WindowState],
        default=WindowState.WAITING,
    )
    # How it is read, chosen by the engine.
    way = models.CharField(
        max_length=10, blank=True, choices=[(one.value, one.value) for one in Way]
    )
    # Why it is read that way, in a sentence.
    way_reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    # How many the store says there are; None when it was not asked or would not say.
    expected = models.IntegerField(null=True, blank=True)
    # When the store was asked, whether it could answer or not.
    counted_at = models.DateTimeField(null=True, blank=True)
    # How often it was read through: once, or twice where the first time too little came.
    looks = models.SmallIntegerField(default=1, db_default=1)
    # Where to read on; of a bulk export also how far that is.
    cursor = models.TextField(blank=True)
    page_size = models.IntegerField(default=25)
    bulk = models.JSONField(default=dict, blank=True)
    # Counts up with each run, so that a second run is on record apart from the first.
    run = models.IntegerField(default=1)

    found = models.IntegerField(default=0)
    sent = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    skipped = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    # Read, but left out because the ledger has it (a run for what is missing only).
    left_out = models.IntegerField(default=0)
    calls = models.IntegerField(default=0)

    epoch = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_by = models.CharField(max_length=80, blank=True)
    next_attempt_at = models.DateTimeField()
    failures = models.IntegerField(default=0)
    wait_reason = models.CharField(max_length=200, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    last_progress_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # From then on only what needs a person still has its content.
    bodies_dropped_at = models.DateTimeField(null=True, blank=True)

    objects = SyncWindowQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["job", "position"],
                condition=Q(state__in=["waiting", "reading"]),
                name="sync_window_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "stream", "since"], name="sync_window_once"),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="sync_window_half_open"),
            models.CheckConstraint(
                condition=Q(state__in=list(WindowState)), name="sync_window_state_known"
            ),
            models.CheckConstraint(
                condition=Q(found__gte=F("sent") + F("unchanged") + F("skipped") + F("failed")),
                name="sync_window_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"

    @property
    def in_flight(self) -> int:
        """Read, and not ended yet."""
        return self.found - self.sent - self.unchanged - self.skipped - self.failed
