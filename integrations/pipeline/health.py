"""Signs of life in our own rows, since the queue's own view only proves that its parent lives."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Max, Q

from integrations import queue
from integrations.models import Heartbeat

DRAIN = "drain:"
PAST = "past:"
READER = "reader:"
PROBER = "prober:"
REPLAYER = "replayer:"
SWEEP = "sweep"
# The kinds that beat under names of their own, each of which begins so.
PARTS = (DRAIN, PAST, READER, PROBER, REPLAYER)
# A drain beats every second; one that is older is gone.
DRAIN_ALIVE = timedelta(seconds=3)

_BEAT = """
INSERT INTO integrations_heartbeat (name, beat_at, detail) VALUES (%s, %s, %s)
ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at, detail = excluded.detail
"""


def beat(name: str, *, now: datetime, detail: str = "") -> None:
    """Leave a sign of life."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [name, now, detail])


def gone(name: str) -> None:
    """Take the sign of life away, as its bearer ends in peace."""
    Heartbeat.objects.filter(name=name).delete()


def alive(kind: str, now: datetime) -> int:
    """How many of a kind, such as DRAIN, are at work."""
    return Heartbeat.objects.filter(name__startswith=kind, beat_at__gt=now - DRAIN_ALIVE).count()


def workers_seen_at() -> datetime | None:
    """When our own workers last gave a sign of life; None when they never did."""
    found = Heartbeat.objects.filter(
        Q(name=SWEEP)
        | Q(name__startswith="worker:")
        | Q(name__startswith=DRAIN)
        | Q(name__startswith=PAST)
    ).aggregate(seen=Max("beat_at"))
    seen: datetime | None = found["seen"]
    return seen


def seen_at(name: str) -> datetime | None:
    """When one of our parts last gave a sign of life."""
    return Heartbeat.objects.filter(name=name).values_list("beat_at", flat=True).first()


def is_long_work(now: datetime) -> bool:
    """Whether work is going on that keeps workers for a minute at a time."""
    return any(alive(kind, now) for kind in (PAST, READER, REPLAYER))


def ask_for_drain(*, now: datetime) -> None:
    """Ask for a drain, unless one is at work: it finds what is due by itself."""
    if not alive(DRAIN, now):
        queue.ask_for(queue.DRAIN)


def ask_for_past(*, now: datetime) -> None:
    """Ask for the drain of past data, unless it is at work."""
    if not alive(PAST, now):
        queue.ask_for(queue.PAST)


def ask_for_help(*, now: datetime) -> None:
    """Ask for one more drain, but always leave a worker for everything else."""
    busy = sum(alive(kind, now) for kind in (DRAIN, PAST, READER))
    if busy < settings.Q_WORKERS - 1:
        queue.ask_for(queue.DRAIN)
