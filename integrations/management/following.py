"""A job's progress in a terminal: one line that moves, or a line now and then in a log."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.management.base import OutputWrapper
from django.db.models import Sum

from integrations.domain import forecast_words
from integrations.domain.windows import JobState, WindowState
from integrations.models import SyncJob
from integrations.pipeline import forecasts

COUNTS = ("found", "sent", "unchanged", "skipped", "failed")
# A terminal is written to this often, a log file less so.
EVERY, EVERY_IN_A_LOG = 0.5, 10.0
WIDTH = 24
ENDED = {JobState.DONE, JobState.CANCELLED, JobState.PAUSED}


def totals(job: SyncJob) -> dict[str, int]:
    """What was found and what became of it, over all windows."""
    return job.windows.aggregate(**{name: Sum(name, default=0) for name in COUNTS})


def expected(job: SyncJob) -> int | None:
    """How many there are in all, as far as the shop has said it of every window."""
    counts = [
        one.expected if one.state in {WindowState.WAITING, WindowState.READING} else one.found
        for one in job.windows.only("expected", "state", "found")
    ]
    return None if None in counts else sum(one for one in counts if one is not None)


def follow(job: SyncJob, out: OutputWrapper, *, clock: Callable[[], datetime]) -> None:
    """Show a job until it ends, is paused or is stopped."""
    is_terminal = out.isatty()
    printed = -EVERY_IN_A_LOG
    while True:
        job.refresh_from_db(fields=["state", "finished_at", "pause_reason"])
        is_over = job.state in ENDED
        if is_over or is_terminal or time.monotonic() - printed >= EVERY_IN_A_LOG:
            printed = time.monotonic()
            _show(out, line(job, now=clock()), moves=is_terminal)
        if is_over:
            break
        time.sleep(EVERY)
    if is_terminal:
        out.write("")


def _show(out: OutputWrapper, text: str, *, moves: bool) -> None:
    # The line before is wiped, whatever its length.
    out.write(f"\r\x1b[K{text}" if moves else text, ending="" if moves else "\n")
    out.flush()


def line(job: SyncJob, *, now: datetime) -> str:
    """Where a job stands, in one line."""
    counts = totals(job)
    ended = sum(counts[name] for name in COUNTS if name != "found")
    numbers = ", ".join(f"{counts[name]:,} {name}" for name in COUNTS)
    total = expected(job)
    bar = _bar(ended, total)
    if job.state != JobState.RUNNING:
        return f"{bar} {numbers}. {job.state.capitalize()}."
    return f"{bar} {numbers}. {forecast_words.left(forecasts.remaining(job, now=now))}"


def summary(job: SyncJob) -> dict[str, Any]:
    """What a script wants to know of a job that is over."""
    lost = job.windows.filter(state=WindowState.FAILED).count()
    return {**totals(job), "periods_failed": lost}


def _bar(ended: int, total: int | None) -> str:
    if not total:
        return f"[{'?' * WIDTH}]"
    share = min(1.0, ended / total)
    full = int(share * WIDTH)
    return f"[{'#' * full}{'.' * (WIDTH - full)}] {share:4.0%}"
