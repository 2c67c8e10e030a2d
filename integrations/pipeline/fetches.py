"""What people ask of past data beyond the verbs of a job: a plan written once, a second try."""

from datetime import datetime
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import F, Q

from integrations.domain.windows import JobState, WindowState
from integrations.models import Store, SyncJob, SyncWindow, User
from integrations.models.sync_jobs import SyncWindowQuerySet

from . import audit, sync_jobs

# So many periods are listed and taken on at once.
MOST_AGAIN = 2000


def plan(
    store: Store,
    wish: sync_jobs.Wish,
    *,
    key: UUID,
    instead_of: UUID | None = None,
    keep_before: bool = False,
    by: User,
    now: datetime,
) -> SyncJob:
    """Write a plan down; the same key again is the plan that was written. Raises BadRange.

    A plan it stands in for is dropped, if it was not started meanwhile.
    """
    with transaction.atomic():
        Store.objects.select_for_update().get(pk=store.pk)
        if found := SyncJob.objects.filter(store=store, public_id=key).first():
            return found
        job = sync_jobs.draft(store, wish, by=by, now=now)
        job.public_id, job.keep_before = key, keep_before
        job.save(update_fields=["public_id", "keep_before"])
        if instead_of:
            # It is nobody's work yet, so that there is nothing to tell in the history.
            plans = SyncJob.objects.filter(store=store, state=JobState.DRAFT)
            plans.filter(public_id=instead_of).delete()
    return job


def start(job: SyncJob, *, by: User, now: datetime) -> bool:
    """Start a plan; False when somebody has done so already. Raises Overlap, NotNow."""
    try:
        sync_jobs.start(job, by=audit.person(by, job.store.merchant), now=now)
    except sync_jobs.NotNow:
        current = SyncJob.objects.values_list("state", flat=True).get(pk=job.pk)
        if current in (JobState.CANCELLED, JobState.DRAFT):
            raise
        return False
    return True


class Lacking(msgspec.Struct):
    """A period that is not all there, and what is missing of it."""

    window: SyncWindow
    failed: int
    # None when nobody knows: the shop was not asked how many there are.
    missing: int | None


def lacking(job: SyncJob) -> list[Lacking]:
    """The periods of a fetch that failed, were left out, or of which records are missing."""
    return [
        Lacking(
            one,
            one.failed,
            None if one.expected is None else max(0, one.expected - one.found - one.left_out),
        )
        for one in _lacking(job).order_by("position")[:MOST_AGAIN]
    ]


def fetch_lacking(job: SyncJob, *, key: UUID, by: User, now: datetime) -> SyncJob:
    """Plan just the periods that are not all there, leaving out what has arrived.

    Raises NotNow when there are none, or while the fetch itself goes on.
    """
    with transaction.atomic():
        Store.objects.select_for_update().get(pk=job.store_id)
        if found := SyncJob.objects.filter(store=job.store_id, public_id=key).first():
            return found
        if job.state in (JobState.RUNNING, JobState.PAUSED):
            raise sync_jobs.NotNow("This is still under way.")
        windows = [one.window for one in lacking(job)]
        if not windows:
            raise sync_jobs.NotNow("Nothing is missing and nothing failed.")
        again = SyncJob.objects.create(
            public_id=key,
            store=job.store,
            kind=job.kind,
            streams=[one for one in job.streams if any(w.stream == one for w in windows)],
            since=min(one.since for one in windows),
            until=max(one.until for one in windows),
            window_days=job.window_days,
            silent=job.silent,
            loud_reason=job.loud_reason,
            keep_before=job.keep_before,
            only_missing=True,
            asked_by=by,
            asked_at=now,
        )
        SyncWindow.objects.bulk_create(
            SyncWindow(
                job=again,
                stream=one.stream,
                since=one.since,
                until=one.until,
                position=position,
                next_attempt_at=now,
            )
            for position, one in enumerate(windows)
        )
    return again


def _lacking(job: SyncJob) -> SyncWindowQuerySet:
    over = Q(state__in=[WindowState.FAILED, WindowState.CANCELLED]) | Q(failed__gt=0)
    short = Q(state=WindowState.DONE, expected__gt=F("found") + F("left_out"))
    return SyncWindow.objects.filter(over | short, job=job)
