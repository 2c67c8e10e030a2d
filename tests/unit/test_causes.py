"""When a reason comes back by itself, and to which part a failure belongs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.causes import (
    CauseState,
    Move,
    Parking,
    Part,
    Standing,
    move,
    parking_fault,
    part_for,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def standing(**changes):
    defaults = {"state": "known", "open": 5, "sending": 0, "last_failed_at": NOW - HOUR}
    return Standing(**defaults | changes)


def parked(parking, *, count, before=10):
    return standing(state="parked", open=count, parking=parking, parked_at_count=before)


@pytest.mark.parametrize(
    ("parking", "count", "comes_back"),
    [
        (Parking(until=NOW + HOUR), 10, False),
        (Parking(until=NOW), 10, True),
        (Parking(count=20), 19, False),
        (Parking(count=20), 20, True),
        (Parking(growth=50), 14, False),
        (Parking(growth=50), 15, True),
        (Parking(until=NOW + HOUR, count=20, growth=500), 20, True),
    ],
)
def test_a_parked_reason_comes_back_at_the_first_of_its_ends(parking, count, comes_back):
    moved = move(parked(parking, count=count), now=NOW)

    assert (moved is not None and moved.state == CauseState.BACK) == comes_back
    assert comes_back == bool(moved and moved.why)


def test_a_reason_without_records_is_settled_and_keeps_what_was_decided():
    assert move(standing(open=0), now=NOW) == Move("known", NOW)
    assert move(standing(open=0, settled_at=NOW - HOUR), now=NOW) is None
    # What is on its way again is not settled yet.
    assert move(standing(open=0, sending=1), now=NOW) is None


def test_a_settled_reason_that_fails_again_is_back_again():
    moved = move(standing(settled_at=NOW - 2 * HOUR), now=NOW)

    assert (moved.state, moved.settled_at) == (CauseState.BACK, None)
    assert "settled" in moved.why


def test_records_taken_out_of_the_bin_do_not_bring_a_reason_back():
    moved = move(standing(settled_at=NOW), now=NOW)

    assert moved == Move("known", None)


def test_a_parked_reason_stays_parked_when_it_fails_again_before_its_end():
    one = standing(state="parked", settled_at=NOW - 2 * HOUR, parking=Parking(until=NOW + HOUR))

    assert move(one, now=NOW) == Move("parked", None)


@given(
    state=st.sampled_from(list(CauseState)),
    waiting=st.integers(0, 50),
    sending=st.integers(0, 5),
    settled=st.none() | st.integers(-10, 10),
    count=st.none() | st.integers(1, 50),
    growth=st.none() | st.integers(1, 300),
    until=st.none() | st.integers(-10, 10),
)
def test_what_has_moved_once_stays_where_it_is(
    state, waiting, sending, settled, count, growth, until
):
    """A sweep that runs twice, or in two workers, moves a reason once."""
    parking = Parking(None if until is None else NOW + until * HOUR, count, growth)
    first = standing(
        state=state.value,
        open=waiting,
        sending=sending,
        settled_at=None if settled is None else NOW + settled * HOUR,
        parking=parking,
        parked_at_count=3,
    )
    moved = move(first, now=NOW)
    if moved is None:
        return
    again = standing(
        state=moved.state,
        open=waiting,
        sending=sending,
        settled_at=moved.settled_at,
        parking=Parking() if moved.why else parking,
        parked_at_count=3,
    )
    settled_now = move(again, now=NOW)

    assert settled_now is None or (not settled_now.why and not (waiting or sending))


@pytest.mark.parametrize(
    ("parking", "words"),
    [
        (Parking(), "Say until when"),
        (Parking(until=NOW), "lies in the past"),
        (Parking(count=10), "10 records wait already"),
        (Parking(until=NOW + HOUR, count=11, growth=1), ""),
    ],
)
def test_parking_needs_an_end_that_lies_ahead(parking, words):
    fault = parking_fault(parking, open_now=10, now=NOW)

    assert words in fault
    assert bool(fault) == bool(words)


def test_a_failure_belongs_to_the_first_part_that_holds_it():
    parts = [
        Part(1, store=7),
        Part(2, text="Country Code"),
        Part(3, store=8, text="digits"),
    ]

    assert part_for(parts, store=7, message="anything") == 1
    assert part_for(parts, store=8, message="the COUNTRY CODE is missing") == 2
    assert part_for(parts, store=8, message="too few digits") == 3
    assert part_for(parts, store=9, message="too few digits") is None
