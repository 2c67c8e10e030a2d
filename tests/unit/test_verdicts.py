"""Stuck or slow: the edges of each word, and what must never be called stuck."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.verdicts import (
    LATE,
    NOTHING_MOVES,
    OUR_WORKERS,
    Evidence,
    Hold,
    Word,
    decide,
    proof,
)
from tests.factories import NOON

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
WELL = {
    "now": NOON,
    "began": True,
    "last_success_at": NOON - MINUTE,
    "last_progress_at": NOON - MINUTE,
    "workers_seen_at": NOON,
}


def judged(**changes):
    return decide(Evidence(**WELL | changes))


def waiting(minutes, **changes):
    """Something that has been due for so many minutes."""
    since = NOON - minutes * MINUTE
    return judged(oldest_waiting_at=since, due_at=since, **changes)


def test_what_works_says_since_when():
    assert (judged().word, judged().since) == (Word.WORKING, NOON - MINUTE)


@pytest.mark.parametrize("changes", [{"began": False}, {"last_success_at": None}])
def test_nothing_is_called_working_before_its_first_success(changes):
    assert judged(**changes).word is Word.NOT_STARTED
    assert judged(**changes, oldest_waiting_at=NOON).word is Word.NOT_STARTED


@pytest.mark.parametrize(
    ("minutes", "word"),
    [(19, Word.WORKING), (19.99, Word.WORKING), (20, Word.STUCK), (21, Word.STUCK)],
)  # fmt: skip
def test_without_any_progress_for_twenty_minutes_it_is_stuck(minutes, word):
    moved = NOON - minutes * MINUTE

    found = waiting(60, last_progress_at=moved)

    assert found.word is word
    if word is Word.STUCK:
        assert (found.since, found.by) == (moved, NOTHING_MOVES)


def test_slow_is_not_stuck_however_long_the_queue():
    found = waiting(600, last_progress_at=NOON - SECOND)

    assert (found.word, found.is_late) == (Word.WORKING, True)


def test_a_queue_younger_than_five_minutes_is_not_even_late():
    assert not waiting(4.9).is_late
    assert waiting(5.1).is_late


def test_a_burst_after_a_silent_night_is_not_stuck():
    assert waiting(1, last_progress_at=NOON - timedelta(hours=9)).word is Word.WORKING


def test_a_shop_that_never_sells_is_neither_stuck_nor_late():
    quiet = NOON - timedelta(days=90)

    found = judged(last_progress_at=quiet, last_success_at=quiet)

    assert found.word is Word.WORKING


def test_what_was_held_until_a_moment_ago_has_its_twenty_minutes_from_there():
    silent = {"last_progress_at": NOON - timedelta(hours=2)}

    assert waiting(90, not_before=NOON - 19 * MINUTE, **silent).word is Word.WORKING
    assert waiting(90, not_before=NOON - 21 * MINUTE, **silent).word is Word.STUCK


def test_what_waits_for_its_own_next_try_is_not_stuck():
    found = judged(
        oldest_waiting_at=NOON - timedelta(hours=3),
        due_at=NOON + timedelta(minutes=40),
        last_progress_at=NOON - timedelta(hours=3),
        failures=0,
    )

    assert (found.word, found.until) == (Word.WAITING, NOON + timedelta(minutes=40))


@pytest.mark.parametrize(
    ("not_before", "failures", "word"),
    [
        (NOON + MINUTE, 0, Word.RATE_LIMITED),
        (NOON + MINUTE, 2, Word.WAITING),
        (NOON + SECOND, 2, Word.WAITING),
        (NOON + SECOND, 0, Word.WORKING),
        (NOON - SECOND, 2, Word.WORKING),
    ],
)
def test_a_wait_has_its_end_and_its_kind(not_before, failures, word):
    found = judged(oldest_waiting_at=NOON, due_at=NOON, not_before=not_before, failures=failures)

    assert found.word is word
    assert word is Word.WORKING or found.until == not_before


@pytest.mark.parametrize(
    ("throttled", "word"), [(99, Word.WORKING), (100, Word.WORKING), (101, Word.RATE_LIMITED)]
)
def test_more_than_a_tenth_of_calls_refused_is_a_limit(throttled, word):
    assert waiting(1, calls=1000, throttled=throttled).word is word


def test_one_refusal_of_two_calls_says_nothing():
    assert waiting(1, calls=2, throttled=1).word is Word.WORKING


def test_refusals_without_anything_that_waits_are_over():
    assert judged(calls=100, throttled=90).word is Word.WORKING


@pytest.mark.parametrize("seen", [None, NOON - timedelta(minutes=3, seconds=1)])
def test_silent_workers_are_why_it_is_stuck(seen):
    found = judged(workers_seen_at=seen)

    assert (found.word, found.since, found.by) == (Word.STUCK, seen, OUR_WORKERS)


def test_a_decision_goes_before_a_fault_and_a_fault_before_everything_else():
    blocked, waits = Hold("the login", NOON - MINUTE), Hold("a pause", NOON)
    stuck = {"workers_seen_at": None, "oldest_waiting_at": NOON - timedelta(days=1)}

    assert judged(blocked=blocked, waits=waits, **stuck).word is Word.WAITING
    assert judged(blocked=blocked, **stuck).word is Word.BLOCKED


@pytest.mark.parametrize("ahead", [timedelta(seconds=30), timedelta(hours=3)])
def test_a_clock_that_runs_ahead_makes_nothing_stuck(ahead):
    found = judged(
        oldest_waiting_at=NOON + ahead,
        due_at=NOON,
        last_progress_at=NOON + ahead,
        workers_seen_at=NOON + ahead,
    )

    assert found.word is Word.WORKING


moments = st.none() | st.integers(-5000, 5000).map(lambda n: NOON + n * SECOND)


@given(
    oldest=moments, due=moments, moved=moments, success=moments, held=moments, seen=moments,
    failures=st.integers(0, 3), calls=st.integers(0, 50), throttled=st.integers(0, 50),
)  # fmt: skip
def test_any_facts_have_one_word_and_a_proof(
    oldest, due, moved, success, held, seen, failures, calls, throttled
):
    facts = Evidence(
        now=NOON,
        began=True,
        last_success_at=success,
        last_progress_at=moved,
        oldest_waiting_at=oldest,
        due_at=due,
        not_before=held,
        failures=failures,
        workers_seen_at=seen,
        calls=calls + throttled,
        throttled=throttled,
    )

    found = decide(facts)

    assert proof(facts)
    if found.word is Word.WORKING:
        assert success is not None
    if found.until is not None:
        assert found.until > NOON
    if found.word is Word.STUCK and found.by == NOTHING_MOVES:
        assert NOON - found.since >= timedelta(minutes=20)


def test_the_proof_marks_what_speaks_against_the_way():
    facts = Evidence(
        **WELL
        | {
            "oldest_waiting_at": NOON - 2 * LATE,
            "calls": 50,
            "throttled": 20,
            "workers_seen_at": None,
            "failures": 3,
        }
    )

    bad = [line.label for line in proof(facts) if line.is_bad]

    assert len(bad) == 4
    assert "20 of 50 (40.0%)" in {line.text for line in proof(facts)}


def test_a_healthy_way_has_a_proof_without_faults():
    assert not any(line.is_bad for line in proof(Evidence(**WELL)))
