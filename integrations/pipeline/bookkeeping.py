"""What settling always writes: the lane, the calls, the ledger, the events, and their counts.

A batch is written in one statement, which is its own transaction where nothing else goes with it.
Each part looks at the one before it, so that every batch locks rows in one order.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from integrations.models import statements
from integrations.models.lanes import Claim

from . import ledger, tallies
from .sending import CallRecord


class LostLease(Exception):
    """Somebody else holds the lane now; nothing of this batch was written."""


class GivenBack(NamedTuple):
    """How the lane goes on, and the calls that were made while it was ours."""

    claim: Claim
    account_id: int
    calls: list[CallRecord]
    until: datetime | None
    reason: str
    failures: int
    is_troubled: bool
    # The most events its next batch may hold.
    most: int
    # When something of it came to its end, if anything did.
    progressed_at: datetime | None


class Ended(msgspec.Struct):
    """How one event ended, where there is more to say of it than that it was delivered."""

    id: int
    state: str
    skip: str
    note: str
    error: str
    next_attempt_at: datetime | None
    tries: int
    failures: int


class Books(NamedTuple):
    """What the batch comes to."""

    entries: list[ledger.Entry]
    delivered: list[int]
    ended: list[Ended]
    counts: list[tallies.Count]


# The size of the next batch grows from what was really taken, unless this one was in trouble.
# Whoever took the lane over has the say: then no other part finds anything to do.
_GIVEN = """
given AS (
  UPDATE integrations_storelane
  SET lease_until = NULL, lease_by = '', in_hand = '{}', not_before = %(until)s,
    wait_reason = %(reason)s, failures = %(failures)s,
    progressed_at = coalesce(%(progressed_at)s::timestamptz, progressed_at),
    batch_limit = CASE WHEN %(is_troubled)s::boolean THEN batch_limit
      ELSE least(batch_limit * 2, %(most)s) END
  WHERE id = %(lane_id)s AND epoch = %(epoch)s
  RETURNING 1)"""
_KEPT = """
kept AS (
  INSERT INTO integrations_call (klaviyo_account_id, store_id, lane, endpoint, started_at,
    milliseconds, status, items, sent_bytes, error, request_id)
  SELECT %(account)s, %(store)s, %(lane)s, endpoint, started_at, milliseconds, status, items,
    sent_bytes, left(error, 500), request_id
  FROM given CROSS JOIN json_to_recordset(%(calls)s::json) AS made(endpoint text,
    started_at timestamptz, milliseconds int, status smallint, items int, sent_bytes int,
    error text, request_id text)
  RETURNING id)"""
_SOURCE = """
SELECT %(account)s, %(store)s, kind, identity, source_id, profile, decode(fingerprint, 'base64'),
  version, present, %(now)s, %(lane)s, event_id, placed.id, window_id, made
FROM given CROSS JOIN json_to_recordset(%(entries)s::json) AS entry(kind text, identity text,
  source_id text, profile text, fingerprint text, version timestamptz, present boolean,
  event_id bigint, call bigint, window_id bigint, made boolean)
LEFT JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM kept) placed
  ON placed.place = entry.call
ORDER BY identity"""
_TOLD = f"told AS ({ledger.MERGE.format(source=_SOURCE)} RETURNING 1)"
_ENDED = """
delivered AS (
  UPDATE integrations_event
  SET state = 'delivered', settled_at = %(now)s, attempts = attempts + 1, last_error = ''
  WHERE EXISTS (SELECT FROM given) AND (SELECT count(*) FROM told) >= 0
    AND id = ANY(%(delivered)s) AND state = 'waiting'
  RETURNING id),
