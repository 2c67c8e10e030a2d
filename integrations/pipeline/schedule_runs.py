"""Runs of schedules: a row each, so that one can see whether it ran, how long, and what failed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import wraps
from typing import TypeVar

from django.db import DatabaseError

from integrations.models import ScheduleRun

Result = TypeVar("Result")


def scheduled(
    name: str, *, clock: Callable[[], datetime]
) -> Callable[[Callable[[], Result]], Callable[[], Result]]:
    """Let each run of a task be kept, as one of the schedule of this name."""

    def keeping(task: Callable[[], Result]) -> Callable[[], Result]:
        @wraps(task)
        def run() -> Result:
            with kept(name, clock=clock):
                return task()

        return run

    return keeping


@contextmanager
def kept(name: str, *, clock: Callable[[], datetime]) -> Iterator[None]:
    """Keep a run of a schedule: when it began, when it ended, and with which class of error."""
    run = ScheduleRun.objects.create(name=name, began_at=clock())
    try:
        yield
    # The queue ends a task that takes too long by a SystemExit, which is a failure as well.
    except BaseException as exc:
        # Where the database is the trouble, the run stays without an end, and the trouble is told.
        with suppress(DatabaseError):
            _end(run, clock(), type(exc).__name__)
        raise
    _end(run, clock(), "")


def _end(run: ScheduleRun, now: datetime, error: str) -> None:
    ScheduleRun.objects.filter(pk=run.pk).update(ended_at=now, error=error[:80])
