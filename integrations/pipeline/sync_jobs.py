"""What people do with jobs over a range of time: plan, start, pause, go on, stop, run again."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import F

from integrations import queue
from integrations.domain import scopes
from integrations.domain.lanes import Lane
from integrations.domain.windows import (
    LONGEST_WINDOW,
    OVER,
    STREAMS,
    BadRange,
    JobKind,
    JobState,
    Stretch,
    WindowState,
    check,
    cut,
)
from integrations.models import Credential, Event, Store, SyncJob, SyncWindow, User
from integrations.models.events import EventQuerySet, EventState

from . import audit, windows
from .audit import Actor

# Far enough away to never come due by itself; PostgreSQL's infinity is not a date in Python.
HELD = datetime.fromisoformat("9000-01-01T00:00:00+00:00")


class Overlap(Exception):
    """A job of the same stream and range is under way; `job` says which."""

    def __init__(self, job: SyncJob) -> None:
        super().__init__("This is being fetched already.")
        self.job = job


class NotNow(Exception):
    """The job is not in a state in which this can be done; the message says which it is in."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for."""

    streams: tuple[str, ...]
    stretch: Stretch
    kind: JobKind = JobKind.BACKFILL
    window_days: int = 90
    silent: bool = True
    loud_reason: str = ""
    only_missing: bool = False


def draft(store: Store, wish: Wish, *, by: User | None, now: datetime) -> SyncJob:
    """Write down what is to be fetched, without starting it. Raises BadRange."""
    wanted = [one for one in STREAMS if one in wish.streams]
    if not wanted:
        raise BadRange("no_stream", "Choose what to fetch: orders, customers or products.")
    if not wish.silent and not wish.loud_reason.strip():
        raise BadRange("no_reason", "Say why flows may start. Customers could be e-mailed.")
    if not 1 <= wish.window_days <= LONGEST_WINDOW:
        raise BadRange("window", f"A period is 1 to {LONGEST_WINDOW} days long.")
    check(wish.stretch, now=now)
    stretch = Stretch(
        wish.stretch.since.replace(microsecond=0),
        min(wish.stretch.until, now).replace(microsecond=0),
    )
    check(stretch, now=now)
    if wish.kind == JobKind.BACKFILL and (why := unreadable(store, wanted)):
        raise BadRange("missing_scope", why)
    with transaction.atomic():
        job = SyncJob.objects.create(
            store=store,
            kind=wish.kind,
            streams=wanted,
            since=stretch.since,
            until=stretch.until,
            window_days=wish.window_days,
            silent=wish.silent,
            loud_reason=wish.loud_reason.strip(),
            only_missing=wish.only_missing,
            asked_by=by,
            asked_at=now,
        )
        pieces = cut(stretch, days=wish.window_days)
        # Newest first, and in each stretch people and products before what refers to them.
        order = [(stream, piece) for piece in pieces for stream in wanted]
        SyncWindow.objects.bulk_create(
            SyncWindow(
                job=job,
                stream=stream,
                since=piece.since,
                until=piece.until,
                position=position,
                next_attempt_at=now,
            )
            for position, (stream, piece) in enumerate(order)
        )
        queue.ask_for(queue.FORECAST)
    return job


def start(job: SyncJob, *, by: Actor, now: datetime) -> None:
    """Let a planned job run. Raises Overlap, NotNow."""
    with transaction.atomic():
        # One at a time a store, so that two people cannot start the same range at once.
        Store.objects.select_for_update().get(pk=job.store_id)
        if rival := overlapping(job):
            raise Overlap(rival)
        if job.kind == JobKind.BACKFILL and (why := unreadable(job.store, job.streams)):
            raise NotNow(why)
        _change(job, {JobState.DRAFT}, by=by, now=now, state=JobState.RUNNING, started_at=now)
    queue.ask_for(queue.READ)


def unreadable(store: Store, streams: Iterable[str]) -> str:
    """Why the shop's login cannot read some streams, and what to do; empty when it can.

    A catch-up goes regardless: what it cannot read ends as failed, and the rest is caught up.
    """
    granted = Credential.objects.filter(store=store).values_list("scopes", flat=True).first()
    return scopes.unreadable(streams, granted or ())


def overlapping(job: SyncJob) -> SyncJob | None:
    """An unfinished job of the store that fetches a stream of this one in the same range.

    What was made in a range and what changed in it are two things, and may be fetched at once.
    """
    rivals = SyncJob.objects.unfinished().filter(
        store_id=job.store_id, kind=job.kind, since__lt=job.until, until__gt=job.since
    )
    wanted = set(job.streams)
    return next((one for one in rivals.exclude(pk=job.pk) if wanted & set(one.streams)), None)


def pause(job: SyncJob, *, by: Actor, now: datetime, reason: str = "") -> None:
    """Stop reading behind the page in hand, and hold what is landed. Raises NotNow."""
    with transaction.atomic():
        _change(
            job,
            {JobState.RUNNING},
            by=by,
            now=now,
            reason=reason,
            state=JobState.PAUSED,
            paused_at=now,
            pause_reason=reason[:200],
        )
        _waiting(job).update(next_attempt_at=HELD)


