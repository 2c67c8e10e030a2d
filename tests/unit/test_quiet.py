from datetime import UTC, datetime, time

import pytest

from integrations.domain.quiet import ends_at


def at(hour, minute=0, day=20):
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (at(21, 59), None),
        (at(22), at(7, day=21)),
        (at(23, 30), at(7, day=21)),
        (at(6, 59), at(7)),
        (at(7), None),
    ],
)
def test_a_night_goes_over_midnight(now, until):
    assert ends_at(now, time(22), time(7), "UTC") == until


def test_the_hours_are_those_of_the_place():
    assert ends_at(at(20, 30), time(21), time(22), "Europe/Berlin") == at(21)
    assert ends_at(at(21, 30), time(21), time(22), "Europe/Berlin") is None


@pytest.mark.parametrize(("start", "end"), [(None, None), (time(3), time(3)), (None, time(3))])
def test_no_hours_are_never_quiet(start, end):
    assert ends_at(at(3), start, end, "UTC") is None


def test_a_place_nobody_knows_is_taken_for_utc():
    assert ends_at(at(23), time(22), time(7), "Mars/Olympus") == at(7, day=21)
