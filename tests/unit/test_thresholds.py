"""The edges of what is called a warning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.thresholds import (
    LEAST,
    WORDS,
    Verdict,
    of_failures,
    of_lag,
    of_refusals_for_speed,
    share,
    worst,
)


@pytest.mark.parametrize(
    ("failed", "verdict"),
    [
        (0, "fine"),
        (49, "fine"),
        (50, "warning"),
        (51, "warning"),
        (199, "warning"),
        (200, "critical"),
        (201, "critical"),
    ],
)
def test_failures_of_a_thousand(failed, verdict):
    assert of_failures(failed, 1000) == verdict


@pytest.mark.parametrize(("refused", "verdict"), [(99, "fine"), (100, "fine"), (101, "warning")])
def test_calls_refused_for_their_speed_of_a_thousand(refused, verdict):
    assert of_refusals_for_speed(refused, 1000) == verdict


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (None, "too_few"),
        (0, "fine"),
        (60, "fine"),
        (60.1, "warning"),
        (900, "warning"),
        (901, "critical"),
    ],
)
def test_how_long_is_too_long(seconds, verdict):
    assert of_lag(seconds) == verdict


def test_one_of_two_is_no_alarm():
    assert of_failures(1, 2) is Verdict.TOO_FEW
    assert of_refusals_for_speed(1, 2) is Verdict.TOO_FEW
    assert of_failures(LEAST, LEAST) is Verdict.CRITICAL


@given(st.integers(0, 10_000), st.integers(LEAST, 10_000))
def test_more_failures_are_never_better(failed, total):
    order = list(Verdict)

    assert order.index(of_failures(failed + 1, total)) <= order.index(of_failures(failed, total))


def test_the_worst_goes_first_and_each_has_a_word():
    assert worst(Verdict.FINE, Verdict.CRITICAL, Verdict.TOO_FEW) is Verdict.CRITICAL
    assert worst() is Verdict.TOO_FEW
    assert set(WORDS) == set(Verdict)


def test_a_share_of_nothing_is_nought():
    assert (share(0, 0), share(1, 20)) == (0.0, 5.0)
