"""Sweep and prune: what keeps the rows honest when nobody looks."""

from datetime import datetime, timedelta

from django.db import connection

from integrations import queue
from integrations.models import Authorization, Call, Heartbeat, StoreLane, Tally

from . import health, undo

CALLS_KEPT = timedelta(days=14)
TALLIES_KEPT = timedelta(days=400)
SIGN_INS_KEPT = timedelta(days=90)
HEARTBEATS_KEPT = timedelta(days=1)
FAILED_TASKS_KEPT = timedelta(days=14)
PRUNED_AT_ONCE = 5000


def sweep(*, now: datetime) -> None:
    """Ask for a drain if anything is due."""
    health.beat(health.SWEEP, now=now)
    if StoreLane.objects.any_due(now) and not health.drains_alive(now):
        queue.ask_for(queue.DRAIN)


def prune(*, now: datetime) -> None:
    """Drop calls, counts and signs of life that have served their term, in small batches."""
    _prune(Call._meta.db_table, "started_at", now - CALLS_KEPT)
    _prune(Tally._meta.db_table, "minute", now - TALLIES_KEPT)
    _prune(Authorization._meta.db_table, "begun_at", now - SIGN_INS_KEPT)
    # The queue keeps failed tasks for ever; ours have their story in our own rows.
    _prune("django_q_task", "stopped", now - FAILED_TASKS_KEPT)
    Heartbeat.objects.filter(beat_at__lt=now - HEARTBEATS_KEPT).delete()
    undo.prune(now=now)


def _prune(table: str, column: str, before: datetime) -> None:
    statement = (
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("
        f"SELECT ctid FROM {table} WHERE {column} < %s LIMIT {PRUNED_AT_ONCE}))"
    )
    with connection.cursor() as cursor:
        for _ in range(200):
            cursor.execute(statement, [before])
            if cursor.rowcount < PRUNED_AT_ONCE:
                return
