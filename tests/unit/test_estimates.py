"""Whose limit binds, and how long that takes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.budgets import Limits
from integrations.domain.estimates import (
    Basis,
    Binds,
    Bucket,
    Door,
    Pages,
    Progress,
    Sending,
    estimate,
    left,
    remaining,
    within,
)

M = Limits(10, 150)
EVENTS = Door(M, 1000, 4_700_000)
PLUS = Bucket(16_000, 1000)


def orders(records, **changes):
    defaults = {
        "records": records,
        "body_bytes": 8000,
        "operations": {"events": records * 4.0},
        "sent_bytes": {"events": records * 4.0 * 900},
    }
    return Sending(**defaults | changes)


def pages(records, **changes):
    return Pages(**{"records": records, "size": 100, "points": 300, "seconds": 0.2} | changes)


def test_nothing_takes_no_time():
    found = estimate({}, {}, bucket=PLUS, doors={})

    assert (found.seconds, found.binds, found.calls("shopify")) == (0, Binds.NOTHING, 0)


def test_a_stream_without_records_asks_nobody_anything():
    found = estimate({"orders": pages(0)}, {"orders": orders(0)}, bucket=PLUS, doors={})

    assert found.binds is Binds.NOTHING


def test_the_shops_points_bind_where_they_come_back_slowly():
    slow = Bucket(1600, 100)

    found = estimate({"orders": pages(10_000)}, {}, bucket=slow, doors={})

    assert found.calls("shopify") == 100
    assert found.seconds == pytest.approx((100 * 300 - 1600) / 100)
    assert found.binds is Binds.SHOP_POINTS


def test_how_quickly_the_shop_answers_binds_where_it_has_points_enough():
    found = estimate({"orders": pages(10_000, seconds=0.5)}, {}, bucket=PLUS, doors={})

    assert (found.seconds, found.binds) == (50, Binds.SHOP_PACE)


def test_klaviyos_minute_binds_for_very_many():
    found = estimate(
        {"orders": pages(200_000, seconds=0)},
        {"orders": orders(200_000)},
        bucket=Bucket(10**9, 1),
        doors={"events": EVENTS},
    )

    # 400 batches of 500 orders, each of them 2,000 events: two calls.
    assert found.calls("klaviyo") == 800
    assert (found.seconds, found.binds) == (5 * 60 + 50 / 10, Binds.KLAVIYO_STEADY)
    assert found.endpoint == "events"


def test_large_events_are_cut_by_bytes():
    heavy = orders(500, sent_bytes={"events": 500 * 4.0 * 9_000})

    found = estimate({}, {"orders": heavy}, bucket=PLUS, doors={"events": EVENTS})

    assert found.calls("klaviyo") == 4


def test_large_bodies_make_smaller_batches():
    heavy = orders(500, body_bytes=60_000)

    found = estimate({}, {"orders": heavy}, bucket=PLUS, doors={"events": EVENTS})

    assert found.calls("klaviyo") == 5


@pytest.mark.parametrize(
    ("calls", "seconds", "binds"),
    [
        (0, 0, Binds.KLAVIYO_BURST),
        (10, 0, Binds.KLAVIYO_BURST),
        (150, 15, Binds.KLAVIYO_BURST),
        (151, 60.1, Binds.KLAVIYO_STEADY),
        (300, 75, Binds.KLAVIYO_STEADY),
    ],
)
def test_a_second_and_a_minute_are_both_obeyed(calls, seconds, binds):
    assert within(calls, M) == (pytest.approx(seconds), binds)


@given(calls=st.integers(0, 10**6), more=st.integers(0, 1000))
def test_more_calls_never_take_less_time(calls, more):
    assert within(calls + more, M)[0] >= within(calls, M)[0]


def test_exports_run_five_at_a_time_and_their_time_is_no_measure():
    found = estimate({}, {}, bucket=PLUS, doors={}, exports=6)

    assert (found.seconds, found.binds, found.measured) == (240, Binds.SHOP_EXPORT, False)


def test_what_is_kept_for_others_is_left():
    assert left(M, Limits(2, 30)) == Limits(8, 120)
    assert left(Limits(1, 1), Limits(5, 5)) == Limits(1, 1)


def progress(**changes):
    defaults = {"total": 1000, "ended": 400, "seconds": 400, "recent": 300, "recent_seconds": 100}
    return Progress(**defaults | changes)


@pytest.mark.parametrize(
    ("changes", "time", "basis"),
    [
        ({}, 200, Basis.RECENT),
        ({"recent": 5}, 600, Basis.OVERALL),
        ({"recent": 0}, None, Basis.STANDS),
        ({"ended": 5, "recent": 5}, None, Basis.TOO_EARLY),
        ({"ended": 1000}, 0, Basis.NONE),
        ({"ended": 1200}, 0, Basis.NONE),
        ({"total": None}, None, Basis.RECENT),
    ],
)
def test_the_rest_is_reckoned_from_a_pace_that_was_measured(changes, time, basis):
    found = remaining(progress(**changes))

    assert found.time == (None if time is None else timedelta(seconds=time))
    assert found.basis is basis
