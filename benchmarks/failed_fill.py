"""A million failed records and a ledger of ten million, filled in minutes.

Rows come from PostgreSQL itself, a stretch at a time; indexes are made afterwards, and what
triggers count row by row is counted once at the end.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.ground import Ground

STRETCH = 250_000
TABLES = ("integrations_event", "integrations_deadletter", "integrations_delivery")

_CAUSES = """
INSERT INTO integrations_cause (merchant_id, platform, code, field, rule, first_seen_at,
  last_seen_at)
SELECT %(merchant)s, 'klaviyo', 'invalid', 'properties.field_' || n, '',
  now() - interval '80 days', now() - n * interval '10 minutes'
FROM generate_series(1, %(causes)s) n
"""
_EVENTS = """
INSERT INTO integrations_event (public_id, store_id, lane, topic, webhook_id, event_id, api_version,
  body, received_at, next_attempt_at, state, skip, note, attempts, failures, crashes, last_error,
  settled_at)
SELECT gen_random_uuid(), (%(stores)s::bigint[])[1 + n %% %(many)s], 0, 'orders/create', 'f' || n,
  '', '2026-10', '{}', now() - n * interval '6 seconds', now(), 'dead', '', '', 1, 0, 0, '', now()
FROM generate_series(%(first)s, %(last)s) n
"""
# Causes are of different sizes, as they are: the square gives the first a twentieth of all.
_LETTERS = """
INSERT INTO integrations_deadletter (public_id, store_id, klaviyo_account_id, event_id, cause_id,
  state, identity, kind, source_id, payload, message, pointer, answer, attempts, created_at,
  failed_at, person, amount, currency, binned_at)
SELECT gen_random_uuid(), event.store_id, store.klaviyo_account_id, event.id,
  (%(causes)s::bigint[])[1 + floor(%(many)s * power(hashint8(event.id)::bigint %% 10000 / 1e4, 2))],
  (ARRAY['open','open','open','open','open','open','open','resolved','resolved','binned'])
    [1 + event.id %% 10],
  'placed_order:' || event.store_id || ':' || event.id,
  (ARRAY['placed_order','ordered_product','fulfilled_order','profile'])[1 + event.id %% 4],
  event.id::text,
  convert_to('{"metric":{"name":"Placed Order"},"unique_id":"' || event.id
    || '","profile":{"email":"b' || event.id %% 300000 || '@mail.test","phone_number":"12"},'
    || '"properties":{"OrderId":"' || event.id || '"},"value":9.5}', 'UTF8'),
  'This is not a valid value.', '/data/attributes/properties/field', '{}', 1, event.received_at,
  event.received_at, 'p' || event.id %% 300000, event.id %% 20000 / 100.0, 'EUR',
  CASE WHEN event.id %% 10 = 9 THEN now() END
FROM integrations_event event JOIN integrations_store store ON store.id = event.store_id
WHERE event.id BETWEEN %(first)s AND %(last)s AND event.state = 'dead'
"""
_LEDGER = """
INSERT INTO integrations_delivery (klaviyo_account_id, store_id, kind, identity, source_id, profile,
  fingerprint, version, present, accepted_at, origin)
SELECT store.klaviyo_account_id, store.id, 'placed_order', 'placed_order:' || store.id || ':d' || n,
  n, 'a@b.co', 'x', now(), true, now(), 0
FROM generate_series(%(first)s, %(last)s) n
JOIN integrations_store store ON store.id = (%(stores)s::bigint[])[1 + n %% %(many)s]
"""
_COUNTS = """
INSERT INTO integrations_causecount (cause_id, store_id, state, records)
SELECT cause_id, store_id, state, count(*) FROM integrations_deadletter GROUP BY 1, 2, 3
"""
_DAYS = """
INSERT INTO integrations_causeday (cause_id, store_id, day, failed)
SELECT cause_id, store_id, (failed_at AT TIME ZONE 'UTC')::date, count(*)
FROM integrations_deadletter GROUP BY 1, 2, 3
"""
_UNIQUE = """
SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = ANY(%s::regclass[]) AND contype = 'u'
"""
_INDEXES = """
SELECT index.indexrelid::regclass, pg_get_indexdef(index.indexrelid) FROM pg_index index
LEFT JOIN pg_constraint owner ON owner.conindid = index.indexrelid AND owner.contype IN ('u', 'p')
WHERE index.indrelid = ANY(%s::regclass[]) AND owner.oid IS NULL
"""


def fill(ground: Ground, *, letters: int, causes: int, deliveries: int) -> None:
    """Make the failed records, their messages and reasons, and the ledger beside them."""
    from django.db import connection

    stores: dict[str, Any] = {"stores": [stall.pk for stall in ground.stalls]}
    stores["many"] = len(ground.stalls)
    merchant = ground.one("SELECT id FROM integrations_merchant ORDER BY id LIMIT 1")
    with connection.cursor() as cursor:
        cursor.execute(_CAUSES, {"merchant": merchant, "causes": causes})
        cursor.execute("SELECT id FROM integrations_cause ORDER BY id")
        keys = {"causes": [row[0] for row in cursor.fetchall()], "many": causes}
        with _bare(cursor):
            for place in _stretches(letters):
                cursor.execute(_EVENTS, place | stores)
            # The keys of events begin at one again: the tables were emptied.
            for place in _stretches(letters):
                cursor.execute(_LETTERS, place | keys)
            for place in _stretches(deliveries):
                cursor.execute(_LEDGER, place | stores)
        cursor.execute(_COUNTS)
        cursor.execute(_DAYS)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


@contextmanager
def _bare(cursor: Any) -> Iterator[None]:
    """Leave indexes, triggers and foreign keys of the large tables for afterwards."""
    cursor.execute("SET session_replication_role = replica")
    cursor.execute("SET synchronous_commit = off")
    cursor.execute("SET maintenance_work_mem = '512MB'")
    cursor.execute(_UNIQUE, [list(TABLES)])
    unique = cursor.fetchall()
    cursor.execute(_INDEXES, [list(TABLES)])
    indexes = cursor.fetchall()
    for table, name, _ in unique:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        cursor.execute(definition)
    for table, name, definition in unique:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for setting in ("session_replication_role", "synchronous_commit", "maintenance_work_mem"):
        cursor.execute(f"RESET {setting}")


def _stretches(count: int) -> Iterator[dict[str, Any]]:
    for first in range(1, count + 1, STRETCH):
        yield {"first": first, "last": min(first + STRETCH - 1, count)}
