"""The inbox: one batch of one lane, from claim to settled."""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from integrations.domain.lanes import Lane
from integrations.models import Attempt, Event, Store, StoreLane
from integrations.models.lanes import LEASE, Claim, Taken

from . import (
    befores,
    dead_letters,
    destinations,
    filling,
    ledger,
    lookups,
    refusals,
    replay_results,
    sending_again,
    steps,
    tallies,
    windows,
)
from .bookkeeping import LostLease
from .destinations import Destination
from .items import Item
from .planning import Plan
from .reading import Reading, read_all
from .sending import Report, Sender
from .settling import Batch, settle
from .steps import Steps

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

# Bodies of one batch together, so that a worker's memory is bounded whatever arrives.
MOST_BYTES = 6_000_000
# An event that took its worker down this often is put aside.
MOST_CRASHES = 3


def work_off(claim: Claim, *, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Work off one batch of a claimed lane in this thread; returns how many events it held."""
    return steps.run(batch(claim, clock=clock, stopping=stopping))


def batch(
    claim: Claim,
    *,
    clock: Clock,
    stopping: Callable[[], bool],
    weigh: Callable[[int], None] = lambda _: None,
) -> Steps[int]:
    """Work off one batch of a claimed lane; returns how many events it held.

    `weigh` is told the bytes of the bodies once they are in hand.
    """
    events = _take(claim, now=clock())
    weight = sum(len(event.body) for event in events)
    weigh(weight)
    if not events:
        StoreLane.objects.owned(claim).update(lease_until=None, lease_by="")
        return 0
    destination = destinations.of(claim.store_id, now=clock())
    store = destination.store
    again = None
    if claim.lane is Lane.REPLAY:
        again = sending_again.load(event.pk for event in events)
        events = again.bodies(events, now=clock())
    readings = read_all(
        events,
        settings=store.translation,
        find_buyers=lambda ids: ledger.read_buyers(store.klaviyo_account_id, str(store.pk), ids),
        fetch_orders=lambda ids: lookups.orders(store, ids, now=clock()),
    )
    if again is not None:
        again.change(readings)
    plan = Plan(store, history=claim.lane > Lane.LIVE, now=clock())
    to_send = plan.add_all(readings)
    # A batch that holds what a batch can: more is likely to wait.
    is_full = len(events) >= claim.batch_limit or weight > 0.9 * MOST_BYTES
    if claim.lane > Lane.LIVE and is_full:
        readings, to_send = filling.cut(readings, to_send)
    try:
        to_send = befores.keep(destination, claim.lane, readings, to_send, clock=clock)
        report = Report()
        if to_send:
            report = yield from _send(destination, claim, to_send, clock, stopping)
        refusals.second_chance(destination, report, now=clock())
        settle(Batch(claim, destination, readings, plan.items, report, again=again), now=clock())
    except LostLease:
        # Whoever took the lane over sends the same identities again, which changes nothing.
        log.warning("batch.lost_lease", extra={"lane": claim.pk, "epoch": claim.epoch})
        return 0
    _log(store, readings, report)
    return len(events)


def _take(claim: Claim, *, now: datetime) -> list[Taken]:
    """Note which events this claim has in hand, and read them.

    The note is what counts an attempt: if this worker dies, the next holder of the lane finds it.
    """
    limit = claim.batch_limit
    if claim.orphans:
        with transaction.atomic():
            limit = _adopt(claim, now)
            StoreLane.objects.owned(claim).update(in_hand=[])
    return StoreLane.objects.take(claim, most=limit, most_bytes=MOST_BYTES, now=now)


def _adopt(claim: Claim, now: datetime) -> int:
    """Count the try of a worker that died, and make the next batch smaller to find the culprit."""
    Event.objects.count_lost_attempt(claim.orphans)
    lost = list(Event.objects.waiting().filter(pk__in=claim.orphans).defer("body"))
    Attempt.objects.bulk_create(
        Attempt(
            event=event,
            number=event.attempts,
            at=now,
            kind="crash",
            message="The worker stopped while this was in hand.",
            next_attempt_at=now,
        )
        for event in lost
    )
    culprits = [event for event in lost if event.crashes >= MOST_CRASHES]
    if len(claim.orphans) == 1 and culprits:
        _put_aside(claim.store_id, culprits, now)
    log.warning("lane.adopted", extra={"lane": claim.pk, "events": len(claim.orphans)})
    return max(1, len(claim.orphans) // 10)


def _put_aside(store_id: int, culprits: list[Event], now: datetime) -> None:
    store = Store.objects.get(pk=store_id)
    dead_letters.put_aside(
        [dead_letters.of_worker_death(store, one.pk, one.attempts, now=now) for one in culprits],
        now=now,
    )
    Event.objects.waiting().filter(pk__in=[one.pk for one in culprits]).update(
        state="dead", settled_at=now
    )
    ended = [(one, "dead", "") for one in culprits]
    tallies.add(store_id, ended, now=now)
    windows.count(ended, now=now)
    replay_results.replaced([one.pk for one in culprits], now=now)


def _send(
    destination: Destination,
    claim: Claim,
    items: list[Item],
    clock: Clock,
    stopping: Callable[[], bool],
) -> Steps[Report]:
    sender = Sender(
        client=destination.client,
        account_id=destination.store.klaviyo_account_id,
        lane=claim.lane,
        clock=clock,
        stopping=stopping,
        keep_lease=_Lease(claim, clock).keep,
    )
    return sender.send(items)


class _Lease:
    """The lease of one claim, renewed when a part of it has passed."""

    def __init__(self, claim: Claim, clock: Clock) -> None:
        self._claim, self._clock, self._renewed_at = claim, clock, clock()

    def keep(self) -> None:
        """Renew it if that is due. Raises LostLease when the lane is no longer ours."""
        now = self._clock()
        if now - self._renewed_at < LEASE / 6:
            return
        if not StoreLane.objects.owned(self._claim).update(lease_until=now + LEASE):
            raise LostLease(f"lane {self._claim.pk} is past epoch {self._claim.epoch}")
        self._renewed_at = now


def _log(store: Store, readings: list[Reading], report: Report) -> None:
    log.info(
        "batch.settled",
        extra={
            "store": str(store.public_id),
            "events": len(readings),
            "calls": len(report.calls),
            "waiting": report.wait_reason,
        },
    )
