"""Sweep and prune: what keeps the rows honest when nobody looks."""

from datetime import datetime, timedelta

from django.db import connection

from integrations import queue
from integrations.domain.resolutions import Resolution
from integrations.domain.windows import OVER
from integrations.models import (
    Authorization,
    Call,
    CallFigures,
    DepthFigures,
    Heartbeat,
    LagFigures,
    ScheduleRun,
    StoreLane,
    SyncWindow,
    Tally,
    UnfinishedMinute,
)

from . import drains, health, probing, retention, undo

CALLS_KEPT = timedelta(days=14)
TALLIES_KEPT = timedelta(days=400)
SIGN_INS_KEPT = timedelta(days=90)
HEARTBEATS_KEPT = timedelta(days=1)
FAILED_TASKS_KEPT = timedelta(days=14)
SCHEDULE_RUNS_KEPT = timedelta(days=14)
# What was read of the past can be read again; so long it can be looked at as it came.
PAST_BODIES_KEPT = timedelta(days=7)
PRUNED_AT_ONCE = 5000
WINDOWS_AT_ONCE = 200


def sweep(*, now: datetime) -> None:
    """Ask for a drain if anything is due, and for a probe."""
    health.beat(health.SWEEP, now=now)
    wake(now=now)
    wake_past(now=now)
    probing.wake(now=now)


def wake(*, now: datetime) -> bool:
    """Ask for a drain if anything is due and none is at work; True if one was asked for."""
    return _wake(drains.LIVE, now)


def wake_past(*, now: datetime) -> bool:
    """Do the same for past data, which has a drain of its own."""
    return _wake(drains.PAST, now)


def _wake(part: drains.Part, now: datetime) -> bool:
    is_due = StoreLane.objects.any_due(now, highest=part.highest, lowest=part.lowest)
    is_wanted = is_due or drains.keeps_its_place(part, now)
    is_missing = is_wanted and not health.alive(part.sign, now)
    if is_missing:
        queue.ask_for(part.task)
    return is_missing


def prune(*, now: datetime) -> None:
    """Drop calls, counts and signs of life that have served their term, in small batches."""
    _prune(Call._meta.db_table, "started_at", now - CALLS_KEPT)
    _prune(Tally._meta.db_table, "minute", now - TALLIES_KEPT)
    _prune(Authorization._meta.db_table, "begun_at", now - SIGN_INS_KEPT)
    # Whoever signs in sweeps nothing away; a session that is over opens nothing any more.
    _prune("django_session", "expire_date", now)
    _drop_past_bodies(now)
    # Whose time is over can sign nobody in, and what was never answered needs no proof any more.
    Authorization.objects.filter(expires_at__lte=now).exclude(verifier=b"").update(verifier=b"")
    # The queue keeps failed tasks for ever; ours have their story in our own rows.
    _prune("django_q_task", "stopped", now - FAILED_TASKS_KEPT)
    Heartbeat.objects.filter(beat_at__lt=now - HEARTBEATS_KEPT).delete()
    _prune_figures(now)
    undo.prune(now=now)
    retention.prune(now=now)


def _prune_figures(now: datetime) -> None:
    """Let go of minutes, hours and days of figures, each in its own time."""
    for resolution in Resolution:
        for model in (CallFigures, LagFigures, DepthFigures):
            only = f"resolution = {resolution:d} AND start"
            _prune(model._meta.db_table, only, now - resolution.kept)
    _prune(UnfinishedMinute._meta.db_table, "minute", now - Resolution.MINUTE.kept)
    _prune(ScheduleRun._meta.db_table, "began_at", now - SCHEDULE_RUNS_KEPT)


def _drop_past_bodies(now: datetime) -> None:
    """Let go of the content of past data that ended well; its rows stay, with all they say."""
    served = SyncWindow.objects.filter(
        bodies_dropped_at=None, state__in=OVER, finished_at__lt=now - PAST_BODIES_KEPT
    ).order_by("finished_at")
    for pk in served.values_list("pk", flat=True)[:WINDOWS_AT_ONCE]:
        with connection.cursor() as cursor:
            while True:
                cursor.execute(_DROP, [pk])
                if cursor.rowcount < PRUNED_AT_ONCE:
                    break
        SyncWindow.objects.filter(pk=pk).update(bodies_dropped_at=now)


_DROP = f"""
UPDATE integrations_event SET body = '' WHERE id = ANY(ARRAY(
  SELECT id FROM integrations_event WHERE window_id = %s AND state IN ('delivered', 'skipped')
    AND body <> '' LIMIT {PRUNED_AT_ONCE}))
"""


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
