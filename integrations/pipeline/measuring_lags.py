"""Counting what became of messages, by the minute in which they arrived.

No index knows when a message was settled, and one would cost every settling something. Those that
arrived in a minute stand together in an index that is there; where some were still on their way,
the minute is noted, and counted again when its tally, which settling writes anyway, has changed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from integrations.domain.data_types import SEPARATORS, STEMS, DataType
from integrations.domain.histograms import LAG
from integrations.domain.lanes import Lane
from integrations.domain.resolutions import Piece, Resolution

from . import measuring_sql

# So many minutes of one shop each are counted again in one transaction.
AT_ONCE = 500

_STEM = f"substring(topic FROM '^[^{SEPARATORS}]*')"
_KINDS = " ".join(f"WHEN '{stem}' THEN '{kind.value}'" for stem, kind in STEMS.items())
_KIND = f"CASE {_STEM} {_KINDS} ELSE '{DataType.OTHER.value}' END"

_PUT = """
INSERT INTO integrations_lagfigures (store_id, data_type, resolution, start, arrived, settled,
  delivered, failed, lag)
{source}
ON CONFLICT (resolution, start, store_id, data_type) DO UPDATE
SET arrived = excluded.arrived, settled = excluded.settled, delivered = excluded.delivered,
    failed = excluded.failed, lag = excluded.lag
"""
_MINUTES = f"""
SELECT store_id, data_type, {Resolution.MINUTE}, minute, sum(events),
  coalesce(sum(events) FILTER (WHERE state <> 'waiting'), 0),
  coalesce(sum(events) FILTER (WHERE state = 'delivered'), 0),
  coalesce(sum(events) FILTER (WHERE state = 'dead'), 0), {measuring_sql.spread("events", LAG)}
FROM seen GROUP BY store_id, data_type, minute"""
# One probe of `event_live` for each shop. Tallies and messages are read as of one moment.
_COUNT = f"""
WITH wanted AS MATERIALIZED ({{wanted}}),
seen AS MATERIALIZED (
  SELECT wanted.store_id, date_trunc('minute', received_at, 'UTC') AS minute, {_KIND} AS data_type,
    state, CASE WHEN state = 'delivered' THEN
      {measuring_sql.bucket("extract(epoch FROM settled_at - received_at)", LAG)} END AS bucket,
    count(*) AS events
  FROM wanted CROSS JOIN LATERAL (
    SELECT topic, state, received_at, settled_at FROM integrations_event event
    WHERE event.store_id = wanted.store_id AND lane < {Lane.BACKFILL}
      AND received_at >= since AND received_at < until OFFSET 0) event
  GROUP BY 1, 2, 3, 4, 5),
put AS ({_PUT.format(source=_MINUTES)} RETURNING 1),
open AS (SELECT DISTINCT store_id, minute FROM seen WHERE state = 'waiting'),
finished AS (
  DELETE FROM integrations_unfinishedminute known USING wanted
  WHERE known.store_id = wanted.store_id AND known.minute >= since AND known.minute < until
    AND NOT EXISTS (SELECT FROM open
      WHERE open.store_id = known.store_id AND open.minute = known.minute))
INSERT INTO integrations_unfinishedminute (store_id, minute, tallied)
SELECT open.store_id, open.minute, coalesce(delivered + skipped + dead, 0)
FROM open LEFT JOIN integrations_tally tally
  ON tally.store_id = open.store_id AND tally.minute = open.minute
ON CONFLICT (store_id, minute) DO UPDATE SET tallied = excluded.tallied
"""
_COUNT_ALL = _COUNT.format(
    wanted="""SELECT id AS store_id, %(since)s::timestamptz AS since,
      %(until)s::timestamptz AS until FROM integrations_store"""
)
_COUNT_SOME = _COUNT.format(
    wanted="""SELECT store_id, minute AS since, minute + interval '1 minute' AS until
    FROM unnest(%(stores)s::bigint[], %(minutes)s::timestamptz[]) AS one(store_id, minute)"""
)
_CHANGED = f"""
SELECT known.store_id, known.minute FROM integrations_unfinishedminute known
JOIN integrations_tally tally ON tally.store_id = known.store_id AND tally.minute = known.minute
WHERE known.minute >= %(oldest)s AND delivered + skipped + dead <> tallied
ORDER BY known.minute, known.store_id LIMIT {AT_ONCE}
"""
# Tallies are small, and there is one for each minute of a shop: comparing them costs a thousandth
# of reading the messages once more.
_LATE = f"""
SELECT store.id, tally.minute FROM integrations_store store
JOIN integrations_tally tally ON tally.store_id = store.id
  AND tally.minute >= %(since)s AND tally.minute < %(until)s
CROSS JOIN LATERAL (
  SELECT coalesce(sum(arrived), 0) AS arrived FROM integrations_lagfigures figures
  WHERE figures.store_id = store.id AND figures.resolution = {Resolution.MINUTE}
    AND figures.start = tally.minute) counted
WHERE delivered + skipped + dead > counted.arrived
ORDER BY tally.minute, store.id LIMIT {AT_ONCE}
"""
_ROLL_UP = _PUT.format(
    source=f"""
SELECT store_id, data_type, %(to)s, %(start)s::timestamptz, sum(arrived), sum(settled),
  sum(delivered), sum(failed), {measuring_sql.merged("lag", LAG)}
FROM integrations_lagfigures
WHERE resolution = %(from)s AND start >= %(start)s AND start < %(until)s
GROUP BY store_id, data_type"""
)


class Minute(NamedTuple):
    """One minute of one shop."""

    store_id: int
    minute: datetime


# The clocks of two machines are never quite the same: so far back we look for what came late.
LATE = timedelta(minutes=10)


def close(piece: Piece) -> None:
    """Count minutes that are over, and what came late of those before them."""
    count(piece)
    before = Piece(piece.since, piece.since).reaching_back(LATE)
    come_late = late(before)
    if come_late:
        count_again(come_late)
        roll_up(before)
    roll_up(piece)


def count(piece: Piece) -> None:
    """Count what arrived in some minutes, of every shop."""
    _run(_COUNT_ALL, {"since": piece.since, "until": piece.until})


def changed(oldest: datetime) -> list[Minute]:
    """Minutes of which more has been settled since they were counted, a bounded number."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, {"oldest": oldest})
        return [Minute(*row) for row in cursor.fetchall()]


def late(piece: Piece) -> list[Minute]:
    """Minutes of which more has been settled than had arrived when they were counted."""
    with connection.cursor() as cursor:
        cursor.execute(_LATE, {"since": piece.since, "until": piece.until})
        return [Minute(*row) for row in cursor.fetchall()]


def count_again(minutes: Sequence[Minute]) -> None:
    """Count some minutes of some shops again."""
    stores, moments = zip(*minutes, strict=True)
    _run(_COUNT_SOME, {"stores": list(stores), "minutes": list(moments)})


def roll_up(piece: Piece) -> None:
    """Put the hours and days together that some minutes lie in."""
    measuring_sql.roll_up(_ROLL_UP, piece)


def _run(statement: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
