"""Many failed records changed by one rule: as previewed, once, and with a result for each."""

import json
from uuid import uuid4

import pytest

from integrations.domain.recipes import RECIPES
from integrations.models import AuditEntry, DeadLetter, GroupRepair, Repair
from integrations.pipeline import audit, group_repairs, repairs
from integrations.pipeline.failed_lists import FailedFilter
from integrations.pipeline.repairs import Refused
from tests import factories as a
from tests.factories import NOON

pytestmark = pytest.mark.django_db
PHONE = RECIPES["drop_phone"]


@pytest.fixture
def store():
    return a.a_store()


@pytest.fixture
def olive(store):
    return a.a_member(store.merchant, "olive@alpine-demo.shop")


def a_failed(store, **profile):
    payload = json.dumps({"email": "jane@example.com", "phone_number": "030"} | profile)
    return a.a_dead_letter(store, payload=payload.encode(), kind="profile")


def confirm(olive, store, number, key=None, recipe=PHONE, value=""):
    by = audit.person(olive, store.merchant)
    return group_repairs.confirm(
        olive, FailedFilter(), recipe, value, confirmed=number, by=by, key=key or uuid4(), now=NOON
    )


def run():
    return group_repairs.run(clock=lambda: NOON, stopping=lambda: False)


def test_each_record_is_changed_once_and_says_what_became_of_it(store, olive):
    fit = a_failed(store)
    unfit = a_failed(store, email="")
    unreadable = a.a_dead_letter(store, identity="", payload=b"")
    gone = a_failed(store)
    made = confirm(olive, store, 4)
    DeadLetter.objects.filter(pk=gone.pk).update(state="binned", binned_at=NOON)

    run()
    run()

    made.refresh_from_db()
    assert (made.repaired, made.unfit, made.closed, made.finished_at) == (1, 2, 1, NOON)
    results = dict(made.items.values_list("dead_letter", "result"))
    assert results == {
        fit.pk: "repaired",
        unfit.pk: "unfit",
        unreadable.pk: "unfit",
        gone.pk: "closed",
    }
    repair = Repair.objects.get()
    assert (repair.dead_letter, repair.recipe, repair.made_by) == (fit, "drop_phone", olive)
    assert json.loads(repairs.current([fit.pk])[fit.pk]) == {"email": "jane@example.com"}
    assert list(group_repairs.repaired_rows(made)) == [fit]
    assert AuditEntry.objects.get(action="records.repaired").after["count"] == 4


def test_a_rule_builds_on_what_was_changed_before(store, olive):
    failed = a_failed(store)
    Repair.objects.create(
        dead_letter=failed,
        number=1,
        content=b'{"email": "new@example.com", "phone_number": "1"}',
        made_at=NOON,
    )
    confirm(olive, store, 1)
    run()

    assert json.loads(repairs.current([failed.pk])[failed.pk]) == {"email": "new@example.com"}
    assert Repair.objects.count() == 2


def test_batches_are_bounded_by_bytes_and_end(store, olive, monkeypatch):
    monkeypatch.setattr(group_repairs, "MOST_BYTES", 100)
    monkeypatch.setattr(group_repairs, "AT_ONCE", 4)
    letters = [a_failed(store, note="x" * 60) for _ in range(9)]
    DeadLetter.objects.filter(pk__in=[letters[1].pk, letters[8].pk]).update(state="open")
    made = confirm(olive, store, 9)
    DeadLetter.objects.filter(pk__in=[letters[1].pk, letters[8].pk]).update(state="resolved")

    run()

    made.refresh_from_db()
    assert (made.repaired, made.closed, made.finished_at) == (7, 2, NOON)
    assert Repair.objects.count() == 7


def test_another_number_than_was_shown_changes_nothing(store, olive):
    a_failed(store)

    with pytest.raises(Refused, match="You confirmed 2 records, and by now it would be 1"):
        confirm(olive, store, 2)

    assert not GroupRepair.objects.exists()


def test_a_second_click_is_the_same_decision(store, olive):
    a_failed(store)
    key = uuid4()

    assert confirm(olive, store, 1, key).pk == confirm(olive, store, 1, key).pk
    run()
    assert Repair.objects.count() == 1


def test_records_of_several_businesses_are_not_changed_together(store, db):
    staff = a.a_user(is_staff=True)
    a_failed(store)
    a_failed(a.a_store())

    with pytest.raises(Refused, match="several businesses"):
        confirm(staff, store, 2)


def test_a_preview_shows_samples_and_changes_nothing(store, olive):
    for _ in range(7):
        a_failed(store)
    a_failed(store, email="")

    found = group_repairs.preview(olive, FailedFilter(), PHONE, "")

    assert (found.count, found.looked_at, found.applies, len(found.samples)) == (8, 8, 7, 5)
    assert found.samples[0].changes[0].path == ("phone_number",)
    assert not Repair.objects.exists()


def test_what_a_rule_has_to_know_is_asked_for(store, olive):
    a_failed(store)

    with pytest.raises(Refused, match="currency"):
        confirm(olive, store, 1, recipe=RECIPES["set_currency"])
