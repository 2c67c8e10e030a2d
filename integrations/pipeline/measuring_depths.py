"""Noting what waits at this moment: messages on their way, and records that need a decision.

A moment that has passed cannot be looked at again: a minute nobody looked at stays unknown.
"""

from datetime import datetime

from django.db import connection

from integrations.domain.lanes import Lane
from integrations.domain.resolutions import Piece, Resolution

from . import measuring_sql

_PUT = """
INSERT INTO integrations_depthfigures (store_id, resolution, start, waiting, oldest_seconds,
  failed_open)
{source}
ON CONFLICT (resolution, start, store_id) DO UPDATE
SET waiting = excluded.waiting, oldest_seconds = excluded.oldest_seconds,
    failed_open = excluded.failed_open
"""
# One probe of `event_due` for each shop. The row without a shop is there even if nothing waits.
_LOOK = f"""
WITH found AS MATERIALIZED (
  SELECT store.id AS store_id, waiting.number AS waiting,
    greatest(0, coalesce(extract(epoch FROM %(now)s - waiting.oldest), 0))::int AS oldest,
    coalesce(failed.number, 0) AS failed
  FROM integrations_store store CROSS JOIN LATERAL (
    SELECT count(*) AS number, min(received_at) AS oldest FROM integrations_event event
    WHERE event.state = 'waiting' AND event.store_id = store.id
      AND lane < {Lane.BACKFILL}) waiting
  LEFT JOIN (SELECT store_id, sum(records) AS number FROM integrations_causecount
    WHERE state = 'open' GROUP BY store_id) failed ON failed.store_id = store.id)
{
    _PUT.format(
        source=f'''
SELECT store_id, {Resolution.MINUTE}, %(minute)s::timestamptz, waiting, oldest, failed FROM found
WHERE waiting > 0 OR failed > 0
UNION ALL
SELECT NULL, {Resolution.MINUTE}, %(minute)s::timestamptz, coalesce(sum(waiting), 0),
  coalesce(max(oldest), 0), coalesce(sum(failed), 0)
FROM found'''
    )
}"""
_ROLL_UP = _PUT.format(
    source="""
SELECT store_id, %(to)s, %(start)s::timestamptz, max(waiting), max(oldest_seconds),
  max(failed_open)
FROM integrations_depthfigures
WHERE resolution = %(from)s AND start >= %(start)s AND start < %(until)s
GROUP BY store_id"""
)


def look(minute: datetime, *, now: datetime) -> None:
    """Note what waits now."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, {"minute": minute, "now": now})


def roll_up(piece: Piece) -> None:
    """Put the hours and days together that some minutes lie in: the most that waited."""
    measuring_sql.roll_up(_ROLL_UP, piece)
