"""Reading the exported figures: each by an index or from a small table, whatever else has grown."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import product
from math import inf
from typing import Any

import msgspec
from django.db import connection, transaction

from integrations import queue
from integrations.domain import gauges
from integrations.domain.gauges import Gauge
from integrations.domain.lanes import Lane
from integrations.domain.resolutions import Resolution
from integrations.domain.schedules import is_missed
from integrations.domain.windows import JobState, WindowState
from integrations.models import FigureMark
from integrations.models.credentials import CredentialState
from integrations.models.dead_letters import DeadLetterState

from . import gauge_sql, health, intake, measuring

Labels = tuple[str, ...]
# A monitoring system gives up after ten seconds; nothing here may hold a connection for longer.
PATIENCE = "5s"
CALLS_SINCE = timedelta(minutes=5)
KINDS = (health.SWEEP, *(kind.rstrip(":") for kind in health.PARTS))
PLATFORMS = ("klaviyo", "shopify")
STATUSES = ("2xx", "3xx", "4xx", "429", "5xx", "none")
OUTCOMES = ("received", "delivered", "skipped", "dead")


class Reading(msgspec.Struct, frozen=True):
    """One figure and its samples, by their labels."""

    gauge: Gauge
    samples: Mapping[Labels, float]


def read(*, now: datetime) -> list[Reading]:
    """Read all of them, as of one moment and in a fixed number of queries."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
        return [
            *_lanes(now),
            _failed(),
            *_messages(now),
            _calls(now),
            _turned_away(now),
            _heartbeats(now),
            _reading(gauges.LOGINS, CredentialState.values, _rows(gauge_sql.LOGINS)),
            _reading(gauges.BREAKERS, PLATFORMS, _rows(gauge_sql.BREAKERS)),
            _windows(),
            Reading(gauges.TASKS, {(): queue.length(most=gauges.MOST_TASKS)}),
            *_schedules(now),
        ]


def _lanes(now: datetime) -> list[Reading]:
    names = [lane.name.lower() for lane in Lane]
    waiting = _rows(gauge_sql.WAITING, most=gauges.MOST_WAITING)
    oldest = _rows(gauge_sql.OLDEST, now=now)
    return [
        _reading(gauges.WAITING, names, [(Lane(lane).name.lower(), n) for lane, n in waiting]),
        _reading(gauges.OLDEST, names, [(Lane(lane).name.lower(), n) for lane, n in oldest]),
    ]


def _failed() -> Reading:
    return _reading(gauges.FAILED, DeadLetterState.values, _rows(gauge_sql.FAILED))


def _messages(now: datetime) -> list[Reading]:
    mark = FigureMark.objects.filter(name=measuring.MARK).first()
    until = mark.counted_until if mark else None
    minute = (until or now) - Resolution.MINUTE.step
    found = {
        resolution: counts
        for resolution, *counts in _rows(
            gauge_sql.MESSAGES,
            minute=Resolution.MINUTE.floor(minute),
            day=Resolution.DAY.floor(now),
        )
    }
    nothing = [0] * len(OUTCOMES)
    return [
        *(
            _reading(
                gauge, OUTCOMES, zip(OUTCOMES, found.get(int(resolution), nothing), strict=True)
            )
            for gauge, resolution in (
                (gauges.LAST_MINUTE, Resolution.MINUTE),
                (gauges.TODAY, Resolution.DAY),
            )
        ),
        Reading(gauges.COUNTED, {(): _seconds(until, now)}),
    ]


def _calls(now: datetime) -> Reading:
    rows = _rows(gauge_sql.CALLS, since=now - CALLS_SINCE, most=gauges.MOST_CALLS)
    known: dict[Labels, float] = dict.fromkeys(product(PLATFORMS, STATUSES), 0)
    for platform, status, number in rows:
        known[platform, status if status in STATUSES else "none"] += number
    return Reading(gauges.CALLS, known)


def _turned_away(now: datetime) -> Reading:
    hour = Resolution.HOUR.floor(now)
    rows = _rows(
        gauge_sql.TURNED_AWAY,
        reasons=list(intake.REASONS),
        hours=[hour, hour - Resolution.HOUR.step],
    )
    return _reading(gauges.TURNED_AWAY, intake.REASONS, rows)


def _heartbeats(now: datetime) -> Reading:
    beats = dict(_rows(gauge_sql.HEARTBEATS))
    return Reading(gauges.HEARTBEAT, {(kind,): _seconds(beats.get(kind), now) for kind in KINDS})


def _windows() -> Reading:
    states = [state.value for state in WindowState]
    under_way = [JobState.RUNNING.value, JobState.PAUSED.value]
    return _reading(gauges.WINDOWS, states, _rows(gauge_sql.WINDOWS, jobs=under_way))


def _schedules(now: datetime) -> list[Reading]:
    began = dict(_rows(gauge_sql.SCHEDULES, names=list(queue.SCHEDULES)))
    ages: dict[Labels, float] = {}
    missed: dict[Labels, float] = {}
    for task, minutes in queue.SCHEDULES.items():
        label = (task.rsplit(".", 1)[-1],)
        last = began.get(task)
        ages[label] = _seconds(last, now)
        missed[label] = float(is_missed(last, interval=timedelta(minutes=minutes), now=now))
    return [Reading(gauges.SCHEDULE, ages), Reading(gauges.MISSED, missed)]


def _reading(gauge: Gauge, known: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> Reading:
    """A figure with one label, nought where nothing was found."""
    samples: dict[Labels, float] = {(value,): 0 for value in known}
    for value, number in rows:
        if (value,) in samples:
            samples[(value,)] = float(number)
    return Reading(gauge, samples)


def _seconds(since: datetime | None, now: datetime) -> float:
    return inf if since is None else max(0.0, (now - since).total_seconds())


def _rows(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
