"""Probing a platform that has trouble: one cheap call, by exactly one process, at its time."""

import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min, Q

from integrations import queue
from integrations.domain import breaking as domain
from integrations.domain.breaking import BreakerState
from integrations.domain.failures import FailureKind, PlatformError
from integrations.domain.lanes import Lane
from integrations.models import Breaker, ShopBudget, Store
from integrations.platforms.klaviyo import probe
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.klaviyo.endpoints import Endpoint
from integrations.platforms.shopify import health as shop_health

from . import audit, breakers, budgets, health, logins, points
from .audit import Actor
from .breakers import Guarded

Clock = Callable[[], datetime]

# As other tasks: gone well before their timeout. Within this time one stays for what is due soon.
STAY = timedelta(seconds=45)
LOOK_EVERY = 0.25
# The sweep, which comes each minute, asks for somebody who then stays until the probe is due.
AHEAD = timedelta(seconds=60)
# Probes side by side; an outage of a platform is one of all its shops.
AT_ONCE = 8


class BeingProbed(Exception):
    """Somebody is asking at this moment."""


def watch(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Make every probe that is due or soon will be; returns how many were made."""
    name = f"{health.PROBER}{socket.gethostname()}:{os.getpid()}"
    until, made, beat_at = clock() + STAY, 0, 0.0
    try:
        while not stopping():
            if time.monotonic() - beat_at > 1:
                beat_at = time.monotonic()
                health.beat(name, now=clock())
            made += probe_due(clock=clock)
            following = Breaker.objects.troubled().aggregate(at=Min("probe_at"))["at"]
            if following is None or following > until or clock() > until:
                break
            time.sleep(LOOK_EVERY)
    finally:
        health.gone(name)
    return made


def wake(*, now: datetime) -> None:
    """Ask for somebody to probe, if a probe is due before the next sweep and nobody is there."""
    soon = Breaker.objects.troubled().filter(probe_at__lte=now + AHEAD)
    if soon.exists() and not health.alive(health.PROBER, now):
        queue.ask_for(queue.PROBE)


def probe_due(*, clock: Clock) -> int:
    """Make the probes whose time has come and that nobody else makes; returns how many."""
    due = list(
        Breaker.objects.due(clock())
        .select_related("klaviyo_account", "store")
        .order_by("probe_at")[: 4 * AT_ONCE]
    )
    if len(due) < 2:
        return sum(_probe_if_ours(one, clock) for one in due)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="probe") as crew:
        return sum(crew.map(lambda one: _in_thread(one, clock), due))


def try_now(on: Guarded, *, by: Actor, now: datetime) -> bool:
    """Probe at once because somebody asks; True if the platform answers. Raises BeingProbed.

    Where nothing is held there is nothing to try, and asking again changes nothing.
    """
    row = breakers.of(on)
    if row is None or row.state == BreakerState.CLOSED:
        return True
    with transaction.atomic():
        free = Breaker.objects.troubled().filter(
            Q(probing_until=None) | Q(probing_until__lt=now), pk=row.pk
        )
        if not free.update(probe_at=now, probing_until=now + domain.PROBE_LEASE):
            raise BeingProbed
        audit.record("breaker.tried", on, by=by, now=now, before={}, after={})
    return _probe(row, now)


def _in_thread(row: Breaker, clock: Clock) -> bool:
    try:
        return _probe_if_ours(row, clock)
    finally:
        connection.close()


def _probe_if_ours(row: Breaker, clock: Clock) -> bool:
    now = clock()
    if not Breaker.objects.claim(row.pk, until=now + domain.PROBE_LEASE, now=now):
        return False
    _probe(row, now)
    return True


def _probe(row: Breaker, now: datetime) -> bool:
    """Make one call and write down what it means; True if the platform answers."""
    on = row.guards
    if until := _asked_to_wait(on, now):
        breakers.postpone(row, until=until)
        return False
    try:
        _call(on, now)
    except PlatformError as exc:
        failure = exc.failure
        if domain.says_it_is_down(failure):
            breakers.probe_failed(on, failure, now=now)
            return False
        if failure.kind is FailureKind.RATE_LIMITED:
            _obey(on, failure.retry_after or timedelta(seconds=10), now)
        # An answer all the same; what it says of the login is on record and has its own hold.
    breakers.answered(on, now=now)
    return True


def _asked_to_wait(on: Guarded, now: datetime) -> datetime | None:
    if isinstance(on, Store):
        row = ShopBudget.objects.filter(store=on, blocked_until__gt=now).first()
        return row.blocked_until if row else None
    grant = budgets.take(on.pk, Endpoint.EVENT, wanted=1, lane=Lane.LIVE, now=now)
    return None if grant.calls else grant.retry_at


def _obey(on: Guarded, wait: timedelta, now: datetime) -> None:
    if isinstance(on, Store):
        points.block(on.pk, wait, now=now)
    else:
        budgets.block(on.pk, Endpoint.EVENT, wait=wait, now=now)


def _call(on: Guarded, now: datetime) -> None:
    """Ask a shop who it is, or send Klaviyo an empty event, which it refuses. Raises PlatformError.

    What is held are writes, so the probe goes where writes go: reading may work without them.
    """
    if isinstance(on, Store):
        logins.ask_shop(on, shop_health.check, now=now)
        return

    def question(client: Klaviyo) -> None:
        if failure := probe.trouble_writing(client):
            raise PlatformError(failure)

    logins.ask_klaviyo(on, question, now=now)
