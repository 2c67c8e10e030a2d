"""What becomes of a window's records, counted as they end, and when a window and a job are over."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection
from django.db.models import F, Q, QuerySet

from integrations.domain.skips import Skip
from integrations.domain.windows import JobState, WindowState
from integrations.models import SyncJob, SyncWindow

from .tallies import Ended

# What Klaviyo already had, in this version or a newer one.
KNOWN = {Skip.UNCHANGED, Skip.STALE}
_COUNT = """
UPDATE integrations_syncwindow win
SET sent = sent + ended.n_sent, unchanged = unchanged + ended.n_unchanged,
    skipped = skipped + ended.n_skipped, failed = failed + ended.n_failed,
    last_progress_at = %s
FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[])
  AS ended(id, n_sent, n_unchanged, n_skipped, n_failed)
WHERE win.id = ended.id
"""


def count(ended: Iterable[Ended], *, now: datetime, sign: int = 1) -> None:
    """Count events of windows by how they ended, and close what is over.

    A `sign` of -1 takes back endings that did not last.
    """
    by_window: dict[int, Counter[str]] = {}
    for event, state, skip in ended:
        if event.window_id is not None:
            counter = by_window.setdefault(event.window_id, Counter())
            counter[_column(state, skip)] += sign
    if not by_window:
        return
    columns = [
        [counter[name] for counter in by_window.values()]
        for name in ("sent", "unchanged", "skipped", "failed")
    ]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [now, list(by_window), *columns])
    finish_if_over(list(by_window), now=now)


def _column(state: str, skip: str) -> str:
    if state == "skipped":
        return "unchanged" if skip in KNOWN else "skipped"
    return {"delivered": "sent", "dead": "failed"}[state]


def finish_if_over(pks: Sequence[int], *, now: datetime) -> None:
    """Close windows of which everything is read and has ended, and jobs all of whose windows are
    over."""
    over = SyncWindow.objects.filter(
        pk__in=pks,
        state=WindowState.SENDING,
        found=F("sent") + F("unchanged") + F("skipped") + F("failed"),
    )
    if over.update(state=WindowState.DONE, finished_at=now):
        jobs = SyncWindow.objects.filter(pk__in=pks).values("job")
        finish_jobs(SyncJob.objects.filter(pk__in=jobs), now=now)


def reopen(pk: int) -> None:
    """Say that a window that seemed over has something on its way again, and so has its job."""
    again = SyncWindow.objects.filter(pk=pk, state=WindowState.DONE)
    if again.update(state=WindowState.SENDING, finished_at=None):
        jobs = SyncJob.objects.filter(windows=pk, state=JobState.DONE)
        jobs.update(state=JobState.RUNNING, finished_at=None)


def finish_jobs(jobs: QuerySet[SyncJob], *, now: datetime) -> int:
    """Close those that run and have nothing left to do; a failed window does not keep one open."""
    busy = [WindowState.WAITING, WindowState.READING, WindowState.SENDING]
    unfinished = SyncWindow.objects.filter(state__in=busy).values("job")
    return (
        jobs.filter(Q(state=JobState.RUNNING))
        .exclude(pk__in=unfinished)
        .update(state=JobState.DONE, finished_at=now)
    )
