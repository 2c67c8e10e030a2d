"""Following Klaviyo's bulk jobs to their end: 202 said "taken", this says what became of it."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.lanes import Lane
from integrations.domain.operations import Profile, identity_of
from integrations.models import DeadLetter, Delivery, Event, RemoteJob, Store
from integrations.models.jobs import JobState
from integrations.platforms.klaviyo import jobs as platform
from integrations.platforms.klaviyo.client import JobError, Klaviyo
from integrations.platforms.klaviyo.endpoints import Endpoint

from . import budgets, dead_letters, logins, sending_again, tallies, undo_results, windows

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

AT_ONCE = 50
# Jobs are asked about each minute; the next look goes on where this one ended.
LONGEST_LOOK = timedelta(seconds=45)
LONGEST_POLL = timedelta(seconds=60)
# Klaviyo keeps results for a while it does not name; a job nobody can tell about is given up.
GIVE_UP = timedelta(days=3)
# Whether an item exists at Klaviyo is learned by trying; after these tries it is not that.
MOST_FLIPS = 3
CATALOG_CREATES = {Endpoint.ITEMS_CREATE, Endpoint.VARIANTS_CREATE}
CATALOG_UPDATES = {Endpoint.ITEMS_UPDATE, Endpoint.VARIANTS_UPDATE, Endpoint.ITEMS_DELETE}


def follow_due(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Ask about every job whose time has come; returns how many have ended."""
    ended, until = 0, clock() + LONGEST_LOOK
    while due := list(RemoteJob.objects.due(clock())[:AT_ONCE]):
        for job in due:
            if stopping() or clock() > until:
                return ended
            ended += _follow(job, clock)
    return ended


def _follow(job: RemoteJob, clock: Clock) -> bool:
    now = clock()
    wait = min(LONGEST_POLL, timedelta(seconds=5) * 2 ** min(job.polls, 5))
    # Claimed by moving its time: whoever moves it asks.
    ours = RemoteJob.objects.filter(pk=job.pk, polls=job.polls, state=JobState.OPEN).update(
        polls=F("polls") + 1, next_poll_at=now + wait
    )
    if not ours:
        return False
    grant = budgets.take(
        job.klaviyo_account_id, Endpoint.JOB_STATUS, wanted=1, lane=Lane.LIVE, now=now
    )
    client = _client(job, now)
    if not grant.calls or client is None:
        return False
    try:
        found = platform.look(client, Endpoint(job.endpoint), job.remote_id)
    except PlatformError as exc:
        _trouble(job, exc.failure, now)
        return False
    if found.finished:
        _settle(job, found.errors, clock())
    return found.finished


def _client(job: RemoteJob, now: datetime) -> Klaviyo | None:
    if job.klaviyo_account.tripped_at:
        return None
    try:
        return logins.klaviyo(job.klaviyo_account, now=now)
    except PlatformError:
        # The job is asked about again when the login works; the login's own story says why.
        return None


def _trouble(job: RemoteJob, failure: Failure, now: datetime) -> None:
    if failure.kind is FailureKind.RATE_LIMITED and failure.retry_after:
        wait = failure.retry_after
        budgets.block(job.klaviyo_account_id, Endpoint.JOB_STATUS, wait=wait, now=now)
    if failure.status == 404 or now - job.submitted_at > GIVE_UP:
        _lose(job, now)
        log.warning("job.lost", extra={"job": job.pk, "error": failure.message})


def _lose(job: RemoteJob, now: datetime) -> None:
    with transaction.atomic():
        RemoteJob.objects.filter(pk=job.pk).update(state=JobState.LOST)
        if job.undo_id:
            undo_results.lose(job, now=now)
        else:
            _doubt(job)


def _doubt(job: RemoteJob) -> None:
    """Whether these things were made by us nobody can prove, so nobody may remove them for it."""
    if job.endpoint in CATALOG_CREATES:
        names = [identity for identity, _ in job.items]
        told = Delivery.objects.filter(klaviyo_account=job.klaviyo_account_id, made=True)
        told.filter(identity__in=names).update(made=False)


