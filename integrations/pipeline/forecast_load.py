"""How long a planned job takes and how far a running one is, from what was measured."""

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import Sum

from integrations.domain import budgets as allowances
from integrations.domain import bulk
from integrations.domain.estimates import (
    Bucket,
    Door,
    Estimate,
    Pages,
    Progress,
    Remaining,
    Sending,
    estimate,
    left,
)
from integrations.domain.estimates import remaining as reckon
from integrations.domain.forecast import Ends, Forecast, StreamAudit
from integrations.domain.lanes import Lane
from integrations.domain.windows import Way
from integrations.models import Budget, Event, ShopBudget, SyncJob, SyncWindow
from integrations.platforms.klaviyo.endpoints import FACTS, MOST_BYTES, Endpoint

from . import befores, budgets, paged, points

# The pace of this long a time is what a running job is judged by.
RECENT = timedelta(minutes=5)


def choose_ways(job: SyncJob, forecast: Forecast) -> None:
    """Say of each window how it would be read, by the rule that the reader goes by."""
    rate = _bucket(job.store_id).restore_rate
    for one in forecast.windows:
        expected = one.count if one.exact else None
        choice = bulk.choose(one.stream, expected=expected, restore_rate=rate)
        one.way, one.way_reason = choice.way, choice.reason


def expect(job: SyncJob, forecast: Forecast, *, now: datetime) -> Estimate:
    """What a job takes, at the limits that the account and the shop showed last."""
    exported = Counter[str]()
    for window in forecast.windows:
        if window.way is Way.BULK:
            exported[window.stream] += window.count or 0
    pages = {one.stream: _pages(one, without=exported[one.stream]) for one in forecast.audits}
    sending = {one.stream: _sending(one) for one in forecast.audits}
    if job.keep_before and forecast.people:
        sending["before"] = _looking(forecast.people)
    wanted = {Endpoint(name) for one in sending.values() for name in one.operations}
    account = job.store.klaviyo_account_id
    doors = {name.value: _door(account, name, now) for name in wanted}
    exports = sum(1 for one in forecast.windows if one.way is Way.BULK)
    return estimate(pages, sending, bucket=_bucket(job.store_id), doors=doors, exports=exports)


def _looking(people: int) -> Sending:
    """Reading what profiles hold before they are written to."""
    calls = float(befores.cost(people))
    name = Endpoint.READ_PROFILES.value
    return Sending(records=people, body_bytes=0, operations={name: calls}, sent_bytes={})


def remaining(job: SyncJob, *, total: int | None, now: datetime) -> Remaining:
    """How long a running job will still take, from how many records ended lately."""
    windows = SyncWindow.objects.filter(job=job)
    ended = ("sent", "unchanged", "skipped", "failed", "left_out")
    sums = windows.aggregate(**{name: Sum(name, default=0) for name in ended})
    since = max(now - RECENT, job.started_at or job.asked_at)
    pks = list(windows.values_list("pk", flat=True))
    states = ["delivered", "skipped", "dead"]
    recent = Event.objects.filter(window__in=pks, state__in=states, settled_at__gt=since).count()
    return reckon(
        Progress(
            total=total,
            ended=sum(sums.values()),
            seconds=(now - (job.started_at or now)).total_seconds(),
            recent=recent,
            recent_seconds=(now - since).total_seconds(),
        )
    )


def _pages(audit: StreamAudit, *, without: int) -> Pages:
    total = max(0, (audit.looked if audit.total is None else audit.total) - without)
    if not audit.pages:
        first = paged.FIRST_POINTS
        return Pages(records=total, size=audit.page_size, points=first, measured=False)
    # Read whole, it takes the pages it took; of a sample, the longest page is the pace it reaches.
    size = max(1, audit.looked) / audit.pages if audit.whole else audit.page_size
    seconds = audit.milliseconds / audit.pages / 1000
    return Pages(records=total, size=size, points=audit.points / audit.pages, seconds=seconds)


def _sending(audit: StreamAudit) -> Sending:
    total = audit.looked if audit.total is None else audit.total
    factor = total / audit.looked if audit.looked else 0
    return Sending(
        records=sum(audit.expected(one) for one in Ends if one is not Ends.LEFT_OUT),
        body_bytes=audit.body_bytes / max(1, audit.looked),
        operations={name: count * factor for name, count in audit.operations.items()},
        sent_bytes={name: size * factor for name, size in audit.sent_bytes.items()},
    )


def _door(account_id: int, endpoint: Endpoint, now: datetime) -> Door:
    """What an endpoint allows our lane; the limits the account showed, else the published ones."""
    published = FACTS[endpoint].limits
    row = Budget.objects.filter(klaviyo_account_id=account_id, endpoint=endpoint).first()
    row = row or Budget(burst=published.burst, steady=published.steady)
    limits = budgets.limits_of(row)
    usage = budgets.usage_of(row)
    kept = allowances.reserve(usage, limits, lane=Lane.BACKFILL, now=now)
    return Door(left(limits, kept), FACTS[endpoint].most, MOST_BYTES)


def _bucket(store_id: int) -> Bucket:
    row = ShopBudget.objects.filter(store_id=store_id).first()
    maximum = row.maximum if row else points.MAXIMUM
    rate = row.restore_rate if row else points.RESTORE_RATE
    return Bucket(maximum * (1 - points.RESERVE), rate)
