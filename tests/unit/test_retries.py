"""What becomes of work that failed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.failures import Failure, FailureKind, PlatformError, Unreadable
from integrations.domain.retries import (
    FIRST_WAIT,
    LONGEST_WAIT,
    MAX_FAILURES,
    Discard,
    Retry,
    Snooze,
    Suspend,
    backoff,
    decide,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def failure(kind: FailureKind, **changes: object) -> Failure:
    return Failure(kind, "It went wrong.", **changes)


@given(st.integers(1, 200))
def test_waits_grow_with_each_failure_up_to_a_bound(failures):
    assert backoff(failures, chance=1.0) <= backoff(failures + 1, chance=1.0) <= LONGEST_WAIT


@given(st.integers(0, 200), st.floats(0, 1))
def test_waits_are_spread_from_nothing_to_the_cap(failures, chance):
    assert timedelta() <= backoff(failures, chance=chance) <= backoff(failures, chance=1.0)
    assert backoff(failures, chance=0.0) == timedelta()
    assert timedelta() <= backoff(failures) <= LONGEST_WAIT


def test_the_first_wait_is_short_and_the_last_long():
    assert backoff(1, chance=1.0) == FIRST_WAIT
    assert backoff(MAX_FAILURES, chance=1.0) == LONGEST_WAIT


def test_all_tries_together_outlast_an_outage_of_some_hours():
    whole = sum((backoff(n, chance=0.5) for n in range(1, MAX_FAILURES)), timedelta())

    assert timedelta(hours=1) < whole < timedelta(hours=12)


@pytest.mark.parametrize("kind", list(FailureKind))
@pytest.mark.parametrize("failures", [1, MAX_FAILURES - 1, MAX_FAILURES, MAX_FAILURES + 5])
def test_every_kind_of_failure_is_decided(kind, failures):
    found = decide(failure(kind), failures=failures, now=NOON)

    match kind:
        case FailureKind.RATE_LIMITED:
            assert found == Snooze(NOON + timedelta(minutes=1))
        case FailureKind.AUTH:
            assert found == Suspend("It went wrong.")
        case FailureKind.REJECTED | FailureKind.TOO_LARGE:
            assert found == Discard("It went wrong.")
        case _ if failures >= MAX_FAILURES:
            assert found == Discard(f"Gave up after {failures} tries: It went wrong.")
        case _:
            assert isinstance(found, Retry)
            assert NOON <= found.at <= NOON + LONGEST_WAIT


def test_a_wait_that_was_asked_for_is_never_cut_short():
    wait = timedelta(hours=3)

    throttled = failure(FailureKind.RATE_LIMITED, retry_after=wait)
    unavailable = failure(FailureKind.TRANSIENT, retry_after=wait)

    assert decide(throttled, failures=99, now=NOON) == Snooze(NOON + wait)
    assert decide(unavailable, failures=1, now=NOON) == Retry(NOON + wait)


def test_errors_carry_what_a_person_needs():
    broken = PlatformError(failure(FailureKind.AUTH))
    unread = Unreadable("Not a number.", field="$.total_price", rule="amount")

    assert (str(broken), broken.failure.kind) == ("It went wrong.", FailureKind.AUTH)
    assert (str(unread), unread.field, unread.rule) == (
        "Not a number.",
        "$.total_price",
        "amount",
    )