def resume(job: SyncJob, *, by: Actor, now: datetime) -> None:
    """Go on where it was paused. Raises NotNow."""
    with transaction.atomic():
        _change(
            job,
            {JobState.PAUSED},
            by=by,
            now=now,
            state=JobState.RUNNING,
            paused_at=None,
            pause_reason="",
        )
        _waiting(job).filter(next_attempt_at=HELD).update(next_attempt_at=now)
        SyncWindow.objects.filter(job=job).exclude(state__in=OVER).update(next_attempt_at=now)
        windows.finish_jobs(SyncJob.objects.filter(pk=job.pk), now=now)
    queue.ask_for(queue.READ)
    queue.ask_for(queue.PAST)


def cancel(job: SyncJob, *, by: Actor, now: datetime, reason: str = "") -> int:
    """End a job: windows that are not over stay undone, and what is landed is not sent.

    Returns how many records were taken back before they were sent. Raises NotNow.
    """
    states = {JobState.DRAFT, JobState.RUNNING, JobState.PAUSED}
    with transaction.atomic():
        _change(
            job,
            states,
            by=by,
            now=now,
            reason=reason,
            state=JobState.CANCELLED,
            finished_at=now,
        )
        unfinished = SyncWindow.objects.filter(job=job).exclude(state__in=OVER)
        taken_back = 0
        for window in unfinished:
            # What people send again is theirs to stop.
            landed = Event.objects.waiting().filter(window=window).exclude(lane=Lane.REPLAY)
            gone, _ = landed.delete()
            SyncWindow.objects.filter(pk=window.pk).update(
                state=WindowState.CANCELLED,
                finished_at=now,
                found=F("found") - gone,
                lease_until=None,
                epoch=F("epoch") + 1,
            )
            taken_back += gone
    return taken_back


def run_again(window: SyncWindow, *, by: Actor, now: datetime) -> None:
    """Read one window once more from its start; what Klaviyo has is found unchanged.

    Raises NotNow.
    """
    job = window.job
    with transaction.atomic():
        again = SyncWindow.objects.filter(pk=window.pk, state__in=OVER)
        changed = again.update(
            state=WindowState.WAITING,
            run=F("run") + 1,
            cursor="",
            bulk={},
            way="",
            way_reason="",
            expected=None,
            counted_at=None,
            looks=1,
            bodies_dropped_at=None,
            found=0,
            sent=0,
            unchanged=0,
            skipped=0,
            failed=0,
            left_out=0,
            failures=0,
            last_error="",
            error_code="",
            next_attempt_at=now,
            read_at=None,
            finished_at=None,
        )
        if not changed:
            raise NotNow("This period is being fetched already.")
        _event_of_earlier_runs(window)
        # What an earlier run has read and not sent yet is sent, and counted, with this one.
        waiting = Event.objects.waiting().filter(window=window).count()
        SyncWindow.objects.filter(pk=window.pk).update(found=waiting)
        SyncJob.objects.filter(pk=job.pk, state__in=[JobState.DONE, JobState.CANCELLED]).update(
            state=JobState.RUNNING, finished_at=None
        )
        audit.record(
            "window.run_again", job.store, by=by, now=now, subject=str(window), before={}, after={}
        )
    queue.ask_for(queue.READ)


def _event_of_earlier_runs(window: SyncWindow) -> None:
    """Let go of earlier runs' records, so that the counts of this run are its own."""
    ended = Event.objects.filter(window=window).exclude(state=EventState.WAITING)
    # This run reads their content again; what needs a person keeps its own.
    ended.filter(state__in=[EventState.DELIVERED, EventState.SKIPPED]).update(window=None, body=b"")
    ended.update(window=None)


def _waiting(job: SyncJob) -> EventQuerySet:
    return Event.objects.waiting().filter(window__in=SyncWindow.objects.filter(job=job))


def _change(
    job: SyncJob,
    from_states: set[JobState],
    *,
    by: Actor,
    now: datetime,
    reason: str = "",
    **changes: object,
) -> None:
    before = job.state
    row = SyncJob.objects.filter(pk=job.pk, state__in=from_states)
    if not row.update(**changes):
        current = SyncJob.objects.values_list("state", flat=True).get(pk=job.pk)
        raise NotNow(f"This is {_WORDS[JobState(current)]}.")
    for name, value in changes.items():
        setattr(job, name, value)
    audit.record(
        f"job.{_VERBS[JobState(job.state)]}",
        job.store,
        by=by,
        now=now,
        subject=str(job),
        before={"state": before},
        after={"state": job.state},
        reason=reason,
    )


_WORDS = {
    JobState.DRAFT: "not started yet",
    JobState.RUNNING: "under way already",
    JobState.PAUSED: "paused",
    JobState.CANCELLED: "stopped",
    JobState.DONE: "done",
}
_VERBS = {
    JobState.RUNNING: "started",
    JobState.PAUSED: "paused",
    JobState.CANCELLED: "stopped",
}
