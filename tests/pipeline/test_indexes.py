"""The hot queries use their indexes, proven on a table of some size."""

import json
import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from integrations.models import Call, Event, RemoteJob, lanes
from integrations.pipeline import ledger
from tests import factories

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

# Most events have ended; a few of each store wait.
_EVENTS = """
INSERT INTO integrations_event (public_id, store_id, lane, topic, webhook_id, event_id, api_version,
  body, received_at, next_attempt_at, state, skip, note, attempts, failures, crashes, last_error,
  settled_at)
SELECT gen_random_uuid(), (%s::bigint[])[1 + n %% 40], 0, 'orders/create', 'w' || n, '', '', '{}',
  %s::timestamptz - n * interval '1 second', %s::timestamptz - n * interval '1 second',
  CASE WHEN n %% 500 = 0 THEN 'waiting' ELSE 'delivered' END, '', '', 1, 0, 0, '',
  CASE WHEN n %% 500 = 0 THEN NULL ELSE %s::timestamptz END
FROM generate_series(1, 50000) n
"""
_DELIVERIES = """
INSERT INTO integrations_delivery (klaviyo_account_id, store_id, kind, identity, source_id, profile,
  fingerprint, version, present, accepted_at, origin)
SELECT %s, (%s::bigint[])[1 + n %% 40], 'placed_order', 'placed_order:1:' || n, n, 'a@b.co', 'x',
  %s, true, %s, 0
FROM generate_series(1, 50000) n
"""

_CALLS = """
INSERT INTO integrations_call (klaviyo_account_id, store_id, lane, endpoint, started_at,
  milliseconds, items, sent_bytes, error, request_id)
SELECT %s, %s, n %% 3, 'events', %s::timestamptz - n * interval '1 second', 90, 1, 1, '', ''
FROM generate_series(1, 20000) n
"""


@pytest.fixture(scope="module")
def seeded(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        account = factories.an_account()
        stores = [factories.a_store(account, token="") for _ in range(40)]
        keys = [store.pk for store in stores]
        with connection.cursor() as cursor:
            cursor.execute(_EVENTS, [keys, NOW, NOW, NOW])
            cursor.execute(_DELIVERIES, [account.pk, keys, NOW, NOW])
            cursor.execute("ANALYZE")
        yield stores
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE integrations_merchant, integrations_event CASCADE")


@pytest.fixture(autouse=True)
def _open(seeded, django_db_blocker):
    with django_db_blocker.unblock():
        yield


def plan(statement, values):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", values)
        return "\n".join(row[0] for row in cursor.fetchall())


def indexes(text):
    return set(re.findall(r"(?:using|on) (\w+)(?: on|\s+\(cost)", text))


def assert_by_index(text, table, *names):
    assert f"Seq Scan on {table}" not in text, text
    for name in names:
        assert name in text, text


CLAIM = {
    "now": NOW,
    "until": NOW + lanes.LEASE,
    "by": "x",
    "highest": 0,
    "lowest": 3,
    "fair": False,
}


def test_a_claim_looks_at_one_row_for_each_lane_with_work(seeded):
    assert_by_index(plan(lanes._CLAIM, CLAIM), "integrations_event", "event_due")
    assert_by_index(plan(lanes._ANY_DUE, CLAIM), "integrations_event", "event_due")


def test_a_batch_is_read_by_the_index_of_what_waits(seeded):
    values = {"store": seeded[0].pk, "lane": 0, "now": NOW, "until": NOW, "id": 1, "epoch": 1}
    found = plan(lanes._TAKE, values | {"most": 500, "most_bytes": 12_000_000})

    assert_by_index(found, "integrations_event", "event_due")


def test_the_newest_messages_of_a_store_are_read_in_order(seeded):
    query = Event.objects.live().filter(store=seeded[0]).order_by("-received_at", "-id")[:50]
    older = (
        query.model.objects.live()
        .filter(store=seeded[0], received_at__lt=NOW - timedelta(hours=5))
        .order_by("-received_at", "-id")[:50]
    )

    for one in (query, older):
        found = one.explain()
        assert_by_index(found, "integrations_event", "event_live")
        assert "Sort" not in found.replace("Incremental Sort", "")


def test_the_ledger_is_asked_by_account_and_identity(seeded):
    names = [f"placed_order:1:{n}" for n in range(1, 500)]
    account = seeded[0].klaviyo_account_id

    assert_by_index(
        plan(ledger._READ, [account, json.dumps(names)]), "integrations_delivery", "told_once"
    )


def test_the_door_finds_a_repeated_delivery_by_index(seeded):
    found = plan(
        "SELECT 1 FROM integrations_event WHERE store_id = %s AND webhook_id = %s",
        [seeded[0].pk, "w1"],
    )

    assert_by_index(found, "integrations_event", "event_received_once")


def test_what_a_job_owes_is_found_by_index(seeded):
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")  # this table is small when all is well
        try:
            assert "remote_job_due" in RemoteJob.objects.due(NOW)[:50].explain()
        finally:
            cursor.execute("RESET enable_seqscan")


def test_an_open_breaker_costs_a_claim_no_table_and_no_scan(seeded):
    """The condition is a column of rows that are read anyway."""
    found = plan(lanes._CLAIM, CLAIM)

    assert "tripped_at IS NULL" in found
    assert "breaker" not in found


def test_whose_calls_the_last_minute_held_is_read_by_their_time(seeded):
    with connection.cursor() as cursor:
        cursor.execute(_CALLS, [seeded[0].klaviyo_account_id, seeded[0].pk, NOW])
        cursor.execute("ANALYZE integrations_call")
    found = Call.objects.filter(
        klaviyo_account__in=[seeded[0].klaviyo_account_id],
        started_at__gte=NOW - timedelta(minutes=1),
    ).values("endpoint", "lane", "store")

    assert_by_index(found.explain(), "integrations_call", "call_by_time")


def test_the_seed_is_as_large_as_it_says():
    assert Event.objects.count() == 50_000
    assert psycopg.__version__
