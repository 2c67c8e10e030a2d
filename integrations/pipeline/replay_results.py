"""What became of records that were sent again: written down in the settling transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from integrations.domain.replays import ItemState
from integrations.domain.skips import SENTENCES, Skip
from integrations.models import DeadLetter, Event
from integrations.models.dead_letters import DeadLetterState
from integrations.models.events import EventState

from . import set_aside, windows
from .endings import Ending
from .items import Item, Outcome
from .sending_again import Again, Letter

RESULTS = {
    Outcome.ACCEPTED: ItemState.SENT,
    Outcome.UNCHANGED: ItemState.KNOWN,
    Outcome.STALE: ItemState.KNOWN,
    Outcome.ABSENT: ItemState.KNOWN,
}
NOT_SAID = "The message, as it is read now, does not say this any more."
SAID_BY_OTHERS = "The same was said by another record, which was sent."
PARTLY_REFUSED = "It can be read now. What was refused of it has records of its own."
REPLACED = "replaced"
# With a record in one of these an event needs a person, or will be sent again.
_UNDECIDED = set_aside.UNSETTLED


@dataclass(slots=True)
class Verdicts:
    """What one batch leads to for the records in it."""

    again: Again
    # How the events ended before it was asked what else of them needs somebody.
    ended: dict[int, Ending] = field(default_factory=dict)
    was: dict[int, tuple[str, str]] = field(default_factory=dict)
    results: dict[int, tuple[ItemState, str]] = field(default_factory=dict)

    def decide(self, endings: Iterable[Ending]) -> None:
        """Keep an event dead while one of its records is open or its turn has not come.

        To be called first in the settling transaction: the records are locked, so that nobody
        bins or begins one at the same moment.
        """
        self.ended = {one.reading.event.pk: one for one in endings}
        self.was = {pk: (one.state, str(one.skip)) for pk, one in self.ended.items()}
        ours = sorted(self.again.letters)
        list(Event.objects.filter(pk__in=ours).order_by("pk").select_for_update().values("pk"))
        rows = DeadLetter.objects.filter(event__in=ours).order_by("pk").select_for_update()
        on_way = {one.pk for one in self._on_way()}
        undecided: set[int] = set()
        binned: set[int] = set()
        for pk, event_id, state in rows.values_list("pk", "event_id", "state"):
            if state in _UNDECIDED and pk not in on_way:
                undecided.add(event_id)
            elif state == DeadLetterState.BINNED:
                binned.add(event_id)
        for pk in ours:
            ending = self.ended.get(pk)
            if ending is None or ending.state not in {EventState.DELIVERED, EventState.SKIPPED}:
                continue
            if pk in undecided:
                ending.state, ending.skip = EventState.DEAD.value, ""
            elif pk in binned and ending.skip == Skip.UNCHANGED:
                ending.skip = Skip.SET_ASIDE

    def settle(self, items: Iterable[Item], *, now: datetime) -> None:
        """Settle the records whose operation was sent, or known."""
        for item in items:
            result = RESULTS.get(item.outcome)
            if result is None:
                continue
            for event_id in (item.event_id, *item.followers):
                letter = self.again.theirs.get((event_id, item.identity))
                if letter is None or letter.item is None:
                    continue
                if event_id != item.event_id:
                    self.results.setdefault(letter.pk, (ItemState.KNOWN, SAID_BY_OTHERS))
                else:
                    self.results.setdefault(letter.pk, (result, ""))
        _write(self.results, now)

    def finish(self, *, now: datetime) -> None:
        """Settle what is left of events that have ended, once failures are put aside."""
        left: dict[int, tuple[ItemState, str]] = {}
        over = [pk for pk, (state, _) in self.was.items() if state != EventState.WAITING]
        for letter in self._on_way():
            if letter.event_id in over and letter.pk not in self.results:
                left[letter.pk] = self._rest(letter)
        # Those that failed are open again, and stay so.
        _write(left, now)
        replaced(over, now=now)

    def _rest(self, letter: Letter) -> tuple[ItemState, str]:
        state, skip = self.was[letter.event_id]
        if letter.identity and not skip:
            return ItemState.SKIPPED, NOT_SAID
        if state == EventState.DELIVERED:
            return ItemState.SENT, ""
        if state == EventState.DEAD:
            return ItemState.FAILED, PARTLY_REFUSED
        known = skip in windows.KNOWN
        return ItemState.KNOWN if known else ItemState.SKIPPED, SENTENCES[Skip(skip)]

    def _on_way(self) -> list[Letter]:
        return [
            letter
            for letters in self.again.letters.values()
            for letter in letters.values()
            if letter.item is not None
        ]


_SETTLE = """
WITH result AS (
  SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[])
    AS result(letter, state, settled_as, message)
), settled AS (
  UPDATE integrations_deadletter letter
  SET state = 'resolved', settled_at = %s, settled_as = result.settled_as
  FROM result WHERE letter.id = result.letter AND letter.state = 'sending'
  RETURNING letter.id
)
UPDATE integrations_replayitem item
SET state = result.state, message = result.message, settled_at = %s
FROM result JOIN settled ON settled.id = result.letter
WHERE item.dead_letter_id = result.letter AND item.state = 'on_way'
"""
# The last time it was sent: a bulk job may say long afterwards that it did not pass.
_FAIL = """
UPDATE integrations_replayitem item
SET state = 'failed', message = failed.message, settled_at = %s
FROM unnest(%s::bigint[], %s::text[]) AS failed(letter, message)
WHERE item.dead_letter_id = failed.letter
  AND (item.state IN ('waiting', 'on_way') OR item.state IN ('sent', 'known')
       AND item.id = (SELECT max(id) FROM integrations_replayitem
                      WHERE dead_letter_id = failed.letter AND state <> 'listed'))
