"""A shop's query points, shared by every process: learned from its answers, taken before a call."""

from datetime import datetime, timedelta

from django.db import transaction

from integrations.domain.lanes import Lane
from integrations.models import ShopBudget, statements
from integrations.platforms.shopify.client import Cost

# The smallest bucket Shopify gives (standard plan), until a shop's own answer says otherwise.
MAXIMUM, RESTORE_RATE = 2000.0, 100.0
# The part of the bucket that lower lanes leave alone while live work has needed any of it lately,
# so that a look-up for a live order is never refused because of past ones. Otherwise they leave
# what one look-up costs.
RESERVE = 0.2
LATELY = timedelta(minutes=10)
ONE_LOOK_UP = 60.0

# What most calls need: enough is there, and nobody has to wait. Each value is the row's own, so
# that two processes at once see what the other left.
_HELD = """least(maximum, available
  + greatest(0, extract(epoch FROM %(now)s::timestamptz - updated_at)) * restore_rate)"""
_FLOOR = f"""CASE WHEN live_at > %(now)s::timestamptz - %(lately)s::interval
  THEN greatest({ONE_LOOK_UP}, maximum * {RESERVE}) ELSE {ONE_LOOK_UP} END"""
_WANTED = f"least(%(points)s::float8, maximum - {_FLOOR})"
_TAKE = f"""
UPDATE integrations_shopbudget SET available = {_HELD} - {_WANTED}, updated_at = %(now)s
WHERE store_id = %(store)s AND (blocked_until IS NULL OR blocked_until <= %(now)s)
  AND {_HELD} - {_FLOOR} >= {_WANTED}
"""
_LEARN = """
INSERT INTO integrations_shopbudget (store_id, maximum, available, restore_rate, updated_at)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (store_id) DO UPDATE SET maximum = excluded.maximum, available = excluded.available,
  restore_rate = excluded.restore_rate, updated_at = excluded.updated_at
"""


def take(store_id: int, points: float, *, lane: Lane, now: datetime) -> datetime | None:
    """Take points for a query; None when they are ours, else when to ask again."""
    if lane > Lane.LIVE:
        values = {"store": store_id, "points": points, "now": now, "lately": LATELY}
        if statements.run(_TAKE, values).rowcount:
            return None
    with transaction.atomic():
        row = _locked(store_id, now)
        left = available(row, now)
        if row.blocked_until and row.blocked_until > now:
            return row.blocked_until
        floor = reserve(row, now) if lane > Lane.LIVE else 0.0
        # A query dearer than the bucket would never go; Shopify refuses it by its own rule.
        wanted = min(points, row.maximum - floor)
        if lane is Lane.LIVE:
            row.live_at = now
            row.save(update_fields=["live_at"])
        if left - floor < wanted:
            return now + timedelta(seconds=(wanted + floor - left) / row.restore_rate + 0.01)
        row.available, row.updated_at = left - wanted, now
        row.save()
    return None


def reserve(row: ShopBudget, now: datetime) -> float:
    """The points that lower lanes leave to live work."""
    lately = row.live_at is not None and now - row.live_at < LATELY
    return float(max(ONE_LOOK_UP, row.maximum * RESERVE if lately else 0))


def available(row: ShopBudget, now: datetime) -> float:
    """What the bucket holds by now, as far as we know."""
    passed = max(0.0, (now - row.updated_at).total_seconds())
    return float(min(row.maximum, row.available + passed * row.restore_rate))


def learn(store_id: int, cost: Cost | None, *, now: datetime) -> None:
    """Take over what an answer says of the bucket."""
    if cost is None or cost.maximum <= 0:
        return
    rate = max(cost.restore_rate, 1.0)
    statements.run(_LEARN, (store_id, cost.maximum, cost.available, rate, now))


def block(store_id: int, wait: timedelta, *, now: datetime) -> datetime:
    """Obey a wait the shop asked for; returns its end."""
    with transaction.atomic():
        row = _locked(store_id, now)
        row.blocked_until = max(filter(None, (row.blocked_until, now + wait)))
        row.available, row.updated_at = 0, now
        row.save()
    return row.blocked_until


def _locked(store_id: int, now: datetime) -> ShopBudget:
    rows = ShopBudget.objects.select_for_update()
    if row := rows.filter(store_id=store_id).first():
        return row
    fresh = ShopBudget(
        store_id=store_id,
        maximum=MAXIMUM,
        available=MAXIMUM,
        restore_rate=RESTORE_RATE,
        updated_at=now,
    )
    ShopBudget.objects.bulk_create([fresh], ignore_conflicts=True)
    return rows.get(store_id=store_id)
