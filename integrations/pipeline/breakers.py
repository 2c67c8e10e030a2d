"""Noticing that a platform has trouble, holding work back for it, and letting it go on again.

Whoever calls a platform tells what came of it; nothing is written while all goes well.
"""

import logging
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from django.db import transaction

from integrations import queue
from integrations.domain import breaking as domain
from integrations.domain.breaking import BreakerState
from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.undo import UndoState
from integrations.domain.windows import WindowState
from integrations.models import (
    Breaker,
    Event,
    KlaviyoAccount,
    Opening,
    Store,
    StoreLane,
    SyncWindow,
    Undo,
)

from . import audit, health

log = logging.getLogger(__name__)

Guarded = KlaviyoAccount | Store
T = TypeVar("T")

# What a waiting event says while the platform of its shop has trouble, and its failure's code.
WAITS = "This waits until the shop's platform answers again."
WAITS_CODE = "platform_trouble"


def watched(on: Guarded, call: Callable[[], T], *, now: datetime) -> T:
    """Make a call and tell what came of it. Raises PlatformError.

    `on` should come with its breaker, or that is looked up.
    """
    try:
        found = call()
    except PlatformError as exc:
        if domain.says_it_is_down(exc.failure):
            failed(on, exc.failure, now=now)
        raise
    if is_troubled(on):
        answered(on, now=now)
    return found


def is_troubled(on: Guarded) -> bool:
    """Whether calls failed of late, as far as this copy of the row knows."""
    known = of(on)
    return known is not None and (known.failures > 0 or known.state != BreakerState.CLOSED)


def of(on: Guarded) -> Breaker | None:
    """The breaker of an account or store; none where no call has ever failed."""
    try:
        return on.breaker
    except Breaker.DoesNotExist:
        return None


def failed(on: Guarded, failure: Failure, *, calls: int = 1, now: datetime) -> None:
    """Note that calls failed through no fault of ours; it may run inside a transaction."""
    with transaction.atomic():
        row = _locked(on)
        was = row.state
        _write(row, domain.failed(_health(row), calls=calls, now=now))
        _name(row, failure)
        row.save()
        if row.state == was or row.state != BreakerState.DOUBTED:
            return
        queue.ask_for(queue.PROBE)
    log.warning("breaker.doubted", extra={"breaker": row.pk, "code": failure.code})


def answered(on: Guarded, *, now: datetime) -> bool:
    """Note that a call was answered, and let go on what was held; False if nothing was."""
    with transaction.atomic():
        row = Breaker.objects.select_for_update().filter(**_of(on)).first()
        if row is None:
            return False
        was, until = row.state, row.opened_at
        _write(row, domain.answered(_health(row), now=now))
        row.probing_until = None
        row.save()
        if was == BreakerState.CLOSED:
            return False
        # Also after a mere doubt: lanes that rest because of one record rest for nothing.
        _let_go(on, now)
        if was != BreakerState.OPEN:
            return False
        type(on).objects.filter(pk=on.pk).update(tripped_at=None)
        Opening.objects.filter(breaker=row, closed_at=None).update(closed_at=now)
        audit.record(
            "breaker.closed",
            on,
            by=audit.AUTOMATIC,
            now=now,
            before={"since": until.isoformat() if until else None},
            after={},
        )
    log.info("breaker.closed", extra={"breaker": row.pk})
    return True


def probe_failed(on: Guarded, failure: Failure, *, now: datetime) -> None:
    """Note that a probe failed: hold everything back, or go on doing so for longer."""
    with transaction.atomic():
        row = _locked(on)
        was = row.state
        if was == BreakerState.CLOSED:
            return  # another call was answered meanwhile
        chance = random.random()  # noqa: S311 - spreading, not secrecy
        _write(row, domain.probe_failed(_health(row), now=now, chance=chance))
        row.probing_until = None
        _name(row, failure)
        row.save()
        if was == BreakerState.OPEN:
            Opening.objects.filter(breaker=row, closed_at=None).update(probes=row.probes)
        else:
            _hold(row, on, now)
    log.warning("breaker.open", extra={"breaker": row.pk, "probes": row.probes})


def postpone(row: Breaker, *, until: datetime) -> None:
    """Make a probe later, because the platform asked for patience."""
    Breaker.objects.filter(pk=row.pk).update(probe_at=until, probing_until=None)


def waits(store: Store, *, now: datetime) -> Failure | None:
    """What a shop is not asked for meanwhile, as a failure that costs no try; None if it is."""
    if store.tripped_at is None:
        return None
    row = of(store)
    until = row.probe_at if row and row.probe_at else now
    wait = max(until - now, domain.FIRST_PROBE)
    return Failure(FailureKind.RATE_LIMITED, WAITS, WAITS_CODE, retry_after=wait)


# --- the row --------------------------------------------------------------------------------------


def _of(on: Guarded) -> dict[str, Any]:
    return {"store": on} if isinstance(on, Store) else {"klaviyo_account": on}


def _locked(on: Guarded) -> Breaker:
    Breaker.objects.bulk_create([Breaker(**_of(on))], ignore_conflicts=True)
    return Breaker.objects.select_for_update().get(**_of(on))


def _health(row: Breaker) -> domain.Health:
    values = {name: getattr(row, name) for name in domain.Health.__struct_fields__}
    return domain.Health(**values | {"state": BreakerState(row.state)})


def _write(row: Breaker, health: domain.Health) -> None:
    for name, value in msgspec.structs.asdict(health).items():
        setattr(row, name, value)


def _name(row: Breaker, failure: Failure) -> None:
    row.last_error, row.error_code = failure.message[:500], failure.code[:60]


def _hold(row: Breaker, on: Guarded, now: datetime) -> None:
    type(on).objects.filter(pk=on.pk).update(tripped_at=now)
    Opening.objects.create(
        breaker=row,
        opened_at=now,
        reason=row.last_error,
        code=row.error_code,
        probes=row.probes,
    )
    platform = "Shopify" if isinstance(on, Store) else "Klaviyo"
    audit.record(
        "breaker.opened",
        on,
        by=audit.AUTOMATIC,
        now=now,
        before={},
        after={"code": row.error_code},
        reason=domain.reason(platform, row.error_code),
    )


def _let_go(on: Guarded, now: datetime) -> None:
    """End the rests that were taken because of this trouble, and wake whoever works."""
    if isinstance(on, Store):
        windows = SyncWindow.objects.filter(
            job__store=on,
            state__in=[WindowState.WAITING, WindowState.READING],
            failures__gt=0,
            next_attempt_at__gt=now,
        )
        windows.update(next_attempt_at=now, wait_reason="")
        held = Event.objects.waiting().filter(store=on, last_error=WAITS)
        held.filter(next_attempt_at__gt=now).update(next_attempt_at=now, last_error="")
        queue.ask_for(queue.READ)
    else:
        StoreLane.objects.filter(store__klaviyo_account=on, failures__gt=0).update(
            not_before=None, wait_reason="", failures=0
        )
        undone = Undo.objects.filter(job__store__klaviyo_account=on, state=UndoState.RUNNING)
        undone.filter(failures__gt=0, next_attempt_at__gt=now).update(
            next_attempt_at=now, wait_reason="", failures=0
        )
        if undone.exists():
            queue.ask_for(queue.UNDO)
    health.ask_for_drain(now=now)
    health.ask_for_past(now=now)
