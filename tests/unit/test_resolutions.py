"""Which minutes are counted, in which pieces, and when a run was missed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain import data_types
from integrations.domain.data_types import DataType, beginnings, of_topic
from integrations.domain.resolutions import PIECE, Piece, Resolution, to_count
from integrations.domain.schedules import is_missed, missed, patience
from integrations.platforms.shopify.topics import TITLES

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_a_minute_is_counted_when_it_is_over_and_a_little_more():
    assert list(to_count(NOON, NOON + timedelta(seconds=74))) == []
    assert list(to_count(NOON, NOON + timedelta(seconds=75))) == [Piece(NOON, NOON + MINUTE)]


def test_a_clock_that_went_back_counts_nothing():
    assert list(to_count(NOON, NOON - timedelta(hours=1))) == []


@given(moments, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_pieces_are_small_and_leave_nothing_out(start, pause):
    start = Resolution.MINUTE.floor(start)

    pieces = list(to_count(start, start + pause))

    reached = start
    for piece in pieces:
        assert piece.since == reached
        assert reached < piece.until <= reached + PIECE
        reached = piece.until
    assert start + pause - reached < timedelta(seconds=75)


def test_a_pause_of_weeks_begins_where_minutes_are_still_kept():
    first = next(to_count(NOON - timedelta(days=30), NOON))

    assert NOON - first.since < Resolution.MINUTE.kept
    assert first == next(to_count(None, NOON))


@given(moments, st.sampled_from(Resolution))
def test_each_moment_lies_in_one(moment, resolution):
    start = resolution.floor(moment)

    assert start <= moment < start + resolution.step
    assert resolution.floor(start) == start


def test_a_piece_reaches_back_without_reaching_further():
    assert Piece(NOON, NOON + MINUTE).reaching_back(MINUTE) == Piece(NOON - MINUTE, NOON + MINUTE)


def test_a_piece_knows_the_hours_it_touches():
    piece = Piece(NOON - MINUTE, NOON + MINUTE)

    assert piece.starts(Resolution.HOUR) == [NOON - timedelta(hours=1), NOON]
    assert piece.starts(Resolution.DAY) == [Resolution.DAY.floor(NOON)]


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("orders/create", "orders"),
        ("refunds/create", "orders"),
        ("customer.tags_added", "customers"),
        ("customers_marketing_consent/update", "customers"),
        ("inventory_levels/update", "products"),
        ("carts/update", "checkouts"),
        ("app/uninstalled", "other"),
        ("", "other"),
        ("ordersomething", "other"),
    ],
)
def test_a_topic_is_about_one_kind_of_data(topic, kind):
    assert of_topic(topic) == kind


@pytest.mark.parametrize("topic", TITLES)
def test_how_topics_begin_says_the_same(topic):
    for kind in DataType:
        begins = topic.startswith(tuple(beginnings(kind)))
        assert (begins is (kind is not DataType.OTHER)) or of_topic(topic) is not kind
    assert set(data_types.WORDS) == set(DataType)


def test_a_run_is_missed_after_twice_its_interval_and_a_minute():
    assert patience(MINUTE) == 3 * MINUTE
    assert not is_missed(NOON, interval=MINUTE, now=NOON + 3 * MINUTE)
    assert is_missed(NOON, interval=MINUTE, now=NOON + timedelta(seconds=181))
    assert not is_missed(None, interval=MINUTE, now=NOON)


def test_the_spans_without_a_run_are_named():
    began = [NOON, NOON + MINUTE, NOON + 60 * MINUTE]

    found = list(missed(began, interval=MINUTE, now=NOON + 90 * MINUTE))

    assert found == [
        (NOON + MINUTE, NOON + 60 * MINUTE),
        (NOON + 60 * MINUTE, NOON + 90 * MINUTE),
    ]
    assert list(missed([], interval=MINUTE, now=NOON)) == []
