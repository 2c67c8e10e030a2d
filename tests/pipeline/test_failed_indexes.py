"""The lists of failed records read the ends of an index, proven on a table of some size."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.models import Cause, Store, User
from integrations.pipeline import cause_pages, failed_pages
from integrations.pipeline.failed_lists import FailedFilter
from tests import factories

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
COUNT = 60_000
# No step of a page takes more rows than this; an hour of failures is 3,420, and may be sorted.
FEW = 5_000

_EVENTS = """
INSERT INTO integrations_event (public_id, store_id, lane, topic, webhook_id, event_id, api_version,
  body, received_at, next_attempt_at, state, skip, note, attempts, failures, crashes, last_error,
  settled_at)
SELECT gen_random_uuid(), (%(stores)s::bigint[])[1 + n %% 10], 0, 'orders/create', 'f' || n, '', '',
  '{}', %(now)s, %(now)s, 'dead', '', '', 1, 0, 0, '', %(now)s
FROM generate_series(1, %(count)s) n
"""
_LETTERS = """
INSERT INTO integrations_deadletter (public_id, store_id, klaviyo_account_id, event_id, cause_id,
  state, identity, kind, source_id, payload, message, pointer, answer, attempts, created_at,
  failed_at)
SELECT gen_random_uuid(), event.store_id, %(account)s, event.id,
  (%(causes)s::bigint[])[1 + event.id %% 40],
  CASE WHEN event.id %% 20 = 0 THEN 'resolved' ELSE 'open' END, 'x',
  CASE WHEN event.id %% 1000 = 0 THEN 'profile' ELSE 'placed_order' END, event.id::text, '', 'm',
  '', '', 1, %(now)s::timestamptz - event.id * interval '1 second',
  %(now)s::timestamptz - event.id * interval '1 second'
FROM integrations_event event WHERE event.webhook_id LIKE 'f%%'
"""


@pytest.fixture(scope="module")
def seeded(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        account = factories.an_account()
        stores = [factories.a_store(account, token="") for _ in range(10)]
        causes = [factories.a_cause(account.merchant, code=f"c{number}") for number in range(40)]
        owner = factories.a_member(account.merchant, "owner@of-many.test")
        helper = factories.a_user("helper@of-many.test", is_staff=True)
        with connection.cursor() as cursor:
            values = {
                "stores": [one.pk for one in stores],
                "causes": [one.pk for one in causes],
                "account": account.pk,
                "now": NOW,
                "count": COUNT,
            }
            cursor.execute(_EVENTS, values)
            cursor.execute(_LETTERS, values)
            cursor.execute("ANALYZE")
        yield {"owner": owner, "helper": helper}
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE integrations_merchant, integrations_event CASCADE")
            cursor.execute("DELETE FROM integrations_user")


@pytest.fixture(autouse=True)
def _open(seeded, django_db_blocker):
    with django_db_blocker.unblock():
        yield


def looked_at(work):
    """Run what a page runs; the most rows any step of it took, and whether it read the table."""
    with CaptureQueriesContext(connection) as caught:
        work()
    nodes = []
    for query in caught.captured_queries:
        if query["sql"].lstrip().upper().startswith(("SELECT", "WITH")):
            with connection.cursor() as cursor:
                cursor.execute(
                    f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql'].replace('%', '%%')}", []
                )
                found = cursor.fetchone()[0]
            plan = found if isinstance(found, list) else json.loads(found)
            nodes += list(_nodes(plan[0]["Plan"]))
    return nodes


def _nodes(node):
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def assert_cheap(nodes):
    for node in nodes:
        rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        assert rows <= FEW, node
        if node.get("Relation Name") in ("integrations_deadletter", "integrations_event"):
            assert node["Node Type"] != "Seq Scan", node


def wishes():
    store, cause = Store.objects.order_by("pk").first(), Cause.objects.order_by("pk").first()
    hours_ago = NOW - timedelta(hours=8)
    return {
        "plain": FailedFilter(),
        "every state": FailedFilter(state=""),
        "settled": FailedFilter(state="resolved"),
        "none in this state": FailedFilter(state="binned"),
        "shop": FailedFilter(store=store.public_id),
        "shop, every state": FailedFilter(store=store.public_id, state=""),
        "reason": FailedFilter(cause=cause.pk),
        "reason, every state": FailedFilter(cause=cause.pk, state=""),
        "reason and shop": FailedFilter(cause=cause.pk, store=store.public_id),
        "a rare kind": FailedFilter(kind="profile"),
        "a kind there is none of": FailedFilter(kind="catalog_item", state=""),
        "a rare kind of a shop": FailedFilter(kind="profile", store=store.public_id),
        "a rare kind of a reason": FailedFilter(kind="profile", cause=cause.pk),
        "record": FailedFilter(record="77"),
        "an hour": FailedFilter(since=hours_ago, until=hours_ago + timedelta(hours=1)),
        "an hour of a shop": FailedFilter(
            store=store.public_id, since=hours_ago, until=hours_ago + timedelta(hours=1)
        ),
    }


NAMES = [
    "plain",
    "every state",
    "settled",
    "none in this state",
    "shop",
    "shop, every state",
    "reason",
    "reason, every state",
    "reason and shop",
    "a rare kind",
    "a kind there is none of",
    "a rare kind of a shop",
    "a rare kind of a reason",
    "record",
    "an hour",
    "an hour of a shop",
]


@pytest.mark.parametrize("who", ["owner", "helper"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_of_the_list_reads_few_rows_whatever_it_is_narrowed_to(seeded, who, name):
    wanted, user = wishes()[name], seeded[who]
    first = failed_pages.page(user, wanted, after="")

    assert_cheap(looked_at(lambda: failed_pages.page(user, wanted, after="")))
    if first.after:
        behind = looked_at(lambda: failed_pages.page(user, wanted, after=first.after))
        assert_cheap(behind)


@pytest.mark.parametrize("who", ["owner", "helper"])
def test_the_reasons_are_counted_without_their_records(seeded, who):
    nodes = looked_at(lambda: cause_pages.beside_list(seeded[who], store=None, after="", now=NOW))

    assert_cheap(nodes)
    assert "integrations_deadletter" not in {node.get("Relation Name") for node in nodes}


def test_the_page_of_a_reason_is_counted_without_its_records(seeded):
    cause = Cause.objects.order_by("pk").first()
    nodes = looked_at(lambda: cause_pages.reason(cause, now=NOW))

    assert_cheap(nodes)
    assert "integrations_deadletter" not in {node.get("Relation Name") for node in nodes}


def test_every_name_is_a_wish_and_the_seed_as_large_as_it_says():
    assert list(wishes()) == NAMES
    assert User.objects.count() == 2
    assert failed_pages.total(User.objects.get(is_staff=True), FailedFilter(state="")) == (
        COUNT,
        False,
    )
