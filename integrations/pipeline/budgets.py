"""Spending a platform's allowance together: every process asks the same row."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from integrations.domain import budgets as windows
from integrations.domain.budgets import Grant, Limits, Usage
from integrations.domain.lanes import Lane
from integrations.models import Budget, statements
from integrations.platforms.klaviyo.client import Allowance
from integrations.platforms.klaviyo.endpoints import FACTS, Endpoint

# While this part of a window is left, what others spend on the same account changes nothing.
PLENTY = 0.6
# A second's limit is kept with room to spare, since calls granted at different moments may arrive
# at the same one. A minute's is used in full: what others spend of it is learned from the answers,
# and both windows are a slot longer than Klaviyo's own.
MARGIN = 0.9


# What this process knows: the limit it was told last, and the rows as it last wrote them. Both
# only spare questions; a row is changed if it still is as it was known, and else read again.
_told: dict[tuple[int, Endpoint], int] = {}
_known: dict[tuple[int, Endpoint], Budget] = {}


def take(account_id: int, endpoint: Endpoint, *, wanted: int, lane: Lane, now: datetime) -> Grant:
    """Spend up to `wanted` calls, or learn when to ask again."""
    key = (account_id, endpoint)
    # Taken out, so that no two threads count on the same one.
    row, is_fresh = _known.pop(key, None), False
    while True:
        if row is None:
            row, is_fresh = _read(account_id, endpoint, now), True
        usage = usage_of(row)
        grant = windows.take(usage, limits_of(row), wanted=wanted, lane=lane, now=now)
        if grant.calls:
            actual = _swap(row, usage, now)
            if actual is row:
                _known[key] = row
                return grant
            row, is_fresh = actual, True
        elif is_fresh:
            return grant
        else:
            row = None


def limits_of(row: Budget) -> Limits:
    """What we let ourselves use of an endpoint."""
    return Limits(max(1, int(row.burst * MARGIN)), max(1, row.steady))


def usage_of(row: Budget) -> Usage:
    """What a row says of the last minutes."""
    slots = {int(slot): int(calls) for slot, calls in row.slots.items()}
    lanes = {
        int(lane): {int(part): int(calls) for part, calls in parts.items()}
        for lane, parts in row.lanes.items()
    }
    return Usage(slots=slots, blocked_until=row.blocked_until, lanes=lanes)


def block(account_id: int, endpoint: Endpoint, *, wait: timedelta, now: datetime) -> datetime:
    """Obey a wait the platform asked for; returns its end, with some spread so that not all
    processes come back in the same instant.
    """
    until = now + wait + timedelta(milliseconds=random.randint(50, 400))  # noqa: S311 - spreading
    with transaction.atomic():
        row = _locked(account_id, endpoint, now)
        if row.blocked_until is None or row.blocked_until < until:
            row.blocked_until, row.updated_at = until, max(now, row.updated_at + _TICK)
            row.save(update_fields=["blocked_until", "updated_at"])
    return until


def learn(account_id: int, endpoint: Endpoint, allowance: Allowance, *, now: datetime) -> None:
    """Take over what the platform says of its steady window.

    A limit that differs from ours replaces it, and calls that others made on the same account
    are counted as if we had made them.
    """
    key = (account_id, endpoint)
    if _told.get(key) == allowance.limit and allowance.remaining > allowance.limit * PLENTY:
        return
    _told[key] = allowance.limit
    published = FACTS[endpoint].limits
    with transaction.atomic():
        row = _locked(account_id, endpoint, now)
        usage, changed = usage_of(row), False
        if allowance.limit and allowance.limit != row.steady:
            row.steady = allowance.limit
            row.burst = _burst_for(allowance.limit, published)
            changed = True
        by_others = allowance.limit - allowance.remaining - usage.spent(now, windows.STEADY_SLOTS)
        if by_others > 0 and allowance.limit < 10 * published.steady:
            slot = windows.slot_of(now)
            usage.slots[slot] = usage.slots.get(slot, 0) + by_others
            changed = True
        if changed:
            _keep(row, usage, now)


def _burst_for(steady: int, published: Limits) -> int:
    """The burst that goes with a steady limit: the published one, unless the plan is another."""
    if published.steady <= steady < 2 * published.steady:
        return published.burst
    return max(1, published.burst * steady // published.steady)


def _locked(account_id: int, endpoint: Endpoint, now: datetime) -> Budget:
    _known.pop((account_id, endpoint), None)
    known = _read(account_id, endpoint, now)
    return Budget.objects.select_for_update().get(pk=known.pk)


_FIELDS = (
    "id",
    "klaviyo_account_id",
    "endpoint",
    "burst",
    "steady",
    "slots",
    "lanes",
    "blocked_until",
    "updated_at",
)
_COLUMNS = ", ".join(_FIELDS)
_READ = f"""
SELECT {_COLUMNS} FROM integrations_budget WHERE klaviyo_account_id = %s AND endpoint = %s
"""
# A row that was written since has a later moment; limits and waits are set by people as well.
# Where it was, it comes back as it is now, to try again with.
_SWAP = f"""
WITH swapped AS (
  UPDATE integrations_budget SET slots = %s::jsonb, lanes = %s::jsonb, updated_at = %s
  WHERE id = %s AND updated_at = %s AND burst = %s AND steady = %s
    AND blocked_until IS NOT DISTINCT FROM %s::timestamptz
  RETURNING id)
SELECT {_COLUMNS}, EXISTS (SELECT FROM swapped) FROM integrations_budget WHERE id = %s
"""
_TICK = timedelta(microseconds=1)


def _read(account_id: int, endpoint: Endpoint, now: datetime) -> Budget:
    wanted = (account_id, endpoint.value)
    if found := statements.run(_READ, wanted).fetchone():
        return _row(found)
    limits = FACTS[endpoint].limits
    fresh = Budget(
        klaviyo_account_id=account_id,
        endpoint=endpoint,
        burst=limits.burst,
        steady=limits.steady,
        updated_at=now,
    )
    Budget.objects.bulk_create([fresh], ignore_conflicts=True)
    return _read(account_id, endpoint, now)


def _row(found: Sequence[Any]) -> Budget:
    values = dict(zip(_FIELDS, found, strict=True))
    values |= {name: json.loads(values[name]) for name in ("slots", "lanes")}
    return Budget(**values)


def _swap(row: Budget, usage: Usage, now: datetime) -> Budget | None:
    """Write the usage, unless somebody has changed the row since it was read.

    Returns the row itself when it was written, what it has become when not, and None when there
    is no such row any more.
    """
    slots = {str(slot): calls for slot, calls in usage.slots.items()}
    moment = max(now, row.updated_at + _TICK)
    before = (row.pk, row.updated_at, row.burst, row.steady, row.blocked_until)
    values = (json.dumps(slots), json.dumps(usage.lanes), moment, *before, row.pk)
    found = statements.run(_SWAP, values).fetchone()
    if found is None:
        return None
    *actual, is_swapped = found
    if not is_swapped:
        return _row(actual)
    row.slots, row.lanes, row.updated_at = slots, usage.lanes, moment
    return row


def _keep(row: Budget, usage: Usage, now: datetime) -> None:
    windows.forget(usage, now)
    row.slots = {str(slot): calls for slot, calls in usage.slots.items()}
    row.updated_at = max(now, row.updated_at + _TICK)
    row.save(update_fields=["slots", "burst", "steady", "updated_at"])
