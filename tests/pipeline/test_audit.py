import pytest
from django.db import InternalError, ProgrammingError, connection, transaction

from integrations.models import AuditEntry
from integrations.pipeline import audit
from tests import factories as a


@pytest.fixture
def entry(db):
    store = a.a_store()
    owner = a.a_member(store.merchant, role="owner")
    return audit.record(
        "store.paused",
        store,
        by=audit.person(owner, store.merchant),
        now=a.NOON,
        before={"paused": False},
        after={"paused": True},
        reason="Stocktaking",
    )


def test_an_entry_says_who_did_what_to_what_and_why(entry):
    assert (entry.role, entry.actor_name) == ("owner", entry.actor.email)
    assert (entry.merchant_id, entry.subject) == (entry.store.merchant_id, entry.store.name)
    assert (entry.before, entry.after) == ({"paused": False}, {"paused": True})
    assert entry.reason == "Stocktaking"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE integrations_auditentry SET reason = 'other'",
        "DELETE FROM integrations_auditentry",
    ],
)
def test_postgresql_refuses_to_change_or_remove_it(entry, statement):
    with (
        pytest.raises((InternalError, ProgrammingError), match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert AuditEntry.objects.get().reason == "Stocktaking"


def test_an_entry_outlives_what_it_is_about(entry):
    entry.store.delete()

    assert AuditEntry.objects.values_list("subject", flat=True).get() == entry.subject
