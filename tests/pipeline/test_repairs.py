"""What people change of a failed record: kept as rows, checked, never over somebody else's."""

import json
from datetime import timedelta

import pytest

from integrations.domain.repairs import Faulty
from integrations.models import AuditEntry, DeadLetter, Repair
from integrations.models.dead_letters import DeadLetterState
from integrations.pipeline import audit, repairs
from integrations.pipeline.repairs import Refused
from tests import factories as a
from tests.factories import NOON

pytestmark = pytest.mark.django_db

EVENT = {
    "profile": {"email": "jane@example.com"},
    "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
    "properties": {"Note": "x"},
    "time": "2026-11-20T12:00:00Z",
    "unique_id": "17",
    "value": 12,
    "value_currency": "eur",
}
CURRENCY = "/data/attributes/events-bulk-create/data/0/attributes/events/data/0/attributes/"


@pytest.fixture
def failed():
    return a.a_dead_letter(
        a.a_store(), payload=json.dumps(EVENT).encode(), pointer=f"{CURRENCY}value_currency"
    )


@pytest.fixture
def olive(failed):
    return audit.person(a.a_member(failed.store.merchant, "olive@alpine-demo.shop"))


@pytest.fixture
def peter(failed):
    return audit.person(a.a_member(failed.store.merchant, "peter@alpine-demo.shop"))


def save(failed, by, version="1.0", **changes):
    return repairs.save(failed, EVENT | changes, version=version, by=by, now=NOON)


def test_the_last_change_is_sent_and_the_original_stays(failed, olive):
    before = bytes(failed.payload)
    save(failed, olive, value_currency="EUR")
    save(failed, olive, version="1.1", value_currency="CHF")

    failed.refresh_from_db()
    assert bytes(failed.payload) == before
    content = repairs.current([failed.pk])[failed.pk]
    assert json.loads(content)["value_currency"] == "CHF"
    assert [one.made_by for one in Repair.objects.order_by("number")] == [olive.user] * 2
    [change] = repairs.standing(failed).changes
    assert (change.path, change.before, change.after) == (("value_currency",), "eur", "CHF")


def test_a_change_is_written_down_without_personal_data(failed, olive):
    save(failed, olive, value_currency="EUR", profile={"email": "mary@example.com"})

    entry = AuditEntry.objects.get(action="record.repaired")
    assert entry.after == {"fields": ["profile.email", "value_currency"]}
    assert entry.actor_name == "olive@alpine-demo.shop"
    assert "mary" not in str([entry.before, entry.after, entry.subject])


def test_a_change_taken_back_sends_the_original_again(failed, olive):
    save(failed, olive, value_currency="EUR")
    repairs.take_back(failed, version="1.1", by=olive, now=NOON)

    assert repairs.current([failed.pk]) == {}
    assert repairs.standing(failed).content == bytes(failed.payload)
    assert Repair.objects.count() == 2
    with pytest.raises(Refused):
        repairs.take_back(failed, version="1.2", by=olive, now=NOON)


def test_nobody_overwrites_what_somebody_else_saved_meanwhile(failed, olive, peter):
    save(failed, olive, value_currency="EUR")

    with pytest.raises(Refused, match=r"olive@alpine-demo\.shop changed it meanwhile"):
        save(failed, peter, value_currency="CHF")
    repairs.take_back(failed, version="1.1", by=olive, now=NOON)
    with pytest.raises(Refused, match="took the change back meanwhile"):
        save(failed, peter, version="1.1", value_currency="CHF")

    assert Repair.objects.count() == 2


def test_a_record_that_was_sent_meanwhile_says_by_whom(failed, olive, peter):
    replay = a_replay(failed, olive)
    replay.items.create(dead_letter=failed, position=1, state="waiting")
    DeadLetter.objects.update(state=DeadLetterState.SENDING)

    with pytest.raises(Refused, match=r"olive@alpine-demo\.shop sent it again meanwhile"):
        save(failed, peter, value_currency="EUR")


def a_replay(failed, by):
    from integrations.models import Replay

    return Replay.objects.create(
        merchant=failed.store.merchant, asked_by=by.user, asked_at=NOON, next_turn_at=NOON
    )


