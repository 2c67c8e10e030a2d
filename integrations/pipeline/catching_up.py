"""Fetching missed hours: a gap becomes a job, and is closed when the job is done.

What is fetched so is silent like all past data: an e-mail about an order of yesterday would come
too late to be welcome, and nobody chose it. Whoever wants flows to start can ask for the same range
with a reason.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from integrations.domain import missed
from integrations.domain.logins import LoginState
from integrations.domain.windows import BadRange, JobKind, JobState, WindowState
from integrations.models import Gap, Reconnection, Store, SyncJob, User

from . import audit, gaps, sync_jobs
from .audit import Actor
from .gaps import GapRows

log = logging.getLogger(__name__)

# Whoever reconnects a shop is asked first; hours nobody cares for are fetched by themselves.
OURS_AFTER = timedelta(minutes=15)
WINDOW_DAYS = 30
NOTHING_TO_READ = "The shop keeps no list of what these messages told."


def ask_for_all(store: Store, *, by: User, now: datetime) -> int:
    """Ask for all that a shop missed, and start at once; returns how many gaps were asked for."""
    asked = sum(gaps.ask_for(gap, by=by, now=now) for gap in gaps.open_of(store))
    for gap in _asked().filter(store=store):
        begin(gap, by=audit.person(by, store.merchant), now=now)
    return asked


def look_after(*, now: datetime) -> None:
    """Close what was fetched, begin what was asked for, and pick what nobody asked for."""
    for gap in Gap.objects.filter(closed_at=None, job__isnull=False).select_related("store", "job"):
        _follow(gap, now)
    for gap in _unclaimed(now):
        gaps.pick(gap, now=now)
    for gap in _asked().filter(store__paused_at=None):
        begin(gap, by=audit.AUTOMATIC, now=now)


def begin(gap: Gap, *, by: Actor, now: datetime) -> SyncJob | None:
    """Make and start the job of a gap that was asked for.

    None when it has one, when nothing of it can be fetched, or when the same hours are being
    fetched already; then it begins after that.
    """
    with transaction.atomic():
        mine = Gap.objects.select_for_update(of=("self",)).select_related("store").get(pk=gap.pk)
        if mine.job_id is not None or mine.closed_at is not None or mine.until is None:
            return None
        streams = missed.streams(mine.topics)
        if not streams:
            gaps.close(mine, by=by, now=now, reason=NOTHING_TO_READ)
            return None
        wish = sync_jobs.Wish(
            streams=streams,
            stretch=missed.around(mine.since, mine.until, now=now),
            kind=JobKind.CATCH_UP,
            window_days=WINDOW_DAYS,
        )
        try:
            with transaction.atomic():
                job = sync_jobs.draft(mine.store, wish, by=mine.asked_by, now=now)
                sync_jobs.start(job, by=by, now=now)
        except sync_jobs.Overlap:
            return None
        except BadRange as exc:
            # Only a gap with impossible dates, which no later try would make possible.
            gaps.close(mine, by=by, now=now, reason=str(exc))
            return None
        Gap.objects.filter(pk=mine.pk).update(job=job)
    return job


def _follow(gap: Gap, now: datetime) -> None:
    job = gap.job
    if job is None:
        return
    if job.state == JobState.CANCELLED:
        # Somebody stopped it; whoever wants it can ask again.
        Gap.objects.filter(pk=gap.pk, job=job).update(job=None, asked_at=None, asked_by=None)
    elif job.state == JobState.DONE and not job.windows.exclude(state=WindowState.DONE).exists():
        gaps.close(gap, by=audit.AUTOMATIC, now=now, reason="")


def _asked() -> GapRows:
    rows = Gap.objects.filter(closed_at=None, job=None, until__isnull=False)
    return rows.exclude(asked_at=None).select_related("store__merchant").order_by("since", "pk")


def _unclaimed(now: datetime) -> GapRows:
    """What nobody asked for, of shops whose login works and that nobody is reconnecting."""
    busy = Reconnection.objects.open().filter(store__isnull=False).values("store")
    return Gap.objects.filter(
        closed_at=None,
        asked_at=None,
        until__isnull=False,
        noticed_at__lt=now - OURS_AFTER,
        until__lt=now - OURS_AFTER,
        store__paused_at=None,
        store__credential__state=LoginState.ACTIVE,
    ).exclude(store__in=busy)
