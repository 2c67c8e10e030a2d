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


def add(
    store_id: int, ended: Iterable[tuple[Event | Taken, str]], *, now: datetime, sign: int = 1
) -> None:
    """Count events by how they ended; a `sign` of -1 takes back an ending that did not last."""
    minutes: dict[datetime, list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for event, state in ended:
        minute = event.received_at.replace(second=0, microsecond=0)
        minutes[minute][_STATES.index(state)] += sign
        if state == "delivered":
            minutes[minute][3] += sign * (now - event.received_at).total_seconds()
    if not minutes:
        return
    columns = [list(column) for column in zip(*minutes.values(), strict=True)]
    statements.run(_ADD, (store_id, list(minutes), *columns))