def test_a_record_in_the_bin_says_who_put_it_there(failed, olive, peter):
    DeadLetter.objects.update(state="binned", binned_by=olive.user, binned_at=NOON)

    with pytest.raises(Refused, match=r"olive@alpine-demo\.shop put it into the bin"):
        save(failed, peter, value_currency="EUR")


def test_a_record_that_failed_again_meanwhile_is_looked_at_first(failed, olive):
    DeadLetter.objects.update(times=2)

    with pytest.raises(Refused, match="failed again meanwhile"):
        save(failed, olive, value_currency="EUR")


def test_content_that_has_served_its_term_cannot_be_changed(failed, olive):
    DeadLetter.objects.update(erased_at=NOON, payload=b"")

    with pytest.raises((Refused, Faulty)):
        save(failed, olive, value_currency="EUR")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"metric": {}}, "metric"),
        ({"unique_id": "18"}, "unique_id"),
        ({"value_currency": "Euro"}, "value_currency"),
        ({"profile": {}}, "profile.email"),
        ({"backfill": False}, "backfill"),
    ],
)
def test_what_klaviyo_would_refuse_or_count_twice_is_not_kept(failed, olive, changes, path):
    with pytest.raises(Faulty) as caught:
        save(failed, olive, **{"value_currency": "EUR"} | changes)

    assert [fault.path for fault in caught.value.faults] == [path]
    assert not Repair.objects.exists()


def test_saving_nothing_new_is_not_a_change(failed, olive):
    save(failed, olive, value_currency="EUR")
    with pytest.raises(Refused, match="Nothing was changed"):
        save(failed, olive, version="1.1", value_currency="EUR")


def test_the_one_field_is_corrected_whatever_else_is_wrong(olive):
    broken = EVENT | {"time": "yesterday"}
    failed = a.a_dead_letter(a.a_store(), payload=json.dumps(broken).encode())

    repairs.save_field(failed, ("value_currency",), "eur", version="1.0", by=olive, now=NOON)

    assert json.loads(repairs.current([failed.pk])[failed.pk])["value_currency"] == "EUR"
    with pytest.raises(Faulty):
        repairs.save_field(failed, ("value",), "-", version="1.1", by=olive, now=NOON)
    with pytest.raises(Faulty, match="counted twice"):
        repairs.save_field(failed, ("unique_id",), "8", version="1.1", by=olive, now=NOON)


def test_a_field_is_left_out_where_the_record_stays_what_it_is(failed, olive):
    repairs.save_field(
        failed, ("value_currency",), "", leave_out=True, version="1.0", by=olive, now=NOON
    )
    assert "value_currency" not in json.loads(repairs.current([failed.pk])[failed.pk])

    for path, caught in ((("profile", "email"), Faulty), (("properties", "x"), Refused)):
        with pytest.raises(caught):
            repairs.save_field(failed, path, "", leave_out=True, version="1.1", by=olive, now=NOON)


def test_a_message_that_cannot_be_read_is_repaired_itself(olive):
    store = a.a_store()
    body = b'{"id": 7, "email": "jane@example.com", "total_price": "abc"}'
    event = a.an_event(store, state="dead", body=body)
    failed = a.a_dead_letter(store, event=event, identity="", kind="", payload=b"")
    standing = repairs.standing(failed)
    assert standing.of_message
    assert standing.original == body

    with pytest.raises(Faulty) as caught:
        repairs.save(failed, {"id": 8}, version="1.0", by=olive, now=NOON)

    assert "which record of the shop" in caught.value.faults[0].sentence
    assert len(caught.value.faults) == 2  # and it still cannot be read


def test_showing_personal_data_is_written_down(failed, olive):
    repairs.revealed(failed, by=olive, now=NOON + timedelta(hours=1))

    entry = AuditEntry.objects.get(action="record.revealed")
    assert entry.store == failed.store
    assert entry.subject == f"placed order {failed.source_id}"


def test_the_place_of_the_error_is_found_in_the_record(failed):
    document = repairs.standing(failed).document

    assert repairs.place_of(failed, document).path == ("value_currency",)
