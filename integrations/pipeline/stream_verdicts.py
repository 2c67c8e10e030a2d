"""Stuck or slow, for each stream of a fetch of past data. Read-only."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from integrations.domain import verdicts
from integrations.domain.verdicts import Evidence, Hold, Line, Verdict
from integrations.domain.windows import OVER, JobState, WindowState
from integrations.models import SyncJob, SyncWindow

from . import fetch_holds

BEGUN = {WindowState.READING, WindowState.SENDING}
OTHERS_FIRST = "another kind of record, which is fetched first"


class StreamVerdict(msgspec.Struct):
    """One stream of a fetch, judged, and what that rests on."""

    stream: str
    verdict: Verdict
    proof: tuple[Line, ...]


def of_job(
    job: SyncJob, windows: Sequence[SyncWindow], *, workers_seen_at: datetime | None, now: datetime
) -> list[StreamVerdict]:
    """Judge each stream of a fetch that is not over."""
    if job.state not in {JobState.RUNNING, JobState.PAUSED}:
        return []
    found = []
    for stream in job.streams:
        open_ones = [one for one in windows if one.stream == stream and one.state not in OVER]
        if not open_ones:
            continue
        facts = _evidence(job, stream, windows, open_ones, workers_seen_at, now)
        found.append(StreamVerdict(stream, verdicts.decide(facts), verdicts.proof(facts)))
    return found


def _evidence(
    job: SyncJob,
    stream: str,
    windows: Sequence[SyncWindow],
    open_ones: list[SyncWindow],
    workers_seen_at: datetime | None,
    now: datetime,
) -> Evidence:
    mine = [one for one in windows if one.stream == stream]
    moved = max((one.last_progress_at for one in mine if one.last_progress_at), default=None)
    to_read = [one for one in open_ones if one.state in fetch_holds.OPEN]
    leases = [one.lease_until for one in open_ones if one.lease_until]
    waits, blocked, not_before = _holds(job, open_ones, windows, now)
    return Evidence(
        now=now,
        began=job.started_at is not None,
        # Whatever was read has reached the end of this way: our own inbox.
        last_success_at=moved,
        last_progress_at=moved,
        oldest_waiting_at=job.started_at,
        due_at=min((one.next_attempt_at for one in to_read), default=job.started_at),
        not_before=not_before,
        failures=max(one.failures for one in open_ones),
        lease_until=max(leases, default=None),
        workers_seen_at=workers_seen_at,
        blocked=blocked,
        waits=waits,
    )


def _holds(
    job: SyncJob, open_ones: list[SyncWindow], windows: Sequence[SyncWindow], now: datetime
) -> tuple[Hold | None, Hold | None, datetime | None]:
    """What it waits for, what blocks it, and until when it may not go on."""
    if job.state == JobState.PAUSED:
        return Hold("it is paused", job.paused_at), None, None
    has_begun = any(one.state in BEGUN for one in open_ones)
    if not has_begun and any(one.state in BEGUN for one in windows):
        return Hold(OTHERS_FIRST), None, None
    hold = fetch_holds.of_job(job, open_ones, now=now)
    if hold is None or (hold.until is not None and hold.until <= now):
        return None, None, None
    if hold.sentence == fetch_holds.LIMITED:
        return None, None, hold.until
    reason = hold.sentence.rstrip(".")
    if hold.help:
        return None, Hold(reason), None
    if hold.until is None and _is_still(windows, now):
        return None, None, None
    return Hold(reason, until=hold.until), None, None


def _is_still(windows: Sequence[SyncWindow], now: datetime) -> bool:
    """Whether nothing of the whole fetch has moved for so long that no reason explains it."""
    moved = [one.last_progress_at for one in windows if one.last_progress_at]
    return not moved or now - max(moved) >= verdicts.STUCK_AFTER
