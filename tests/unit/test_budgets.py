"""Two sliding windows that nobody can exceed, whatever the pattern of callers."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.domain.budgets import (
    BURST_SLOTS,
    Grant,
    Limits,
    Usage,
    slot_of,
    take,
)
from integrations.domain.lanes import SHARES, Lane

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
        grant = take(usage, limits, wanted=wanted, share=SHARES[lane], now=now)
        assert 0 <= grant.calls <= wanted
        granted.append((now, grant.calls))

    for start, _ in granted:
        for length, limit in [(timedelta(seconds=1), burst), (timedelta(minutes=1), steady)]:
            inside = sum(calls for at, calls in granted if start <= at < start + length)
            assert inside <= limit


@settings(max_examples=60, deadline=None)
@given(burst=st.integers(1, 20), steady=st.integers(1, 60), share=st.sampled_from([0.4, 0.6, 1.0]))
def test_whoever_comes_back_when_told_gets_something_in_the_end(burst, steady, share):
    usage, limits, now = Usage(), Limits(burst, steady), NOON
    total = 0

    for _ in range(400):
        grant = take(usage, limits, wanted=7, share=share, now=now)
        total += grant.calls
        if grant.calls:
            now += 10 * MS
        else:
            assert grant.retry_at is not None
            assert grant.retry_at > now
            now = grant.retry_at

    # A window is looked at with one slot of a quarter second more, which costs a little.
    by_minute = max(1, int(steady * share)) * int((now - NOON) / timedelta(seconds=61))
    by_second = max(1, int(burst * share)) * int((now - NOON) / timedelta(seconds=1.3))
    assert total >= min(by_minute, by_second)


def test_a_lower_lane_leaves_a_reserve_to_the_lanes_above():
    usage, limits = Usage(), Limits(100, 1000)

    backfill = take(usage, limits, wanted=500, share=SHARES[Lane.BACKFILL], now=NOON)
    again = take(usage, limits, wanted=500, share=SHARES[Lane.BACKFILL], now=NOON)
    live = take(usage, limits, wanted=500, share=SHARES[Lane.LIVE], now=NOON)

    assert backfill == Grant(60)
    assert again.calls == 0
    assert live == Grant(40)


def test_a_wait_the_platform_asked_for_is_obeyed_to_its_end():
    until = NOON + timedelta(seconds=30)
    usage = Usage(blocked_until=until)

    early = take(usage, Limits(10, 100), wanted=1, share=1.0, now=until - MS)
    after = take(usage, Limits(10, 100), wanted=1, share=1.0, now=until)

    assert early == Grant(0, until)
    assert after == Grant(1)


def test_the_steady_window_says_when_it_has_room_again():
    usage = Usage({slot_of(NOON): 5})

    grant = take(usage, Limits(100, 5), wanted=1, share=1.0, now=NOON + timedelta(seconds=10))

    assert grant.calls == 0
    assert NOON + timedelta(seconds=60) <= grant.retry_at <= NOON + timedelta(seconds=61)
    assert take(usage, Limits(100, 5), wanted=1, share=1.0, now=grant.retry_at).calls == 1


def test_calls_older_than_both_windows_are_forgotten():
    usage = Usage({slot_of(NOON): 5})

    take(usage, Limits(9, 9), wanted=1, share=1.0, now=NOON + timedelta(minutes=2))

    assert list(usage.slots) == [slot_of(NOON + timedelta(minutes=2))]
    assert usage.spent(NOON + timedelta(minutes=2), BURST_SLOTS) == 1
