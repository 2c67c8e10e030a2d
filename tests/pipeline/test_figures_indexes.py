"""Counting figures and showing them uses indexes, proven on tables of some size."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.domain.resolutions import Piece, Resolution
from integrations.models import FigureMark
from integrations.pipeline import (
    figure_pages,
    figure_ranges,
    figure_troubles,
    maintenance,
    measuring,
    measuring_calls,
    measuring_depths,
    measuring_lags,
    schedule_pages,
)
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seeded")]

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PIECE = Piece(NOW - timedelta(minutes=4), NOW)
# A handful of rows, which are read as a whole.
SMALL = ["figuremark", "unfinishedminute"]
TABLES = [
    "call",
    "callfigures",
    "deadletter",
    "depthfigures",
    "event",
    "lagfigures",
    "schedulerun",
    "tally",
]

_EVENTS = """
INSERT INTO integrations_event (public_id, store_id, lane, topic, webhook_id, event_id, api_version,
  body, received_at, next_attempt_at, state, skip, note, attempts, failures, crashes, last_error,
  settled_at)
SELECT gen_random_uuid(), (%(stores)s::bigint[])[1 + n %% 40], 0, 'orders/create', 'w' || n, '', '',
  '{}', %(now)s::timestamptz - n * interval '2 seconds', %(now)s::timestamptz,
  CASE WHEN n %% 500 = 0 THEN 'waiting' ELSE 'delivered' END, '', '', 1, 0, 0, '',
  CASE WHEN n %% 500 = 0 THEN NULL ELSE %(now)s::timestamptz END
FROM generate_series(1, 40000) n;
INSERT INTO integrations_tally (store_id, minute, delivered, skipped, dead, lag_seconds)
SELECT store, %(now)s::timestamptz - n * interval '1 minute', 1, 0, 0, 1
FROM unnest(%(stores)s::bigint[]) store, generate_series(1, 1000) n;
INSERT INTO integrations_unfinishedminute (store_id, minute, tallied)
SELECT store, %(now)s::timestamptz - n * interval '1 minute', 1
FROM unnest(%(stores)s::bigint[]) store, generate_series(1, 5) n;
INSERT INTO integrations_call (klaviyo_account_id, store_id, lane, endpoint, started_at,
  milliseconds, items, sent_bytes, error, request_id)
SELECT %(account)s, (%(stores)s::bigint[])[1], 0, 'events',
  %(now)s::timestamptz - n * interval '1 second', 90, 1, 1, '', ''
FROM generate_series(1, 20000) n;
INSERT INTO integrations_lagfigures (store_id, data_type, resolution, start, arrived, settled,
  delivered, failed, lag)
SELECT store, 'orders', 0, %(now)s::timestamptz - n * interval '1 minute', 1, 1, 1, 0, '{1}'
FROM unnest(%(stores)s::bigint[]) store, generate_series(1, 1000) n;
INSERT INTO integrations_callfigures (klaviyo_account_id, store_id, endpoint, resolution, start,
  calls, throttled, errors, milliseconds, latency, allowed, busiest)
SELECT NULL, store, 'graphql', 0, %(now)s::timestamptz - n * interval '1 minute', 1, 0, 0, 1, '{1}',
  0, 1
FROM unnest(%(stores)s::bigint[]) store, generate_series(1, 1000) n;
INSERT INTO integrations_depthfigures (store_id, resolution, start, waiting, oldest_seconds,
  failed_open)
