"""Whether a process can do its work: what a load balancer asks before it sends anybody here."""

from datetime import datetime

import msgspec
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from integrations.domain.verdicts import SWEEP_SILENCE
from integrations.models import Heartbeat

from .health import SWEEP


class Readiness(msgspec.Struct, frozen=True):
    """The answer, and one plain line for each thing that was looked at."""

    is_ready: bool
    lines: tuple[str, ...]


class _Schema:
    """Whether the tables are those of this version; not asked again once they were."""

    def __init__(self) -> None:
        self.is_current = False

    def look(self) -> bool:
        if not self.is_current:
            self.is_current = not missing_migrations()
        return self.is_current


schema = _Schema()


def missing_migrations() -> list[str]:
    """The migrations that the database has not had yet, by name. Reads every migration's file."""
    connection.ensure_connection()
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{one.app_label}.{one.name}" for one, _ in plan]


def look(*, now: datetime) -> Readiness:
    """Look at the database, its tables and the workers.

    Silent workers are told and do not make us unready: webhooks are kept without them, and a web
    process that was taken out of service for their sake would lose what shops send.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        is_current = schema.look()
        seen = Heartbeat.objects.filter(name=SWEEP).values_list("beat_at", flat=True).first()
    except DatabaseError:
        # So that the next one who asks gets a new connection.
        connection.close_if_unusable_or_obsolete()
        return Readiness(False, ("database: does not answer",))
    return Readiness(is_current, ("database: ok", _migrations(is_current), _workers(seen, now)))


def _migrations(is_current: bool) -> str:
    return "migrations: ok" if is_current else "migrations: some are not applied"


def _workers(seen: datetime | None, now: datetime) -> str:
    if seen is None:
        return "workers: warning, they have never given a sign of life"
    silence = now - seen
    if silence > SWEEP_SILENCE:
        return f"workers: warning, silent for {silence.total_seconds():.0f} s"
    return "workers: ok"
