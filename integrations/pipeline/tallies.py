"""Counting how events ended, per minute of their arrival."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from integrations.models import Event, statements
from integrations.models.lanes import Taken

ADD = """
INSERT INTO integrations_tally AS known (store_id, minute, delivered, skipped, dead, lag_seconds)
{source}
ON CONFLICT (store_id, minute) DO UPDATE
SET delivered = known.delivered + excluded.delivered, skipped = known.skipped + excluded.skipped,
    dead = known.dead + excluded.dead, lag_seconds = known.lag_seconds + excluded.lag_seconds
"""
_ADD = ADD.format(
    source="""
SELECT %s, * FROM unnest(%s::timestamptz[], %s::int[], %s::int[], %s::int[], %s::float8[])
  AS added(minute, delivered, skipped, dead, lag_seconds)
ORDER BY minute"""
)


# An event, the state it ended in, and by which rule it was skipped if it was.
Ended = tuple[Event | Taken, str, str]


class Count(msgspec.Struct):
    """What the arrivals of one minute came to."""

    minute: datetime
    delivered: int = 0
    skipped: int = 0
    dead: int = 0
    lag_seconds: float = 0.0


def add(store_id: int, ended: Iterable[Ended], *, now: datetime) -> None:
    """Count events by how they ended just now."""
    _write(store_id, count(ended, now=now))


def take_back(store_id: int, ended: Iterable[tuple[Event, str, str]], *, now: datetime) -> None:
    """Take back how events had ended, as they were counted when they were settled."""
    were = _counted((event, state, event.settled_at or now) for event, state, _ in ended)
    _write(store_id, were, sign=-1)


def count(ended: Iterable[Ended], *, now: datetime) -> list[Count]:
    """Put together what is to be added to each minute."""
    return _counted((event, state, now) for event, state, _ in ended)


def _counted(ended: Iterable[tuple[Event | Taken, str, datetime]]) -> list[Count]:
    """What events come to that ended in a state at a moment.

    Past data is left out: what came in the last hour is a question about now. Its windows count it.
    """
    minutes: dict[datetime, Count] = {}
    for event, state, at in ended:
        if event.window_id is not None:
            continue
        minute = event.received_at.replace(second=0, microsecond=0)
        one = minutes.setdefault(minute, Count(minute))
        match state:
            case "delivered":
                one.delivered += 1
                one.lag_seconds += (at - event.received_at).total_seconds()
            case "skipped":
                one.skipped += 1
            case "dead":
                one.dead += 1
    return list(minutes.values())


def _write(store_id: int, counts: list[Count], *, sign: int = 1) -> None:
    if not counts:
        return
    minutes, *numbers = zip(*(msgspec.structs.astuple(one) for one in counts), strict=True)
    columns = [[sign * number for number in column] for column in numbers]
    statements.run(_ADD, (store_id, list(minutes), *columns))
