"""One pure function decides what becomes of work that failed."""

import random
from datetime import datetime, timedelta

import msgspec

from .failures import Failure, FailureKind

# Fourteen tries with these waits span about half a day, longer than most outages.
MAX_FAILURES = 14
FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(hours=1)


class Snooze(msgspec.Struct, frozen=True):
    """Wait; it does not count as a try."""

    until: datetime


class Retry(msgspec.Struct, frozen=True):
    """Try again at this time; it counts."""

    at: datetime


class Suspend(msgspec.Struct, frozen=True):
    """Hold everything for this account until a person acts."""

    reason: str


class Discard(msgspec.Struct, frozen=True):
    """Trying again cannot help; a person must look."""

    reason: str


Decision = Snooze | Retry | Suspend | Discard


def backoff(failures: int, *, chance: float | None = None) -> timedelta:
    """Wait longer after each failure, spread evenly from zero (full jitter) to the cap.

    `chance` is a number from 0 to 1 and is drawn when it is not given.
    """
    cap: timedelta = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(max(failures - 1, 0), 30))
    draw = random.random() if chance is None else chance  # noqa: S311 - spreading, not secrecy
    return cap * draw


def decide(failure: Failure, *, failures: int, now: datetime) -> Decision:
    """Say what becomes of work that has now failed `failures` times."""
    match failure.kind:
        case FailureKind.RATE_LIMITED:
            return Snooze(until=now + (failure.retry_after or timedelta(minutes=1)))
        case FailureKind.AUTH:
            return Suspend(failure.message)
        case FailureKind.REJECTED | FailureKind.TOO_LARGE:
            return Discard(failure.message)
        case FailureKind.TRANSIENT | FailureKind.UNEXPECTED:  # pragma: no branch
            if failures >= MAX_FAILURES:
                return Discard(f"Gave up after {failures} tries: {failure.message}")
            wait = max(backoff(failures), failure.retry_after or timedelta())
            return Retry(at=now + wait)
