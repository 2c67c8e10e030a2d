"""When a platform is doubted, left alone, and believed again."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.domain import breaking
from integrations.domain.breaking import BreakerState, Health
from integrations.domain.failures import Failure, FailureKind

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
S = timedelta(seconds=1)


def after(*seconds, health=None):
    health = health or Health()
    for second in seconds:
        health = breaking.failed(health, now=NOON + second * S)
    return health


@pytest.mark.parametrize(
    ("seconds", "state"),
    [
        ((0, 1, 2, 3), BreakerState.CLOSED),  # at once, and not for a while
        ((0, 60), BreakerState.CLOSED),  # for a while, and too few
        ((0, 4, 8), BreakerState.DOUBTED),
        ((0, 700, 1400, 2100), BreakerState.CLOSED),  # too far apart
    ],
)
def test_failures_in_a_row_for_a_while_raise_a_doubt(seconds, state):
    assert after(*seconds).state is state


def test_a_doubt_becomes_an_opening_only_by_a_probe_that_fails():
    doubted = after(0, 4, 8)

    assert breaking.failed(doubted, now=NOON + 9 * S).state is BreakerState.DOUBTED
    assert breaking.probe_failed(doubted, now=NOON + 9 * S).state is BreakerState.OPEN
    assert breaking.answered(doubted, now=NOON + 9 * S) == Health()


def test_waits_grow_to_a_cap_and_trouble_that_returns_goes_on_where_it_was():
    health, waits = after(0, 4, 8), []
    for _ in range(8):
        health = breaking.probe_failed(health, now=NOON)
        waits.append(health.probe_at - NOON)
    closed = breaking.answered(health, now=NOON)
    again = breaking.failed(closed, now=NOON + 30 * S)

    assert waits[:3] == [15 * S, 30 * S, 60 * S]
    assert waits[-1] == breaking.LONGEST_PROBE
    assert closed.state is BreakerState.CLOSED
    assert again.state is BreakerState.DOUBTED
    assert breaking.probe_failed(again, now=NOON).probes == 9


@pytest.mark.parametrize(
    ("kind", "code", "is_down"),
    [
        (FailureKind.TRANSIENT, "503", True),
        (FailureKind.UNEXPECTED, "unexpected", True),
        (FailureKind.RATE_LIMITED, "429", False),
        (FailureKind.REJECTED, "400", False),
        (FailureKind.AUTH, "401", False),
        (FailureKind.TRANSIENT, "not_configured", False),
    ],
)
def test_only_silence_and_nonsense_count(kind, code, is_down):
    assert breaking.says_it_is_down(Failure(kind, "x", code)) is is_down


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ReadTimeout", "in time"),
        ("ConnectionError", "reached"),
        ("502", "its side"),
        ("INTERNAL_SERVER_ERROR", "its side"),
        ("403", "turned our calls away"),
        ("unexpected", "do not understand"),
    ],
)
def test_the_reason_is_said_in_plain_words(code, words):
    assert words in breaking.reason("Klaviyo", code)
