"""A shop's query points, shared by every process: learned from its answers, taken before a call."""

from datetime import datetime, timedelta

from django.db import transaction

from integrations.domain.lanes import Lane
from integrations.models import ShopBudget
from integrations.platforms.shopify.client import Cost

# The smallest bucket Shopify gives (standard plan), until a shop's own answer says otherwise.
MAXIMUM, RESTORE_RATE = 2000.0, 100.0
# The part of the bucket that lower lanes leave alone while live work has needed any of it lately,
# so that a look-up for a live order is never refused because of past ones. Otherwise they leave
# what one look-up costs.
RESERVE = 0.2
LATELY = timedelta(minutes=10)
ONE_LOOK_UP = 60.0


def take(store_id: int, points: float, *, lane: Lane, now: datetime) -> datetime | None:
    """Take points for a query; None when they are ours, else when to ask again."""
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
    ShopBudget.objects.update_or_create(
        store_id=store_id,
        defaults={
            "maximum": cost.maximum,
            "available": cost.available,
            "restore_rate": max(cost.restore_rate, 1.0),
            "updated_at": now,
        },
    )


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
