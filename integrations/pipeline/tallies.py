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


def add(store_id: int, ended: Iterable[Ended], *, now: datetime, sign: int = 1) -> None:
    """Count events by how they ended; a `sign` of -1 takes back an ending that did not last."""
    if counts := count(ended, now=now, sign=sign):
        columns = zip(*(msgspec.structs.astuple(one) for one in counts), strict=True)
        statements.run(_ADD, (store_id, *(list(column) for column in columns)))


def count(ended: Iterable[Ended], *, now: datetime, sign: int = 1) -> list[Count]:
    """Put together what is to be added to each minute.

    Past data is left out: what came in the last hour is a question about now. Its windows count it.
    """
    minutes: dict[datetime, Count] = {}
    for event, state, _ in ended:
        if event.window_id is not None:
            continue
        minute = event.received_at.replace(second=0, microsecond=0)
        one = minutes.setdefault(minute, Count(minute))
        match state:
            case "delivered":
                one.delivered += sign
                one.lag_seconds += sign * (now - event.received_at).total_seconds()
            case "skipped":
                one.skipped += sign
            case "dead":
                one.dead += sign
    return list(minutes.values())
