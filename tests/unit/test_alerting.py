"""When something becomes an alert, gets worse and is over; and what must tell nobody anything."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain import alerting
from integrations.domain.alerting import RULES, AlertState, Course, Limits, Severity, Told
from tests.factories import NOON

MINUTE = timedelta(minutes=1)


def watch(code, values, *, every=MINUTE, course=None, last=None, rule=None):
    """Look once a minute; what was told, with the minute, and the course in the end."""
    rule, told = rule or RULES[code], []
    for number, value in enumerate(values):
        now = NOON + number * every
        if value is None:
            continue
        if course is None:
            course, said = alerting.begin(rule, value, now=now, last=last)
        else:
            course, said = alerting.go_on(rule, course, value, now=now)
        if said:
            told.append((number, said))
        if course and course.state is AlertState.OVER:
            last, course = course, None
    return told, course


@pytest.mark.parametrize(
    ("code", "value", "severity"),
    [
        ("failing", 4.9, None),
        ("failing", 5.1, Severity.WARNING),
        ("failing", 19.9, Severity.WARNING),
        ("failing", 20.1, Severity.CRITICAL),
        ("throttled", 9.9, None),
        ("throttled", 10.0, None),
        ("throttled", 10.1, Severity.WARNING),
        ("stuck", 19, None),
        ("stuck", 21, Severity.CRITICAL),
        ("fetch_stuck", 19, None),
        ("fetch_stuck", 21, Severity.CRITICAL),
    ],
)
def test_each_number_has_its_edge(code, value, severity):
    assert RULES[code].severity(value) is severity


def test_it_is_told_when_it_has_lasted_and_not_before():
    assert watch("failing", [6] * 5)[0] == []
    assert watch("failing", [6] * 6)[0] == [(5, Told.BEGUN)]


def test_a_broken_login_is_told_at_once():
    assert watch("login", [1])[0] == [(0, Told.BEGUN)]


def test_what_is_good_in_between_begins_anew():
    assert watch("failing", [6, 6, 6, 6, 6, 0, 6, 6, 6, 6, 6])[0] == []


def test_it_is_over_when_it_was_good_for_ten_minutes():
    told, course = watch("login", [1] + [0] * 11)

    assert told == [(0, Told.BEGUN), (11, Told.OVER)]
    assert course is None


def test_what_flickers_stays_one_alert():
    told, course = watch("login", [1, 0, 1, 0, 0, 0, 1, 0, 0, 1] * 3)

    assert told == [(0, Told.BEGUN)]
    assert course.state is AlertState.FIRING


def test_what_comes_back_soon_has_to_last_longer_each_time():
    values = ([1] * 3 + [0] * 11) * 4

    told = [said for _, said in watch("login", values)[0]]

    # At once, after two minutes, and then three minutes are too few.
    assert told == [Told.BEGUN, Told.OVER, Told.BEGUN, Told.OVER]


def test_late_comes_before_broken_and_getting_worse_is_told_once():
    told, course = watch("failing", [6] * 7 + [25] * 3)

    assert told == [(5, Told.BEGUN), (7, Told.WORSE)]
    assert course.severity is Severity.CRITICAL


def test_a_critical_one_that_nobody_took_on_is_told_once_more():
    told, _ = watch("login", [1] * 100)
    assert told == [(0, Told.BEGUN), (30, Told.STILL)]

    taken = Course(AlertState.FIRING, Severity.CRITICAL, NOON, NOON, fired_at=NOON, taken_at=NOON)
    assert watch("login", [1] * 100, course=taken)[0] == []


def test_minutes_nobody_looked_are_no_minutes_of_trouble():
    assert watch("failing", [6, 6, None, None, None, None, None, None, None, 6, 6])[0] == []
    told, course = watch("login", [1, 0, 0] + [None] * 30 + [0])
    assert told == [(0, Told.BEGUN)]
    assert course.state is AlertState.FIRING


def test_somebody_chose_other_numbers():
    rule = alerting.limited(RULES["failing"], Limits(None, 50, MINUTE))

    assert rule.severity(40) is None
    assert watch("failing", [60, 60], rule=rule)[0] == [(1, Told.BEGUN)]


def test_numbers_are_said_with_their_unit():
    assert RULES["failing"].said(5.04) == "5%"
    assert RULES["stuck"].said(1234.5) == "1,234.5 minutes without progress"


@given(st.lists(st.none() | st.floats(0, 100), max_size=200))
def test_what_begins_is_over_before_it_begins_again(values):
    for code in ("login", "failing", "throttled"):
        told = [said for _, said in watch(code, values)[0] if said in {Told.BEGUN, Told.OVER}]

        assert told[::2] == [Told.BEGUN] * len(told[::2])
        assert told[1::2] == [Told.OVER] * len(told[1::2])
