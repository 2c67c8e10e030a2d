"""Counting calls by the minute: per account and endpoint, or per shop for its own calls."""

from datetime import timedelta

from django.db import connection

from integrations.domain.histograms import LATENCY
from integrations.domain.resolutions import Piece, Resolution

from . import measuring_sql

_COLUMNS = (
    "klaviyo_account_id, store_id, endpoint, resolution, start, calls, throttled, errors, "
    "milliseconds, latency, allowed, busiest"
)
_PUT = f"""
INSERT INTO integrations_callfigures ({_COLUMNS})
{{source}}
ON CONFLICT (resolution, start, klaviyo_account_id, store_id, endpoint) DO UPDATE
SET calls = excluded.calls, throttled = excluded.throttled, errors = excluded.errors,
    milliseconds = excluded.milliseconds, latency = excluded.latency,
    allowed = excluded.allowed, busiest = excluded.busiest
"""
# Read by `call_by_time`. The calls to Klaviyo are the account's, whosever shop they were for.
_COUNT = _PUT.format(
    source=f"""
SELECT account, store, made.endpoint, {Resolution.MINUTE}, start, sum(calls), sum(throttled),
  sum(errors), sum(milliseconds), {measuring_sql.spread("calls", LATENCY)},
  coalesce(max(budget.steady), 0), sum(calls)
FROM (
  SELECT klaviyo_account_id AS account,
    CASE WHEN klaviyo_account_id IS NULL THEN store_id END AS store, endpoint,
    date_trunc('minute', started_at, 'UTC') AS start,
    {measuring_sql.bucket("milliseconds", LATENCY)} AS bucket, count(*) AS calls,
    count(*) FILTER (WHERE status = 429) AS throttled,
    count(*) FILTER (WHERE status IS NULL OR status >= 400 AND status <> 429) AS errors,
    sum(milliseconds) AS milliseconds
  FROM integrations_call
  WHERE started_at >= %(since)s AND started_at < %(until)s
    AND num_nonnulls(klaviyo_account_id, store_id) > 0
  GROUP BY 1, 2, 3, 4, 5) made
LEFT JOIN integrations_budget budget
  ON budget.klaviyo_account_id = account AND budget.endpoint = made.endpoint
GROUP BY account, store, made.endpoint, start"""
)
_ROLL_UP = _PUT.format(
    source=f"""
SELECT klaviyo_account_id, store_id, endpoint, %(to)s, %(start)s::timestamptz, sum(calls),
  sum(throttled), sum(errors), sum(milliseconds), {measuring_sql.merged("latency", LATENCY)},
  max(allowed), max(busiest)
FROM integrations_callfigures
WHERE resolution = %(from)s AND start >= %(start)s AND start < %(until)s
GROUP BY klaviyo_account_id, store_id, endpoint"""
)


# A call is written down when its batch is settled, and a batch may take half a minute and more.
AGAIN = timedelta(minutes=3)


def close(piece: Piece) -> None:
    """Count minutes that are over, and once more those before them."""
    whole = piece.reaching_back(AGAIN)
    count(whole)
    roll_up(whole)


def count(piece: Piece) -> None:
    """Count the calls that began in some minutes."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"since": piece.since, "until": piece.until})


def roll_up(piece: Piece) -> None:
    """Put the hours and days together that some minutes lie in."""
    measuring_sql.roll_up(_ROLL_UP, piece)