ended AS (
  UPDATE integrations_event event
  SET state = one.state, skip = one.skip, note = one.note, last_error = one.error,
    next_attempt_at = coalesce(one.next_attempt_at, event.next_attempt_at),
    settled_at = CASE WHEN one.state = 'waiting' THEN NULL ELSE %(now)s END,
    attempts = event.attempts + one.tries, failures = event.failures + one.failures
  FROM json_to_recordset(%(ended)s::json) AS one(id bigint, state text, skip text, note text,
    error text, next_attempt_at timestamptz, tries int, failures int)
  WHERE EXISTS (SELECT FROM given) AND (SELECT count(*) FROM delivered) >= 0
    AND event.id = one.id AND event.state = 'waiting'
  RETURNING event.id)"""
_COUNTS = """
SELECT %(store)s, minute, delivered, skipped, dead, lag_seconds
FROM json_to_recordset(%(counts)s::json) AS added(minute timestamptz, delivered int, skipped int,
  dead int, lag_seconds float8)
WHERE EXISTS (SELECT FROM given) AND (SELECT count(*) FROM ended) >= 0
ORDER BY minute"""
_COUNTED = f"counted AS ({tallies.ADD.format(source=_COUNTS)} RETURNING 1)"
_ENDED_IDS = "ARRAY(SELECT id FROM delivered UNION ALL SELECT id FROM ended)"
_WRITE = f"""
WITH {_GIVEN}, {_KEPT}, {_TOLD}, {_ENDED}, {_COUNTED}
SELECT EXISTS (SELECT FROM given), (SELECT count(*) FROM counted)
"""
# The same in two, for what must be decided once the lane is certain to be ours.
_GIVE_BACK = f"""
WITH {_GIVEN}, {_KEPT}
SELECT EXISTS (SELECT FROM given), ARRAY(SELECT id FROM kept ORDER BY id)
"""
_FINISH = f"""
WITH given AS (SELECT 1), kept AS (SELECT unnest(%(call_ids)s::bigint[]) AS id), {_TOLD}, {_ENDED},
  {_COUNTED}
SELECT {_ENDED_IDS}, (SELECT count(*) FROM counted)
"""


def write(lane: GivenBack, books: Books, *, now: datetime) -> None:
    """Write everything down in one statement, or nothing. Raises LostLease."""
    _hold(lane.claim, _one(_WRITE, _first(lane) | _last(lane, books, now))[0])


def give_back(lane: GivenBack) -> list[int]:
    """Return the lane and keep the calls; returns their ids. Raises LostLease."""
    is_ours, calls = _one(_GIVE_BACK, _first(lane))
    _hold(lane.claim, is_ours)
    return list(calls)


def finish(lane: GivenBack, books: Books, calls: list[int], *, now: datetime) -> list[int]:
    """Write down the rest in the same transaction; returns the events that were still waiting."""
    values = _last(lane, books, now) | {"call_ids": calls}
    return list(_one(_FINISH, values)[0])


def _hold(claim: Claim, is_ours: bool) -> None:
    if not is_ours:
        raise LostLease(f"lane {claim.pk} is at a later epoch than {claim.epoch}")


def _first(lane: GivenBack) -> dict[str, Any]:
    return {
        "until": lane.until,
        "reason": lane.reason[:200],
        "failures": lane.failures,
        "is_troubled": lane.is_troubled,
        "most": lane.most,
        "progressed_at": lane.progressed_at,
        "lane_id": lane.claim.pk,
        "epoch": lane.claim.epoch,
        "account": lane.account_id,
        "store": lane.claim.store_id,
        "lane": int(lane.claim.lane),
        "calls": _json(lane.calls),
    }


def _last(lane: GivenBack, books: Books, now: datetime) -> dict[str, Any]:
    return {
        "now": now,
        "account": lane.account_id,
        "store": lane.claim.store_id,
        "lane": int(lane.claim.lane),
        "entries": _json(books.entries),
        "delivered": books.delivered,
        "ended": _json(books.ended),
        "counts": _json(books.counts),
    }


def _json(rows: Sequence[Any]) -> str:
    """Rows as one value: PostgreSQL reads it as quickly as arrays, and we write it far quicker."""
    return msgspec.json.encode(rows).decode()


def _one(statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    found: tuple[Any, ...] | None = statements.run(statement, values).fetchone()
    assert found is not None  # noqa: S101 - a SELECT without FROM has one row
    return found