SELECT store, 0, %(now)s::timestamptz - n * interval '1 minute', 1, 1, 0
FROM unnest(%(stores)s::bigint[] || NULL::bigint) store, generate_series(1, 1000) n;
INSERT INTO integrations_schedulerun (name, began_at, ended_at, error)
SELECT 'integrations.tasks.sweep', %(now)s::timestamptz - n * interval '1 minute', NULL, ''
FROM generate_series(1, 20000) n;
"""


@pytest.fixture(scope="module")
def seeded(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        account = factories.an_account()
        stores = [factories.a_store(account, token="") for _ in range(40)]
        values = {"stores": [one.pk for one in stores], "account": account.pk, "now": NOW}
        with connection.cursor() as cursor:
            for statement in filter(str.strip, _EVENTS.split(";")):
                cursor.execute(statement, values)
            FigureMark.objects.create(name=measuring.MARK, counted_until=NOW)
            cursor.execute("ANALYZE")
        yield stores
        with connection.cursor() as cursor:
            names = ", ".join(f"integrations_{name}" for name in TABLES)
            cursor.execute(
                f"TRUNCATE integrations_merchant, integrations_figuremark, {names} CASCADE"
            )


def plans(work):
    """How PostgreSQL carries out each statement of some work."""
    with CaptureQueriesContext(connection) as asked:
        work()
    found = []
    with connection.cursor() as cursor:
        for one in asked:
            if one["sql"].lstrip().upper().startswith(("SELECT", "WITH", "INSERT", "DELETE")):
                cursor.execute(f"EXPLAIN {one['sql']}")
                found.append("\n".join(row[0] for row in cursor.fetchall()))
    return found


def assert_by_index(found, *names):
    text = "\n\n".join(found)
    for table in TABLES:
        assert f"Seq Scan on integrations_{table} " not in text, text
    for name in names:
        assert name in text, text


def test_counting_calls_reads_them_by_their_time():
    assert_by_index(plans(lambda: measuring_calls.count(PIECE)), "call_by_time")


def test_counting_messages_probes_each_shops_arrivals():
    assert_by_index(plans(lambda: measuring_lags.count(PIECE)), "event_live")


def test_counting_some_minutes_again_reads_those_alone(seeded):
    some = [measuring_lags.Minute(seeded[0].pk, NOW - timedelta(minutes=3))]

    assert_by_index(plans(lambda: measuring_lags.count_again(some)), "event_live")


def test_what_waits_is_found_among_what_waits():
    found = plans(lambda: measuring_depths.look(NOW, now=NOW))

    assert_by_index(found, "event_due")


def test_rolling_up_reads_one_hour_and_one_day():
    for module in (measuring_calls, measuring_lags, measuring_depths):
        assert_by_index(plans(lambda module=module: module.roll_up(PIECE)), "_once")


def test_minutes_whose_tally_changed_are_found_without_reading_all_tallies():
    found = "\n".join(plans(lambda: measuring_lags.changed(NOW - timedelta(days=3))))

    # A shop's messages of a whole day are a thousand tallies here; the notes are few.
    assert "tally_once" in found


def test_what_came_late_is_found_by_a_few_tallies_of_each_shop():
    found = plans(lambda: measuring_lags.late(PIECE.reaching_back(measuring_lags.LATE)))

    assert_by_index(found, "tally_once")


def test_the_figures_of_a_shop_are_read_by_shop_and_time(seeded):
    for chosen in figure_ranges.OF_STORE.values():
        found = plans(lambda chosen=chosen: figure_pages.of_store(seeded[0], chosen, now=NOW))
        assert_by_index(found)


def test_the_figures_of_all_are_read_by_time():
    for chosen in figure_ranges.OF_ALL.values():
        found = plans(
            lambda chosen=chosen: figure_troubles.of_all(chosen, shops=0, accounts=0, now=NOW)
        )
        assert_by_index(found, "call_figures_once", "lag_figures_once", "depth_figures_once")


def test_the_last_run_of_each_schedule_is_one_probe():
    assert_by_index(plans(lambda: schedule_pages.of_all(NOW)), "schedule_run_latest")


def test_pruning_finds_what_is_old_by_resolution():
    found = [
        one
        for one in plans(lambda: maintenance._prune_figures(NOW))
        if "figures" in one.partition("\n")[0]
    ]

    assert len(found) == 3 * len(Resolution)
    assert_by_index(found, "_once")