"""


def _write(results: dict[int, tuple[ItemState, str]], now: datetime) -> None:
    if not results:
        return
    pks = sorted(results)
    states = [results[pk][0] for pk in pks]
    # What was read, and then refused in parts, is replaced by the records of the parts.
    settled_as = [REPLACED if one is ItemState.FAILED else one.value for one in states]
    values: list[Any] = [
        pks,
        [one.value for one in states],
        settled_as,
        [results[pk][1] for pk in pks],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, [*values, now, now])


def fail(failed: dict[int, str], *, now: datetime) -> None:
    """Say of the items of these records that they failed again; `failed` by dead letter."""
    if failed:
        with connection.cursor() as cursor:
            cursor.execute(_FAIL, [now, list(failed), list(failed.values())])


def replaced(events: Iterable[int], *, now: datetime) -> None:
    """Settle the records for which these events, which have ended, were fetched afresh."""
    stands_for = DeadLetter.objects.filter(
        replaced_by__in=list(events), state=DeadLetterState.SENDING
    )
    rows = dict(
        stands_for.order_by("pk").select_for_update(of=("self",)).values_list("pk", "event_id")
    )
    if not rows:
        return
    DeadLetter.objects.filter(pk__in=rows).update(
        state=DeadLetterState.RESOLVED, settled_as=REPLACED, settled_at=now
    )
    _close(set(rows.values()), now)


def _close(events: set[int], now: datetime) -> None:
    """End messages that were dead and of which no record needs anybody any more."""
    binned = DeadLetter.objects.filter(state=DeadLetterState.BINNED, event__in=events)
    in_bin = set(binned.values_list("event_id", flat=True))
    rows = Event.objects.filter(pk__in=events).defer("body").order_by("pk").select_for_update()
    found = list(rows)
    set_aside.end(
        [one for one in found if one.pk in in_bin], leaving=(), rule=Skip.SET_ASIDE, now=now
    )
    # A newer version of what they say was fetched, and took their place.
    set_aside.end(
        [one for one in found if one.pk not in in_bin], leaving=(), rule=Skip.STALE, now=now
    )
