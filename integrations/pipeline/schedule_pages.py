"""Whether what should run every so often did: read-only."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Count, F, Max, Q

from integrations import queue
from integrations.domain import schedules
from integrations.models import Heartbeat, ScheduleRun

LOOKED_BACK = timedelta(days=1)
SIGNS_SHOWN = 50
WORDS = {
    queue.SWEEP: "Look for what is due",
    queue.PRUNE: "Drop what has served its term",
    queue.LOGINS: "Look after logins",
    queue.SUBSCRIPTIONS: "Look what shops send",
    queue.NOTICES: "Send e-mails",
    queue.CAUSES: "Look after reasons of failures",
    queue.FIGURES: "Count figures",
    queue.ALERTS: "See what is wrong",
    queue.ALERTS_OUT: "Tell people of alerts",
}

_LATEST = """
SELECT latest.* FROM unnest(%s::text[]) AS wanted(name) CROSS JOIN LATERAL (
  SELECT * FROM integrations_schedulerun run WHERE run.name = wanted.name
  ORDER BY began_at DESC LIMIT 1) latest
"""
_GAPS = """
SELECT name, previous, began_at FROM (
  SELECT name, began_at, lag(began_at) OVER (PARTITION BY name ORDER BY began_at) AS previous
  FROM integrations_schedulerun WHERE name = ANY(%s) AND began_at >= %s) run
JOIN unnest(%s::text[], %s::interval[]) AS wanted(name, patience) USING (name)
WHERE began_at - previous > patience ORDER BY previous DESC
"""


class Schedule(msgspec.Struct):
    """One schedule: its last run, and how its runs of a day went."""

    name: str
    words: str
    minutes: int
    last: ScheduleRun | None
    runs: int
    failed: int
    longest: timedelta | None
    # The spans without a run, the newest first.
    missed: list[tuple[datetime, datetime]]
    is_overdue: bool

    @property
    def took(self) -> timedelta | None:
        """How long the last run took; None while it runs, or if it never ended."""
        return self.last.ended_at - self.last.began_at if self.last and self.last.ended_at else None


def of_all(now: datetime) -> list[Schedule]:
    """Every schedule that should run, in three queries."""
    names = list(queue.SCHEDULES)
    since = now - LOOKED_BACK
    latest = {run.name: run for run in ScheduleRun.objects.raw(_LATEST, [names])}
    runs = ScheduleRun.objects.filter(name__in=names, began_at__gte=since).values("name")
    counted: dict[str, Any] = {
        row["name"]: row
        for row in runs.annotate(
            runs=Count("pk"),
            failed=Count("pk", filter=~Q(error="")),
            longest=Max(F("ended_at") - F("began_at")),
        )
    }
    gaps = _gaps(since)
    return [_schedule(name, latest.get(name), counted.get(name, {}), gaps, now) for name in names]


def _schedule(
    name: str,
    last: ScheduleRun | None,
    row: dict[str, Any],
    gaps: dict[str, list[tuple[datetime, datetime]]],
    now: datetime,
) -> Schedule:
    minutes = queue.SCHEDULES[name]
    return Schedule(
        name=name,
        words=WORDS[name],
        minutes=minutes,
        last=last,
        runs=row.get("runs", 0),
        failed=row.get("failed", 0),
        longest=row.get("longest"),
        missed=gaps.get(name, []),
        is_overdue=schedules.is_missed(
            last.began_at if last else None, interval=timedelta(minutes=minutes), now=now
        ),
    )


def _gaps(since: datetime) -> dict[str, list[tuple[datetime, datetime]]]:
    names = list(queue.SCHEDULES)
    patience = [schedules.patience(timedelta(minutes=queue.SCHEDULES[name])) for name in names]
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, [names, since, names, patience])
        for name, before, after in cursor.fetchall():
            found.setdefault(name, []).append((before, after))
    return found


def signs_of_life() -> list[Heartbeat]:
    """Our own parts, whoever was seen last first."""
    return list(Heartbeat.objects.order_by("-beat_at", "name")[:SIGNS_SHOWN])
