"""What a job would do, before it starts: made in small steps, kept with the job, read by pages."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.db import connection, transaction

from integrations import queue
from integrations.domain.estimates import Remaining
from integrations.domain.forecast import VERSION, Forecast, Sight, Stage, Trouble, Turn
from integrations.models import SyncJob

from . import forecast_load
from .forecast_steps import Maker

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

# As a drain: below the task's own timeout.
LONGEST = 50.0
LEASE = timedelta(seconds=60)
# A wait this short is sat out; a longer one gives the job back.
SHORT_WAIT = timedelta(seconds=5)
# Turns without finding anything out: then something is wrong with the job or with us.
MOST_TRIES = 5

# The moments stand in the forecast itself, since there are few drafts and nobody else asks.
_CLAIM = """
SELECT id FROM integrations_syncjob
WHERE state = 'draft'
  AND NOT (forecast->>'version' IS NOT DISTINCT FROM %(version)s
           AND forecast->>'stage' IS NOT DISTINCT FROM 'ready')
  AND coalesce((forecast->'turn'->>'until')::float, 0) < %(now)s
  AND coalesce((forecast->'turn'->>'after')::float, 0) <= %(now)s
ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_KEEP = """
UPDATE integrations_syncjob SET forecast = %s::jsonb
WHERE id = %s AND (forecast->'turn'->>'epoch')::bigint = %s
"""
_DUE = _CLAIM.replace("FOR UPDATE SKIP LOCKED", "")


class Lost(Exception):
    """Somebody else makes this forecast now."""


class Claim(NamedTuple):
    """A job whose forecast is ours to make, and which turn this is."""

    pk: int
    epoch: int


def read(job: SyncJob) -> Forecast | None:
    """The forecast as far as it is; None before the first step, or when it is of an old shape."""
    if job.forecast.get("version") != VERSION:
        return None
    return msgspec.convert(job.forecast, Forecast)


def make(job: SyncJob, *, now: datetime) -> Forecast:
    """Make a job's forecast at once, however long the limits make it take, and keep it."""
    began = time.monotonic()

    def clock() -> datetime:
        return now + timedelta(seconds=time.monotonic() - began)

    claim, forecast = _take_over(job, now)
    maker = Maker(job, forecast, clock=clock)
    while not forecast.is_ready:
        wait = maker.step()
        if wait is not None:
            time.sleep(max(0.01, (wait - clock()).total_seconds()))
        _keep(claim, job, forecast, until=clock() + LEASE)
    return forecast


def work(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Make the forecasts that are due, until nothing is or LONGEST is over; returns how many.

    It asks for a successor if some are left.
    """
    began, ready = time.monotonic(), 0

    def is_over() -> bool:
        return stopping() or time.monotonic() - began > LONGEST

    while not is_over() and (claim := _claim(clock())):
        ready += _go_on(claim, clock, is_over)
    if not stopping():
        wake(now=clock())
    return ready


def wake(*, now: datetime) -> None:
    """Ask for a worker if a draft has no forecast yet."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"now": now.timestamp(), "version": str(VERSION)})
        if cursor.fetchone():
            queue.ask_for(queue.FORECAST)


def remaining(job: SyncJob, *, now: datetime) -> Remaining:
    """How long a running job will still take, and what that rests on."""
    return forecast_load.remaining(job, total=_total(job), now=now)


def _total(job: SyncJob) -> int | None:
    """How many records there are: what was found once a window is read, before that its count."""
    forecast = read(job)
    counts = {
        (one.stream, one.since): one.count if one.sight is not Sight.NONE else 0
        for one in (forecast.windows if forecast else [])
    }
    total = 0
    for window in job.windows.all():
        if window.read_at is not None:
            total += window.found + window.left_out
            continue
        count = window.expected
        if count is None:
            count = counts.get((window.stream, window.since))
        if count is None:
            return None
        total += max(count, window.found + window.left_out)
    return total


def _claim(now: datetime) -> Claim | None:
    """Take the newest draft that needs a forecast."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, {"now": now.timestamp(), "version": str(VERSION)})
            row = cursor.fetchone()
        if row is None:
            return None
        return _take_over(SyncJob.objects.get(pk=row[0]), now)[0]


def _take_over(job: SyncJob, now: datetime) -> tuple[Claim, Forecast]:
    """Make a job's forecast ours, whoever had it; what they found out is kept."""
    with transaction.atomic():
        row = SyncJob.objects.select_for_update().get(pk=job.pk)
        forecast = read(row) or Forecast(began_at=now, updated_at=now)
        turn = forecast.turn
        turn.epoch, turn.until, turn.after = turn.epoch + 1, (now + LEASE).timestamp(), 0
        turn.tries += 1
        SyncJob.objects.filter(pk=job.pk).update(forecast=_plain(forecast))
    return Claim(job.pk, turn.epoch), forecast


def _go_on(claim: Claim, clock: Clock, is_over: Callable[[], bool]) -> bool:
    """Take one forecast on, as far as it gets; whether it is ready."""
    job = SyncJob.objects.select_related("store__klaviyo_account").get(pk=claim.pk)
    forecast = read(job)
    assert forecast is not None  # noqa: S101 - the claim has just written it
    try:
        if forecast.turn.tries > MOST_TRIES:
            forecast.troubles.append(Trouble("plan", "gave_up"))
            forecast.stage = Stage.READY
            _keep(claim, job, forecast, until=clock())
            return True
        _steps(claim, Maker(job, forecast, clock=clock), clock, is_over)
    except Lost:
        log.warning("forecast.lost_lease", extra={"job": claim.pk})
        return False
    return forecast.is_ready


def _steps(claim: Claim, maker: Maker, clock: Clock, is_over: Callable[[], bool]) -> None:
    job, forecast = maker.job, maker.forecast
    while not forecast.is_ready:
        if is_over():
            _keep(claim, job, forecast, until=clock() - LEASE)
            return
        wait = maker.step()
        if wait is None:
            forecast.turn.tries = 0
        elif wait - clock() > SHORT_WAIT:
            forecast.turn.after, forecast.turn.tries = wait.timestamp(), 0
            _keep(claim, job, forecast, until=clock() - LEASE)
            return
        else:
            time.sleep(max(0.01, (wait - clock()).total_seconds()))
        _keep(claim, job, forecast, until=clock() + LEASE)


def _keep(claim: Claim, job: SyncJob, forecast: Forecast, *, until: datetime) -> None:
    """Write down how far it is, and until when it stays ours. Raises Lost."""
    forecast.turn.until = until.timestamp()
    if forecast.is_ready:
        forecast.turn = Turn(epoch=claim.epoch)
    plain = _plain(forecast)
    text = msgspec.json.encode(plain).decode()
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [text, claim.pk, claim.epoch])
        if not cursor.rowcount:
            raise Lost
    job.forecast = plain


def _plain(forecast: Forecast) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(forecast)
    return found
