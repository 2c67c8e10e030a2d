"""A long trail is read by its indexes; a team keeps an owner, whoever leaves at once."""

import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from integrations.models import AuditEntry, Membership
from integrations.pipeline import history, team
from tests import factories as a

_ENTRIES = """
INSERT INTO integrations_auditentry (at, actor_name, role, action, merchant_id, store_id, subject,
  before, after, reason)
SELECT %s::timestamptz - n * interval '1 minute', 'Sync Console', 'automatic', 'gap.noticed',
  (%s::bigint[])[1 + n %% 40], (%s::bigint[])[1 + n %% 40], 's', '{}', '{}', ''
FROM generate_series(1, 40000) n
"""


@pytest.fixture
def long_trail(db):
    stores = [a.a_store(a.an_account(a.a_merchant()), token="") for _ in range(40)]
    merchants = [store.merchant_id for store in stores]
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, [a.NOON, merchants, [store.pk for store in stores]])
        cursor.execute("ANALYZE")
    return stores


def plans(read):
    """The plans of the reads of the trail that a function makes."""
    with CaptureQueriesContext(
        connection,
    ) as seen:
        read()
    reads = [
        one["sql"]
        for one in seen.captured_queries
        if "integrations_auditentry" in one["sql"] and "ORDER BY" in one["sql"]
    ]
    assert reads
    with connection.cursor() as cursor:
        for sql in reads:
            cursor.execute(f"EXPLAIN {sql}")
            yield "\n".join(row[0] for row in cursor.fetchall())


def test_every_page_of_the_history_is_read_in_the_order_of_an_index(long_trail):
    store = long_trail[0]
    owner = a.a_member(store.merchant)
    staff = a.a_user(is_staff=True)
    last = history.page(staff, history.Filter(), after="").after
    own = history.page(owner, history.Filter(), after="").after
    only = history.Filter(merchant=store.merchant.public_id)

    for user, wanted, after, index in (
        (staff, history.Filter(), "", "audit_newest"),
        (staff, history.Filter(), last, "audit_newest"),
        (staff, only, "", "audit_of_merchant"),
        (owner, history.Filter(), "", "audit_of_merchant"),
        (owner, history.Filter(), own, "audit_of_merchant"),
    ):
        for plan in plans(lambda: history.page(user, wanted, after=after)):  # noqa: B023
            assert index in plan, plan
            assert "Seq Scan on integrations_auditentry" not in plan
            assert "Sort" not in plan.replace("Incremental Sort", "")


def test_the_timeline_of_a_shop_reads_no_more_than_its_ten(long_trail):
    store = long_trail[0]
    owner = a.a_member(store.merchant)

    for plan in plans(lambda: history.of_store(store, owner)):
        assert "Seq Scan on integrations_auditentry" not in plan, plan
    assert len(history.of_store(store, owner)) == 10


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_leave_one_behind():
    merchant = a.a_merchant()
    owners = [a.a_member(merchant) for _ in range(2)]
    start, stayed = threading.Barrier(2), []

    def leave(user):
        try:
            start.wait(5)
            team.remove(user.memberships.get(), by=user, now=a.NOON)
        except team.LastOwner:
            stayed.append(user)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=leave, args=[user]) for user in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert Membership.objects.filter(merchant=merchant).count() == 1
    assert len(stayed) == 1
    assert AuditEntry.objects.filter(action="team.removed").count() == 1
