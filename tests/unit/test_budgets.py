"""Two sliding windows that nobody can exceed, whatever the pattern of callers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.domain.budgets import (
    BURST_SLOTS,
    Grant,
    Limits,
    Usage,
    reserve,
    slot_of,
    take,
)
from integrations.domain.lanes import RESERVES, Lane

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MS = timedelta(milliseconds=1)


@settings(max_examples=150, deadline=None)
@given(
    burst=st.integers(1, 40),
    steady=st.integers(1, 120),
    callers=st.lists(
        st.tuples(st.integers(0, 4000), st.integers(1, 60), st.sampled_from(list(Lane))),
        min_size=1,
        max_size=60,
    ),
)
def test_no_window_of_a_second_or_a_minute_ever_holds_more_than_its_limit(burst, steady, callers):
    usage, limits = Usage(), Limits(burst, steady)
    now, granted = NOON, []

    for pause, wanted, lane in callers:
        now += pause * MS
        grant = take(usage, limits, wanted=wanted, lane=lane, now=now)
        assert 0 <= grant.calls <= wanted
        granted.append((now, grant.calls))

    for start, _ in granted:
        for length, limit in [(timedelta(seconds=1), burst), (timedelta(minutes=1), steady)]:
            inside = sum(calls for at, calls in granted if start <= at < start + length)
            assert inside <= limit


@settings(max_examples=60, deadline=None)
@given(burst=st.integers(1, 20), steady=st.integers(1, 60), lane=st.sampled_from(list(Lane)))
def test_whoever_comes_back_when_told_gets_something_in_the_end(burst, steady, lane):
    usage, limits, now = Usage(), Limits(burst, steady), NOON
    total = 0

    for _ in range(400):
        grant = take(usage, limits, wanted=7, lane=lane, now=now)
        total += grant.calls
        if grant.calls:
            now += 10 * MS
        else:
            assert grant.retry_at is not None
            assert grant.retry_at > now
            now = grant.retry_at

    # A window is looked at with one slot of a quarter second more, which costs a little.
    kept = reserve(usage, limits, lane=lane, now=now)
    by_minute = max(1, steady - kept.steady) * int((now - NOON) / timedelta(seconds=61))
    by_second = max(1, burst - kept.burst) * int((now - NOON) / timedelta(seconds=1.3))
    assert total >= min(by_minute, by_second)


def test_a_lower_lane_leaves_a_little_to_the_lanes_above():
    usage, limits = Usage(), Limits(100, 1000)

    backfill = take(usage, limits, wanted=500, lane=Lane.BACKFILL, now=NOON)
    again = take(usage, limits, wanted=500, lane=Lane.BACKFILL, now=NOON)
    live = take(usage, limits, wanted=500, lane=Lane.LIVE, now=NOON)

    assert backfill == Grant(80)
    assert again.calls == 0
    assert live == Grant(20)


def run(usage, limits, *, seconds, lane=Lane.BACKFILL, live=lambda second: 0, start=NOON):
    """Let a lane take all it gets, beside live work; returns what each was granted, with times."""
    taken, of_live, waits = [], [], []
    for tick in range(int(seconds * 4)):
        now = start + tick * 250 * MS
        wanted = live(tick / 4) if tick % 4 == 0 else 0
        for _ in range(wanted):
            waits.append(now)
        granted = take(usage, limits, wanted=len(waits), lane=Lane.LIVE, now=now).calls
        of_live += [(now, now - waits.pop(0)) for _ in range(granted)]
        calls = take(usage, limits, wanted=999, lane=lane, now=now).calls
        taken += [now] * calls
    return taken, of_live, waits


@pytest.mark.parametrize("limits", [Limits(3, 60), Limits(9, 150), Limits(67, 700)])
def test_a_backfill_alone_comes_within_five_percent_of_the_published_limit(limits):
    taken, _, _ = run(Usage(), limits, seconds=1200)

    # Without the first minute, which has the whole burst before it.
    rate = sum(at >= NOON + timedelta(minutes=10) for at in taken) / 10
    assert limits.steady * 0.95 <= rate <= limits.steady


def test_what_live_work_used_of_late_is_kept_for_it():
    usage, limits = Usage(), Limits(9, 150)
    take(usage, limits, wanted=8, lane=Lane.LIVE, now=NOON - timedelta(minutes=2))

    kept = reserve(usage, limits, lane=Lane.BACKFILL, now=NOON)
    forgotten = reserve(usage, limits, lane=Lane.BACKFILL, now=NOON + timedelta(minutes=6))

    assert kept.steady == 3 + 8 + 2
    assert forgotten.steady == 3


@settings(max_examples=25, deadline=None)
@given(every=st.integers(1, 40), size=st.integers(1, 3))
def test_live_work_that_comes_steadily_never_waits_because_of_a_backfill(every, size):
    usage, limits = Usage(), Limits(9, 150)
    # Two minutes in which it is known, and then a backfill beside it.
    rhythm = lambda second: size if second % every == 0 and every > 4 * size else 0  # noqa: E731

    run(usage, limits, seconds=120, lane=Lane.LIVE, live=rhythm, start=NOON - timedelta(minutes=2))
    usage.slots.clear()
    _, served, waiting = run(usage, limits, seconds=180, live=rhythm)

    assert not waiting
    assert all(wait <= timedelta(seconds=1.5) for _, wait in served)


def test_live_work_that_wakes_up_beside_a_backfill_is_soon_served():
    usage, limits = Usage(), Limits(9, 150)
    run(usage, limits, seconds=300)

    _, served, waiting = run(
        usage,
        limits,
        seconds=240,
        live=lambda second: 1,
        start=NOON + timedelta(minutes=5),
    )

    late = [wait for at, wait in served if at > NOON + timedelta(minutes=7)]
    assert not waiting
    assert max(late) <= timedelta(seconds=1)


def test_lower_lanes_leave_more():
    kept = [RESERVES[lane] for lane in Lane]

    assert kept == sorted(kept)
    assert kept[0] == 0


def test_a_wait_the_platform_asked_for_is_obeyed_to_its_end():
    until = NOON + timedelta(seconds=30)
    usage = Usage(blocked_until=until)

    early = take(usage, Limits(10, 100), wanted=1, lane=Lane.LIVE, now=until - MS)
    after = take(usage, Limits(10, 100), wanted=1, lane=Lane.LIVE, now=until)

    assert early == Grant(0, until)
    assert after == Grant(1)


def test_the_steady_window_says_when_it_has_room_again():
    usage = Usage({slot_of(NOON): 5})

    grant = take(usage, Limits(100, 5), wanted=1, lane=Lane.LIVE, now=NOON + timedelta(seconds=10))

    assert grant.calls == 0
    assert NOON + timedelta(seconds=60) <= grant.retry_at <= NOON + timedelta(seconds=61)
    assert take(usage, Limits(100, 5), wanted=1, lane=Lane.LIVE, now=grant.retry_at).calls == 1


def test_calls_older_than_both_windows_are_forgotten():
    usage = Usage({slot_of(NOON): 5})

    take(usage, Limits(9, 9), wanted=1, lane=Lane.LIVE, now=NOON + timedelta(minutes=2))

    assert list(usage.slots) == [slot_of(NOON + timedelta(minutes=2))]
    assert usage.spent(NOON + timedelta(minutes=2), BURST_SLOTS) == 1
