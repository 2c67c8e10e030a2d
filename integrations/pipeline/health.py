"""Signs of life in our own rows, since the queue's own view only proves that its parent lives."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from integrations import queue
from integrations.models import Heartbeat

DRAIN = "drain:"
READER = "reader:"
PROBER = "prober:"
REPLAYER = "replayer:"
SWEEP = "sweep"
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


def drains_alive(now: datetime) -> int:
    """How many drains are at work."""
    return Heartbeat.objects.filter(name__startswith=DRAIN, beat_at__gt=now - DRAIN_ALIVE).count()


def readers_alive(now: datetime) -> int:
    """How many readers of past data are at work."""
    return Heartbeat.objects.filter(name__startswith=READER, beat_at__gt=now - DRAIN_ALIVE).count()


def probers_alive(now: datetime) -> int:
    """How many look after platforms that have trouble."""
    return Heartbeat.objects.filter(name__startswith=PROBER, beat_at__gt=now - DRAIN_ALIVE).count()


def replayers_alive(now: datetime) -> int:
    """How many let failed records go again."""
    return Heartbeat.objects.filter(
        name__startswith=REPLAYER, beat_at__gt=now - DRAIN_ALIVE
    ).count()


def ask_for_help(*, now: datetime) -> None:
    """Ask for one more drain, but always leave a worker for everything else."""
    if drains_alive(now) + readers_alive(now) < settings.Q_WORKERS - 1:
        queue.ask_for(queue.DRAIN)
