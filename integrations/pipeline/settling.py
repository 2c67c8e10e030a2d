"""Settle: ledger, dead letters, counts and the events themselves, in one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from integrations.domain.lanes import Lane
from integrations.domain.operations import DeleteCatalogItem
from integrations.models import (
    Attempt,
    Credential,
    RemoteJob,
    Store,
)
from integrations.models.lanes import Claim
from integrations.platforms.klaviyo.endpoints import Endpoint

from . import (
    bookkeeping,
    breakers,
    dead_letters,
    destinations,
    ledger,
    refusals,
    shop_news,
    tallies,
    windows,
)
from .bookkeeping import Books, Ended, GivenBack
from .destinations import Destination
from .endings import Ending, endings
from .items import Item, Outcome
from .reading import Reading
from .replay_results import Verdicts
from .sending import Report
from .sending_again import Again

# After a batch in trouble a lane rests, so that an outage costs calls and not every event's tries,
# until the account's breaker, which sees all its lanes, holds them back together.
LANE_REST = timedelta(seconds=2)
LONGEST_REST = timedelta(minutes=5)
# Events in one batch. Past data goes in larger ones, so that the requests of a batch are full.
MOST_AT_ONCE = {Lane.LIVE: 500, Lane.REPLAY: 500, Lane.BACKFILL: 1000, Lane.REPORT: 500}
FIRST_POLL = timedelta(seconds=5)
CREATES = {Endpoint.ITEMS_CREATE, Endpoint.VARIANTS_CREATE}


# A login's success is written down this often, and not with each batch.
NOTED_EVERY = timedelta(minutes=1)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
_noted: dict[int, datetime] = {}


@dataclass(slots=True)
class Batch:
    """Everything one claim led to."""

    claim: Claim
    destination: Destination
    readings: list[Reading]
    items: list[Item]
    report: Report
    endings: list[Ending] = field(default_factory=list)
    # In the replay lane: the records that are sent again.
    again: Again | None = None

    @property
    def store(self) -> Store:
        """The store whose news this is."""
        return self.destination.store


def settle(batch: Batch, *, now: datetime) -> None:
    """Write down what came of a batch, all of it or nothing. Raises LostLease."""
    batch.endings = endings(batch.readings, batch.items, now=now)
    lane = _lane(batch, now)
    if _is_plain(batch):
        bookkeeping.write(lane, _books(batch, now), now=now)
        _note_login(batch, now)
        return
    with transaction.atomic():
        # Whoever took the lane over has the say, so this comes before everything else.
        calls = bookkeeping.give_back(lane)
        verdicts = Verdicts(batch.again) if batch.again is not None else None
        if verdicts is not None:
            verdicts.decide(batch.endings)
        ended = bookkeeping.finish(lane, _books(batch, now), calls, now=now)
        if batch.claim.lane is not Lane.LIVE:
            # A stop takes events back that somebody may have in hand: they are not the window's.
            really = set(ended)
            windows.count((one for one in _ended(batch.endings) if one[0].pk in really), now=now)
        _keep_jobs(batch)
        if verdicts is not None:
            verdicts.settle(batch.items, now=now)
        _put_aside(batch, now)
        if verdicts is not None:
            verdicts.finish(now=now)
        _keep_attempts(batch.endings, calls, batch.items, now)
        _note_login(batch, now)
        _note_trouble(batch, now)
        shop_news.take(batch.store, batch.readings, now=now)


def _is_plain(batch: Batch) -> bool:
    """Whether the books are all there is to write, as it is with most batches of live work."""
    report = batch.report
    return (
        batch.claim.lane is Lane.LIVE
        and not (batch.again or report.jobs or report.auth_failure or report.troubled)
        and not breakers.is_troubled(batch.store.klaviyo_account)
        and all(one.failure is None and one.state != "dead" for one in batch.endings)
        and all(item.outcome is not Outcome.DEAD for item in batch.items)
        and all(one.skip not in shop_news.NEWS for one in batch.readings)
    )


def _books(batch: Batch, now: datetime) -> Books:
    delivered, ended = _endings(batch.endings)
    return Books(
        entries=list(_entries(batch)),
        delivered=delivered,
        ended=ended,
        counts=tallies.count(_ended(batch.endings), now=now),
    )


def _lane(batch: Batch, now: datetime) -> GivenBack:
    report, claim = batch.report, batch.claim
    failures = claim.failures + 1 if report.troubled else 0
    until, reason = report.wait_until, report.wait_reason
    if report.troubled and until is None:
        rest = min(LONGEST_REST, LANE_REST * 2 ** min(failures - 1, 10))
        until, reason = now + rest, report.troubled.message
    return GivenBack(
        claim=claim,
        account_id=batch.store.klaviyo_account_id,
        calls=report.calls,
        until=until,
        reason=reason,
        failures=failures,
        is_troubled=bool(report.troubled),
        most=MOST_AT_ONCE[claim.lane],
        progressed_at=now if any(True for _ in _ended(batch.endings)) else None,
    )


def _put_aside(batch: Batch, now: datetime) -> None:
    names = batch.again.own_names() if batch.again is not None else {}
    dead_letters.keep(batch.store, batch.readings, batch.items, batch.endings, now=now, names=names)


def _keep_jobs(batch: Batch) -> None:
    if not batch.report.jobs:
        return
    RemoteJob.objects.bulk_create(
        (
            RemoteJob(
                klaviyo_account_id=batch.store.klaviyo_account_id,
                endpoint=job.endpoint,
                remote_id=job.remote_id,
                items=[[item.identity, item.event_id] for item in job.items],
                submitted_at=job.submitted_at,
                next_poll_at=job.submitted_at + FIRST_POLL,
            )
            for job in batch.report.jobs
        ),
        ignore_conflicts=True,
    )


def _entries(batch: Batch) -> Iterable[ledger.Entry]:
    read_by = {one.event.pk: one.event.window_id for one in batch.readings}
    # Without a job to ask about nobody will say whether a thing was really made.
    made = {id(item) for job in batch.report.jobs if job.endpoint in CREATES for item in job.items}
    for item in batch.items:
        if item.outcome is Outcome.ACCEPTED:
            operation = item.operation
            yield ledger.Entry(
                kind=operation.kind.value,
                identity=item.identity,
                source_id=getattr(operation, "source_id", ""),
                profile=item.profile,
                fingerprint=item.fingerprint,
                version=operation.version,
                present=not isinstance(operation, DeleteCatalogItem),
                event_id=item.event_id,
                call=item.call,
                window_id=read_by.get(item.event_id),
                made=id(item) in made,
            )


def _endings(endings: list[Ending]) -> tuple[list[int], list[Ended]]:
    """Those of which there is nothing to say but that they were delivered, and the others."""
    plain, rest = [], []
    for one in endings:
        if one.state == "delivered" and not one.reading.notes:
            plain.append(one.reading.event.pk)
        else:
            rest.append(
                Ended(
                    id=one.reading.event.pk,
                    state=one.state,
                    skip=str(one.skip),
                    note=",".join(one.reading.notes)[:200],
                    error=(one.failure.message if one.failure else one.waits_for)[:500],
                    next_attempt_at=one.next_attempt_at,
                    tries=1 if one.counts else 0,
                    failures=1 if one.failure else 0,
                )
            )
    return plain, rest


def _keep_attempts(
    endings: list[Ending], calls: list[int], items: list[Item], now: datetime
) -> None:
    by_event = {
        item.event_id: calls[item.call]
        for item in items
        if item.outcome is Outcome.RETRY and item.call is not None
    }
    Attempt.objects.bulk_create(
        Attempt(
            event_id=one.reading.event.pk,
            number=one.reading.event.attempts + 1,
            at=now,
            kind=one.failure.kind,
            message=one.failure.message[:500],
            status=one.failure.status,
            next_attempt_at=one.next_attempt_at,
            call_id=by_event.get(one.reading.event.pk),
        )
        for one in endings
        if one.failure is not None
    )


def _ended(endings: list[Ending]) -> Iterable[tallies.Ended]:
    return ((one.reading.event, one.state, one.skip) for one in endings if one.state != "waiting")


def _note_login(batch: Batch, now: datetime) -> None:
    """Keep what this batch showed about the account's login, at most once a minute."""
    account = batch.store.klaviyo_account_id
    if batch.report.auth_failure:
        refusals.settle(batch.destination, batch.report, now=now)
        _noted.pop(account, None)
    elif any(call.status and 200 <= call.status < 300 for call in batch.report.calls):
        if now - _noted.get(account, LONG_AGO) < NOTED_EVERY:
            return
        _noted[account] = now
        stale = Q(last_success_at=None) | Q(last_success_at__lt=now - NOTED_EVERY)
        login = Credential.objects.filter(stale, klaviyo_account_id=account)
        login.update(last_success_at=now)


def _note_trouble(batch: Batch, now: datetime) -> None:
    """Tell the account's breaker; a batch that goes well, as the one before did, costs nothing."""
    account, report = batch.store.klaviyo_account, batch.report
    if report.got_nowhere and report.calls:
        assert report.troubled is not None  # noqa: S101 - or it would have got somewhere
        breakers.failed(account, report.troubled, calls=len(report.calls), now=now)
        destinations.forget(batch.store.pk)
    elif report.answered and breakers.is_troubled(account):
        breakers.answered(account, now=now)
        destinations.forget(batch.store.pk)
