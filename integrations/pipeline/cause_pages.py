"""What the pages of reasons show: how many, since when, how fast. Read-only."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Max, Min, Sum

from integrations.domain.causes import CauseState
from integrations.models import Cause, CauseCount, CauseDay, Store, User
from integrations.models.dead_letters import DeadLetterState

from . import cursors, failed_lists
from .browsing import Page

PAGE = 10
# Reasons that are parked are folded away; so many are shown when they are unfolded.
MOST_PARKED = 20
DAYS = 14

# Reasons as one with those that were merged into them; a few rows for each are read, however
# many records there are.
_GROUPS = """
WITH counted AS (
  SELECT coalesce(part.merged_into_id, part.id) AS head, sum(kept.records) AS records,
    count(DISTINCT kept.store_id) AS stores, min(part.first_seen_at) AS first_at,
    max(part.last_seen_at) AS last_at
  FROM integrations_causecount kept JOIN integrations_cause part ON part.id = kept.cause_id
  WHERE kept.state = 'open' AND kept.records > 0
    AND (%(everywhere)s OR kept.store_id = ANY(%(stores)s::bigint[]))
  GROUP BY 1
), grouped AS (
  SELECT counted.*, head.state = 'parked' AS parked,
    greatest(counted.last_at, head.state_at) AS changed_at
  FROM counted JOIN integrations_cause head ON head.id = counted.head
)
"""
_NEWEST = f"""
{_GROUPS}
SELECT head, records, stores, first_at, last_at, changed_at FROM grouped
WHERE parked = %(parked)s AND (changed_at, head) < (%(before)s, %(last)s)
ORDER BY changed_at DESC, head DESC LIMIT %(most)s
"""
_HOW_MANY = f"""
{_GROUPS}
SELECT count(*) FILTER (WHERE NOT parked), count(*) FILTER (WHERE parked) FROM grouped
"""
_LATEST, _LARGEST = datetime(9999, 1, 1, tzinfo=UTC), 2**63 - 1


class Day(msgspec.Struct):
    """How many records of a reason failed on a day."""

    day: date
    failed: int


class Card(msgspec.Struct):
    """One reason with what it has stopped."""

    cause: Cause
    count: int
    stores: int
    first_at: datetime
    last_at: datetime
    days: list[Day]


class Shop(msgspec.Struct):
    """A shop with the records one reason has stopped there."""

    store: Store
    count: int


class Reasons(msgspec.Struct):
    """The reasons beside the list of records: those in use page by page, and the parked ones."""

    working: Page[Card]
    parked: int
    parked_cards: list[Card]


def beside_list(user: User, *, store: UUID | None, after: str, now: datetime) -> Reasons:
    """The reasons with records that wait for a decision, the newest change first."""
    where = _where(user, store)
    with connection.cursor() as cursor:
        cursor.execute(_HOW_MANY, where)
        count, parked = cursor.fetchone()
    found = _newest(where, after=after, parked=False, most=PAGE + 1)
    folded = _newest(where, after="", parked=True, most=MOST_PARKED) if parked else []
    cards = _cards([*found[:PAGE], *folded], where, now)
    working = [cards[row[0]] for row in found[:PAGE]]
    last = found[PAGE - 1] if len(found) > PAGE else None
    behind = cursors.write(last[5], last[0]) if last else ""
    return Reasons(Page(working, behind, count), parked, [cards[row[0]] for row in folded])


def _newest(where: dict[str, Any], *, after: str, parked: bool, most: int) -> list[Any]:
    before, last = cursors.read(after) or (_LATEST, _LARGEST)
    place = {"parked": parked, "before": before, "last": last, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, where | place)
        return list(cursor.fetchall())


def _cards(rows: Sequence[Any], where: dict[str, Any], now: datetime) -> dict[int, Card]:
    heads = Cause.objects.select_related("owner").in_bulk([row[0] for row in rows])
    days = _days_of(list(heads), where, now)
    return {
        head: Card(heads[head], int(records), stores, first_at, last_at, days[head])
        for head, records, stores, first_at, last_at, _ in rows
    }


def _where(user: User, store: UUID | None) -> dict[str, Any]:
    stores = None if user.is_staff else failed_lists.stores_of(user)
    if store:
        named = failed_lists.store_ids(store)
        stores = named if stores is None else [one for one in named if one in stores]
    return {"everywhere": stores is None, "stores": stores or []}


def _days_of(heads: Sequence[int], where: dict[str, Any], now: datetime) -> dict[int, list[Day]]:
    """The last days of each reason, a row for each day, also for those without a failure."""
    parts = dict(Cause.objects.filter(merged_into__in=heads).values_list("pk", "merged_into")) | {
        head: head for head in heads
    }
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    rows = CauseDay.objects.filter(cause__in=list(parts), day__gte=first)
    if not where["everywhere"]:
        rows = rows.filter(store__in=where["stores"])
    days = {head: [Day(first + timedelta(days=n), 0) for n in range(DAYS)] for head in heads}
    for cause, day, failed in rows.values_list("cause", "day").annotate(failed=Sum("failed")):
        place = (day - first).days
        if place < DAYS:
            days[parts[cause]][place].failed += failed  # type: ignore[index]
    return days


class Reason(msgspec.Struct):
    """What the page of one reason shows."""

    cause: Cause
    # How many records are in each state.
    counts: dict[str, int]
    first_at: datetime
    last_at: datetime
    days: list[Day]
    shops: list[Shop]
    parts: list[tuple[Cause, int]]
    merged: list[tuple[Cause, int]]

    @property
    def open(self) -> int:
        """How many records wait for a decision."""
        return self.counts.get(DeadLetterState.OPEN, 0)

    @property
    def parked(self) -> bool:
        """Whether it is folded away."""
        return self.cause.state == CauseState.PARKED


MOST_SHOPS = 100


def reason(cause: Cause, *, now: datetime) -> Reason:
    """One reason in full."""
    group = failed_lists.group_ids(cause.pk)
    kept = CauseCount.objects.filter(cause__in=group, records__gt=0)
    counts = dict(kept.values_list("state").annotate(records=Sum("records")))
    seen = Cause.objects.filter(pk__in=group).aggregate(
        first=Min("first_seen_at"), last=Max("last_seen_at")
    )
    return Reason(
        cause=cause,
        counts=counts,
        first_at=seen["first"],
        last_at=seen["last"],
        days=_days_of([cause.pk], {"everywhere": True}, now)[cause.pk],
        shops=_shops(group),
        parts=_with_counts(cause.parts.order_by("pk")),
        merged=_with_counts(cause.merged.order_by("pk")),
    )


def others(cause: Cause) -> list[Cause]:
    """The reasons of the same merchant that a reason can be merged into."""
    found = Cause.objects.filter(merchant=cause.merchant_id, merged_into=None)
    return list(found.exclude(pk=cause.pk).order_by("-last_seen_at", "-pk")[:200])


def _shops(group: list[int]) -> list[Shop]:
    waiting = CauseCount.objects.filter(cause__in=group, state=DeadLetterState.OPEN, records__gt=0)
    counted = list(
        waiting.values_list("store")
        .annotate(records=Sum("records"))
        .order_by("-records", "store")[:MOST_SHOPS]
    )
    stores = Store.objects.in_bulk([pk for pk, _ in counted])
    return [Shop(stores[pk], records) for pk, records in counted]


def _with_counts(causes: Iterable[Cause]) -> list[tuple[Cause, int]]:
    found = list(causes)
    counts = dict(
        CauseCount.objects.filter(cause__in=found, state=DeadLetterState.OPEN)
        .values_list("cause")
        .annotate(records=Sum("records"))
    )
    return [(one, counts.get(one.pk, 0)) for one in found]