def _settle(job: RemoteJob, errors: list[JobError], now: datetime) -> None:
    by_event: dict[int, list[tuple[str, JobError]]] = defaultdict(list)
    unnamed = False
    known = {identity: place for place, (identity, _) in enumerate(job.items)}
    for error in errors:
        place = _place(job.items, known, error)
        if place is None:
            # Nothing of what was sent can be meant by it; the count of errors still shows it.
            log.warning("job.error_unnamed", extra={"job": job.pk, "code": error.code})
            unnamed = True
            continue
        identity, event_id = job.items[place]
        by_event[event_id].append((identity, error))
    with transaction.atomic():
        RemoteJob.objects.filter(pk=job.pk).update(state=JobState.DONE, failed=len(errors))
        if unnamed:
            _doubt(job)
        if job.undo_id:
            refused = dict(one for failed in by_event.values() for one in failed)
            send_again(undo_results.settle(job, refused, now=now), now=now)
            return
        events = Event.objects.select_for_update().in_bulk(list(by_event))
        for event_id, failed in by_event.items():
            if event := events.get(event_id):
                _reconsider(job, event, failed, now)
    log.info("job.ended", extra={"job": job.pk, "items": len(job.items), "failed": len(errors)})


def _place(items: list[list[Any]], known: Mapping[str, int], error: JobError) -> int | None:
    """Which item an error is about: by its position, by its person, or as the only one."""
    if error.position is not None and error.position < len(items):
        return error.position
    if error.person:
        return known.get(identity_of(Profile.from_key(error.person.lower())))
    return 0 if len(items) == 1 else None


def _reconsider(
    job: RemoteJob, event: Event, failed: list[tuple[str, JobError]], now: datetime
) -> None:
    """Put an event back whose operation did not pass after all, or put it aside for a person."""
    endpoint = Endpoint(job.endpoint)
    known = Delivery.objects.filter(
        klaviyo_account_id=job.klaviyo_account_id, identity__in=[name for name, _ in failed]
    )
    is_catalog = endpoint in CATALOG_CREATES | CATALOG_UPDATES
    # A creation may have failed because the thing exists, an update because it does not. Which
    # code says so is not published, so the other way is tried; after a few turns it is not that.
    known.update(present=endpoint in CATALOG_CREATES, fingerprint=b"", made=False)
    before, skip = event.state, event.skip
    if is_catalog and event.failures + 1 < MOST_FLIPS:
        _move(event, "waiting", now)
    else:
        # The content was refused, so the next version of it must not count as known.
        _put_aside(job, event, failed, now)
        _move(event, "dead", now)
    if before in {"delivered", "skipped", "dead"}:
        _count_back(event, before, skip, now=now)
    if event.state == "dead":
        ended = [(event, "dead", "")]
        tallies.add(event.store_id, ended, now=now)
        windows.count(ended, now=now)


def send_again(events: list[int], *, now: datetime) -> None:
    """Put events back that ended well, since what they told may have been undone meanwhile."""
    again = Event.objects.select_for_update().filter(pk__in=events).order_by("pk")
    for event in again.filter(state__in=["delivered", "skipped"]).exclude(body=b""):
        before, skip = event.state, event.skip
        _count_back(event, before, skip, now=now)
        _move(event, "waiting", now)


def _count_back(event: Event, state: str, skip: str, *, now: datetime) -> None:
    ended = [(event, state, skip)]
    tallies.take_back(event.store_id, ended, now=now)
    windows.count(ended, now=now, sign=-1)


def _move(event: Event, state: str, now: datetime) -> None:
    event.state, event.skip = state, ""
    Event.objects.filter(pk=event.pk).update(
        state=state,
        skip="",
        failures=F("failures") + 1,
        settled_at=None if state == "waiting" else now,
        next_attempt_at=now,
    )
    if state == "waiting" and event.window_id is not None:
        windows.reopen(event.window_id)


def _put_aside(
    job: RemoteJob, event: Event, failed: list[tuple[str, JobError]], now: datetime
) -> None:
    store = Store.objects.get(pk=event.store_id)
    rows = []
    names: dict[str, str] = {}
    if event.lane == Lane.REPLAY:
        names = sending_again.own_names(event.pk, [identity for identity, _ in failed])
    for sent_as, error in failed:
        identity = names.get(sent_as, sent_as)
        field = dead_letters.field_of(error.pointer)
        code = error.code or "rejected"
        rows.append(
            DeadLetter(
                store=store,
                klaviyo_account_id=job.klaviyo_account_id,
                event=event,
                cause_id=dead_letters.cause(
                    store, "klaviyo", code, field, "", message=error.detail, now=now
                ),
                identity=identity,
                kind=identity.partition(":")[0],
                source_id=identity.rpartition(":")[2][:64],
                message=error.detail[:500],
                pointer=error.pointer[:300],
                answer=f"job {job.remote_id}: {error.code} {error.detail}"[:2000],
                attempts=event.attempts,
                created_at=now,
                failed_at=now,
            )
        )
    dead_letters.put_aside(rows, now=now)
