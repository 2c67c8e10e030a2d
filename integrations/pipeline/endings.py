"""How each event of a batch ends, decided from what became of its operations."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from integrations.domain import retries
from integrations.domain.failures import Failure
from integrations.domain.skips import Skip

from .breakers import WAITS_CODE
from .items import Item, Outcome
from .login_states import WAITS
from .reading import Reading

# An order's own message may come after its refund, but not by much.
ORDER_UNKNOWN_TRIES = 6


# By which rule there was nothing to send, where all operations of an event ended alike.
RULES = {Outcome.STALE: Skip.STALE, Outcome.ABSENT: Skip.NOT_IN_CATALOG}


@dataclass(slots=True)
class Ending:
    """How one event leaves this batch."""

    reading: Reading
    state: str
    skip: str = ""
    failure: Failure | None = None
    next_attempt_at: datetime | None = None
    counts: bool = True
    # What a person reads while it waits for something that is no failure of its own.
    waits_for: str = ""


def endings(readings: list[Reading], items: list[Item], *, now: datetime) -> list[Ending]:
    """Say how each event leaves the batch, in the order they came."""
    by_event: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        by_event[item.event_id].append(item)
        for follower in item.followers:
            by_event[follower].append(item)
    return [_ending(reading, by_event[reading.event.pk], now) for reading in readings]


def _ending(reading: Reading, items: list[Item], now: datetime) -> Ending:
    if reading.unreadable is not None:
        return Ending(reading, "dead")
    if reading.failure is not None:
        return _failed(reading, reading.failure, now)
    if reading.skip is not None:
        return Ending(reading, "skipped", skip=reading.skip)
    return _ending_of_items(reading, items, now)


def _ending_of_items(reading: Reading, items: list[Item], now: datetime) -> Ending:
    """The worst outcome decides: what must be tried again, then what must wait, then the dead."""
    outcomes = {item.outcome for item in items}
    if Outcome.RETRY in outcomes:
        return _failed(reading, _first_failure(items), now)
    if Outcome.WAIT in outcomes:
        until = max((item.wait_until for item in items if item.wait_until), default=now)
        return Ending(reading, "waiting", next_attempt_at=until, counts=False)
    if Outcome.DEAD in outcomes:
        if any(
            item.outcome is Outcome.DEAD and item.event_id == reading.event.pk for item in items
        ):
            return Ending(reading, "dead")
        # What it said was carried by another event and refused: it is judged on its own next.
        return Ending(reading, "waiting", next_attempt_at=now, counts=False)
    if Outcome.ACCEPTED in outcomes:
        return Ending(reading, "delivered")
    rule = RULES.get(next(iter(outcomes), Outcome.UNCHANGED)) if len(outcomes) == 1 else None
    return Ending(reading, "skipped", skip=rule or Skip.UNCHANGED)


def _failed(reading: Reading, failure: Failure, now: datetime) -> Ending:
    failures = reading.event.failures + 1
    decision = retries.decide(failure, failures=failures, now=now)
    if failure.code == "order_unknown" and failures >= ORDER_UNKNOWN_TRIES:
        decision = retries.Discard(failure.message)
    match decision:
        case retries.Retry(at=at):
            return Ending(reading, "waiting", failure=failure, next_attempt_at=at)
        case retries.Snooze(until=until):
            waits_for = failure.message if failure.code == WAITS_CODE else ""
            return Ending(
                reading, "waiting", next_attempt_at=until, counts=False, waits_for=waits_for
            )
        case retries.Suspend():
            # Nothing is wrong with the event: it is let go on when the login works again.
            later = now + retries.LONGEST_WAIT
            return Ending(reading, "waiting", next_attempt_at=later, counts=False, waits_for=WAITS)
        case retries.Discard():
            return Ending(reading, "dead", failure=failure)


def _first_failure(items: Iterable[Item]) -> Failure:
    return next(
        item.failure for item in items if item.outcome is Outcome.RETRY and item.failure is not None
    )
