"""How a message ends, and is counted, when what was left of it goes into the bin or comes out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from integrations.domain.skips import Skip
from integrations.models import DeadLetter, Event
from integrations.models.dead_letters import DeadLetterState
from integrations.models.events import EventState

from . import tallies, windows

# As long as one of these is there, somebody or something is still at work on the message.
UNSETTLED = (DeadLetterState.OPEN, DeadLetterState.SENDING)


def lock(ids: Sequence[int]) -> dict[int, Event]:
    """Hold the messages of some failed records, always in one order and before the records."""
    wanted = DeadLetter.objects.filter(pk__in=ids).values("event")
    rows = Event.objects.filter(pk__in=wanted).defer("body").order_by("pk")
    return {one.pk: one for one in rows.select_for_update()}


def end(events: Iterable[Event], *, leaving: Sequence[int], rule: Skip, now: datetime) -> int:
    """Let messages end as skipped of which nothing is left to decide but the records `leaving`."""
    dead = [one for one in events if one.state == EventState.DEAD]
    others = DeadLetter.objects.filter(event__in=[one.pk for one in dead], state__in=UNSETTLED)
    kept = set(others.exclude(pk__in=leaving).values_list("event_id", flat=True))
    ending = [one for one in dead if one.pk not in kept]
    rows = Event.objects.filter(pk__in=[one.pk for one in ending])
    rows.update(state=EventState.SKIPPED, skip=rule)
    _recount(ending, EventState.SKIPPED, rule, now=now)
    return len(ending)


def revive(events: Iterable[Event], *, now: datetime) -> int:
    """Let messages need a person again that had ended without one of their records."""
    again = [one for one in events if one.state in (EventState.SKIPPED, EventState.DELIVERED)]
    rows = Event.objects.filter(pk__in=[one.pk for one in again])
    rows.update(state=EventState.DEAD, skip="")
    _recount(again, EventState.DEAD, "", now=now)
    return len(again)


def _recount(events: list[Event], state: str, skip: str, *, now: datetime) -> None:
    """Move messages in the figures of their minutes and periods from one ending to another."""
    by_store: dict[int, list[Event]] = defaultdict(list)
    for one in events:
        by_store[one.store_id].append(one)
    for store_id, theirs in sorted(by_store.items()):
        tallies.take_back(store_id, [(one, one.state, one.skip) for one in theirs], now=now)
        tallies.add(store_id, [(one, state, skip) for one in theirs], now=now)
    # Taken back first: a period never has more endings than it found.
    windows.count([(one, one.state, one.skip) for one in events], now=now, sign=-1)
    windows.count([(one, state, skip) for one in events], now=now)
    for one in events:
        one.state, one.skip = state, skip
