"""Whether a window that came to its end holds what the shop says it holds."""

import logging
from datetime import datetime

from integrations.domain.windows import JobKind, WindowState, falls_short
from integrations.models import SyncJob, SyncWindow
from integrations.models.sync_jobs import WindowClaim

from . import windows

log = logging.getLogger(__name__)

INCOMPLETE = "incomplete"


def holds(claim: WindowClaim, window: SyncWindow, *, now: datetime) -> bool:
    """Judge a window that was read to its end; inside the transaction that moved its cursor.

    One that is far short of what the shop counted is counted and read once more, since things are
    deleted and counts lag. What is still short then ends as failed, and never quietly as done:
    what was found is sent all the same. Catch-ups are not judged, because what changes while they
    are read leaves them, and tells us of itself.
    """
    if window.job.kind != JobKind.BACKFILL:
        return True
    row = SyncWindow.objects.owned(claim)
    seen = row.values("expected", "found", "left_out", "looks").get()
    found = seen["found"] + seen["left_out"]
    if not falls_short(found=found, expected=seen["expected"]):
        return True
    if seen["looks"] == 1:
        row.update(
            state=WindowState.READING,
            looks=2,
            cursor="",
            bulk={},
            left_out=0,
            expected=None,
            counted_at=None,
            read_at=None,
            next_attempt_at=now,
        )
        log.warning("window.short", extra={"window": claim.pk, "found": found})
        return False
    row.update(
        state=WindowState.FAILED,
        error_code=INCOMPLETE,
        last_error=(
            f"The shop says that there are {seen['expected']:,} {window.stream} in this period, "
            f"and showed {found:,} of them, twice. What it showed is on its way to Klaviyo."
        ),
        finished_at=now,
    )
    windows.finish_jobs(SyncJob.objects.filter(pk=window.job_id), now=now)
    log.warning("window.failed", extra={"window": claim.pk, "code": INCOMPLETE})
    return False
