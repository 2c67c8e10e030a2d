"""What pages show of a platform's trouble: what is held, why, until when, and earlier times."""

from datetime import datetime

import msgspec
from django.db.models import Count

from integrations.domain.breaking import BreakerState, reason
from integrations.domain.windows import JobState, WindowState
from integrations.models import Breaker, Event, Opening, Store, SyncJob, SyncWindow

from . import breakers
from .breakers import Guarded

HISTORY = 5


class HeldOf(msgspec.Struct, frozen=True):
    """What of one shop waits."""

    store: Store
    count: int


class HeldJob(msgspec.Struct, frozen=True):
    """What of a fetch of past data waits."""

    job: SyncJob
    windows: int


class Past(msgspec.Struct, frozen=True):
    """One earlier time, or this one."""

    opened_at: datetime
    closed_at: datetime | None
    why: str
    code: str
    probes: int


class Panel(msgspec.Struct):
    """Everything a page shows of one platform's side."""

    on: Guarded
    of_shop: bool
    name: str
    is_open: bool
    since: datetime | None
    why: str
    code: str
    message: str
    probes: int
    probe_at: datetime | None
    is_probed: bool
    events: list[HeldOf]
    jobs: list[HeldJob]
    history: list[Past]


def panel(on: Guarded, *, now: datetime) -> Panel | None:
    """Read what is known of the platform's side; None where it never had trouble."""
    row = breakers.of(on)
    if row is None:
        return None
    of_shop = isinstance(on, Store)
    name = "Shopify" if of_shop else "Klaviyo"
    history = [
        Past(one.opened_at, one.closed_at, reason(name, one.code), one.code, one.probes)
        for one in Opening.objects.filter(breaker=row).order_by("-id")[:HISTORY]
    ]
    if not history:
        return None
    is_open = row.state == BreakerState.OPEN
    return Panel(
        on=on,
        of_shop=of_shop,
        name=name,
        is_open=is_open,
        since=row.opened_at,
        why=reason(name, row.error_code),
        code=row.error_code,
        message=row.last_error,
        probes=row.probes,
        probe_at=row.probe_at,
        is_probed=_is_probed(row, now),
        events=_events(on) if is_open else [],
        jobs=_jobs(on) if is_open else [],
        history=history,
    )


def _is_probed(row: Breaker, now: datetime) -> bool:
    return row.probing_until is not None and row.probing_until > now


def _events(on: Guarded) -> list[HeldOf]:
    """Messages that wait: all of an account's; of a shop, those it must be asked about."""
    waiting = Event.objects.waiting()
    if isinstance(on, Store):
        count = waiting.filter(store=on, last_error=breakers.WAITS).count()
        return [HeldOf(on, count)] if count else []
    stores = {store.pk: store for store in on.stores.order_by("name", "id")}
    counted = dict(
        waiting.filter(store__in=list(stores)).values_list("store").annotate(n=Count("pk"))
    )
    return [HeldOf(store, counted[pk]) for pk, store in stores.items() if counted.get(pk)]


def _jobs(on: Guarded) -> list[HeldJob]:
    """Fetches whose next period is not read; an account's wait with their messages."""
    if not isinstance(on, Store):
        return []
    counted = dict(
        SyncWindow.objects.filter(
            job__store=on,
            job__state=JobState.RUNNING,
            state__in=[WindowState.WAITING, WindowState.READING],
        )
        .values_list("job")
        .annotate(n=Count("pk"))
    )
    jobs = SyncJob.objects.select_related("store").filter(pk__in=counted).order_by("-id")
    return [HeldJob(job, counted[job.pk]) for job in jobs]
