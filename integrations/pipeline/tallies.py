"""Counting how events ended, per minute of their arrival."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from integrations.models import Event, statements
from integrations.models.lanes import Taken

_ADD = """
INSERT INTO integrations_tally AS known (store_id, minute, delivered, skipped, dead, lag_seconds)
SELECT %s, * FROM unnest(%s::timestamptz[], %s::int[], %s::int[], %s::int[], %s::float8[])
  AS added(minute, delivered, skipped, dead, lag_seconds)
ORDER BY minute
ON CONFLICT (store_id, minute) DO UPDATE
SET delivered = known.delivered + excluded.delivered, skipped = known.skipped + excluded.skipped,
    dead = known.dead + excluded.dead, lag_seconds = known.lag_seconds + excluded.lag_seconds
"""
_STATES = ("delivered", "skipped", "dead")


# An event, the state it ended in, and by which rule it was skipped if it was.
Ended = tuple[Event | Taken, str, str]


def add(store_id: int, ended: Iterable[Ended], *, now: datetime, sign: int = 1) -> None:
    """Count events by how they ended; a `sign` of -1 takes back an ending that did not last.

    Past data is left out: what came in the last hour is a question about now. Its windows count it.
    """
    minutes: dict[datetime, list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for event, state, _ in ended:
        if event.window_id is not None:
            continue
        minute = event.received_at.replace(second=0, microsecond=0)
        minutes[minute][_STATES.index(state)] += sign
        if state == "delivered":
            minutes[minute][3] += sign * (now - event.received_at).total_seconds()
    if not minutes:
        return
    columns = [list(column) for column in zip(*minutes.values(), strict=True)]
    statements.run(_ADD, (store_id, list(minutes), *columns))
