"""When an export pays, and how patient to be with one."""

from datetime import timedelta

import pytest

from integrations.domain import bulk
from integrations.domain.windows import Way


@pytest.mark.parametrize(
    ("stream", "expected", "rate", "way"),
    [
        ("orders", None, 100.0, Way.PAGES),
        ("orders", 0, 100.0, Way.PAGES),
        ("orders", 1000, 100.0, Way.PAGES),
        ("orders", 1001, 100.0, Way.BULK),
        ("orders", 9000, 1000.0, Way.PAGES),
        ("orders", 20_000, 1000.0, Way.BULK),
        ("customers", 5000, 100.0, Way.PAGES),
        ("customers", 200_000, 100.0, Way.BULK),
        ("products", 200_000, 100.0, Way.PAGES),
    ],
)
def test_an_export_is_worth_it_where_pages_take_longer(stream, expected, rate, way):
    choice = bulk.choose(stream, expected=expected, restore_rate=rate)

    assert choice.way is way
    assert choice.reason


def test_the_reason_says_how_much_and_how_long():
    minutes = bulk.choose("orders", expected=20_000, restore_rate=1000.0).reason
    hours = bulk.choose("orders", expected=200_000, restore_rate=100.0).reason

    assert "20,000 orders" in minutes
    assert "10 minutes" in minutes
    assert "17 hours" in hours


def test_polls_come_less_often_and_at_least_once_a_minute():
    waits = [bulk.poll_wait(polls) for polls in range(50)]

    assert waits[:5] == [timedelta(seconds=one) for one in (5, 10, 20, 40, 60)]
    assert set(waits[4:]) == {timedelta(seconds=60)}
