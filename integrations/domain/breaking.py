"""When a platform is left alone for a while, and when it is tried again.

Calls that fail one after another, for a while, are a reason to doubt it. A doubt is settled by one
cheap call that has nothing to do with any record: only if that fails as well is the platform left
alone. So a record that upsets a platform never stops the others, and an answer that says "no" or
"slower" is an answer.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from .failures import Failure, FailureKind

# So many calls in a row, with at least so much time between the first and the last.
SUSTAINED_CALLS = 3
SUSTAINED_FOR = timedelta(seconds=8)
# Failures further apart than this have nothing to do with each other.
APART = timedelta(minutes=10)
# After trouble of this recent a date, one failure is reason enough to doubt again.
RELAPSE = timedelta(minutes=2)
FIRST_PROBE = timedelta(seconds=15)
LONGEST_PROBE = timedelta(minutes=10)
# Part of a wait by which probes of many accounts are spread.
SPREAD = 0.2
# Longer than a probe can take, so that nobody else probes while an answer may still come.
PROBE_LEASE = timedelta(seconds=30)


class BreakerState(StrEnum):
    """What is thought of a platform's side."""

    CLOSED = "closed"  # it answers
    DOUBTED = "doubted"  # calls fail; one cheap call decides
    OPEN = "open"  # nothing is sent until a probe is answered


class Health(msgspec.Struct, frozen=True):
    """What is known of one account's or shop's side of a platform."""

    state: BreakerState = BreakerState.CLOSED
    # The failures since the last call that was answered.
    failures: int = 0
    failing_since: datetime | None = None
    last_failure_at: datetime | None = None
    # Probes of this trouble that failed.
    probes: int = 0
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    probe_at: datetime | None = None


def says_it_is_down(failure: Failure) -> bool:
    """Whether a failure says something about the platform, and not about us or a record.

    An answer 429 asks for patience, a refusal is about a record or a login: both were answered.
    """
    return failure.kind in {FailureKind.TRANSIENT, FailureKind.UNEXPECTED} and (
        failure.code not in _OURS
    )


# Failures of our own making, which no probe can tell anything about.
_OURS = {"renewal_busy", "not_configured", "search_warning"}


def reason(name: str, code: str) -> str:
    """Say in plain words what a platform did, by the code of the failure."""
    if code in _SILENT:
        return f"{name} did not answer in time."
    if code.isdigit():
        if int(code) >= 500:
            return f"{name} answered that something is wrong on its side."
        return f"{name} turned our calls away without a reason we know."
    if code == "INTERNAL_SERVER_ERROR":
        return f"{name} answered that something is wrong on its side."
    if code in _UNREACHED:
        return f"{name} could not be reached."
    return f"{name} gave answers that we do not understand."


# As the client for HTTP calls them.
_SILENT = {"Timeout", "ReadTimeout", "ConnectTimeout"}
_UNREACHED = {"ConnectionError", "SSLError", "ProxyError", "ChunkedEncodingError"}


def failed(health: Health, *, calls: int = 1, now: datetime) -> Health:
    """What is known after `calls` more calls have failed."""
    last = health.last_failure_at
    if last is None or now - last > APART:
        health = msgspec.structs.replace(health, failures=0, failing_since=None)
    health = msgspec.structs.replace(
        health,
        failures=health.failures + calls,
        failing_since=health.failing_since or now,
        last_failure_at=now,
    )
    if health.state is BreakerState.CLOSED and _is_sustained(health, now):
        return msgspec.structs.replace(health, state=BreakerState.DOUBTED, probe_at=now)
    return health


def answered(health: Health, *, now: datetime) -> Health:
    """What is known after a call was answered: the trouble, if there was one, is over."""
    was_open = health.state is BreakerState.OPEN
    relapse = health.closed_at is not None and now - health.closed_at < RELAPSE
    return Health(
        # So that trouble which comes back at once is waited for longer.
        probes=health.probes if was_open or relapse else 0,
        opened_at=health.opened_at,
        closed_at=now if was_open else health.closed_at,
    )


def probe_failed(health: Health, *, now: datetime, chance: float = 0.5) -> Health:
    """What is known after a probe was not answered: leave it alone, longer each time.

    `chance` is a number from 0 to 1.
    """
    is_first = health.state is not BreakerState.OPEN
    probes = health.probes + 1
    wait = min(LONGEST_PROBE, FIRST_PROBE * 2 ** min(probes - 1, 20))
    return msgspec.structs.replace(
        health,
        state=BreakerState.OPEN,
        probes=probes,
        last_failure_at=now,
        failing_since=health.failing_since or now,
        opened_at=now if is_first else health.opened_at,
        probe_at=now + wait * (1 + SPREAD * (2 * chance - 1)),
    )


def _is_sustained(health: Health, now: datetime) -> bool:
    if health.closed_at is not None and now - health.closed_at < RELAPSE:
        return True
    since = health.failing_since or now
    return health.failures >= SUSTAINED_CALLS and now - since >= SUSTAINED_FOR
