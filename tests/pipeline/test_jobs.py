"""Bulk jobs: 202 said taken, the job says what became of it."""

import json
from itertools import pairwise

import pytest

from integrations.models import Attempt, DeadLetter, Delivery, Event, RemoteJob, Tally
from integrations.pipeline import jobs
from sandbox.messages import Reply
from tests import factories

PRODUCT = {
    "id": 1,
    "title": "Tent",
    "handle": "tent",
    "status": "active",
    "published_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-11-20T12:00:00Z",
    "variants": [{"id": 2, "title": "Red", "price": "10.00", "inventory_quantity": 3}],
}
ITEMS = "/api/catalog-item-bulk"


def follow(clock, rounds=1):
    ended = 0
    for _ in range(rounds):
        clock.forward(minutes=2)
        ended += jobs.follow_due(clock=clock, stopping=lambda: False)
    return ended


def given_people(store, count, **changes):
    for number in range(count):
        person = {
            "id": number + 1,
            "email": f"person{number}@mail.alpine-demo.shop",
            "updated_at": "2026-11-20T12:00:00Z",
        } | changes.get(str(number), {})
        factories.an_event(store, topic="customers/update", body=json.dumps(person).encode())


def test_an_item_that_exists_already_is_changed_instead(klaviyo, store, post, work, clock):
    post(store, "products/create", PRODUCT)
    work()
    follow(clock)
    Delivery.objects.all().delete()  # as if it had been put there by somebody else

    later = {"title": "Tent 2", "updated_at": "2026-11-21T12:00:00Z"}
    post(store, "products/update", PRODUCT | later)
    for _ in range(4):
        work()
        follow(clock)

    account = klaviyo.accounts["DEMO01"]
    assert [item["attributes"]["title"] for item in account.items.values()] == ["Tent 2"]
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    assert not DeadLetter.objects.exists()
    assert sum(tally.delivered for tally in Tally.objects.all()) == 2


def test_an_item_that_vanished_at_klaviyo_is_made_anew(klaviyo, store, post, work, clock):
    post(store, "products/create", PRODUCT)
    work()
    follow(clock)
    account = klaviyo.accounts["DEMO01"]
    account.items.clear()
    account.variants.clear()

    later = {"title": "Tent 2", "updated_at": "2026-11-21T12:00:00Z"}
    variant = PRODUCT["variants"][0] | {"price": "12.00"}
    post(store, "products/update", PRODUCT | later | {"variants": [variant]})
    for _ in range(4):
        work()
        follow(clock)

    assert [item["attributes"]["title"] for item in account.items.values()] == ["Tent 2"]
    assert [one["attributes"]["price"] for one in account.variants.values()] == [12.0]
    assert not DeadLetter.objects.exists()


def test_what_can_neither_be_made_nor_changed_ends_with_a_person(klaviyo, store, post, work, clock):
    def always_fails(call):
        if call.method == "POST":
            return None
        pointer = "/data/attributes/items/data/0/attributes/title"
        error = {"code": "invalid", "detail": "The title is odd.", "source": {"pointer": pointer}}
        attributes = {"status": "complete", "failed_count": 1, "errors": [error]}
        return Reply(200, {"data": {"type": "job", "id": "1", "attributes": attributes}})

    klaviyo.script.answer_next(always_fails, times=1000, match=ITEMS)
    post(store, "products/create", PRODUCT | {"variants": []})
    for _ in range(8):
        work()
        follow(clock)

    event = Event.objects.get()
    letter = DeadLetter.objects.get()
    assert event.state == "dead"
    assert (letter.identity, letter.cause.field) == (f"catalog_item:{store.pk}:1", "title")
    assert letter.message == "The title is odd."
    [tally] = Tally.objects.all()
    assert (tally.delivered, tally.dead) == (0, 1)


def test_people_klaviyo_could_not_import_are_put_aside_and_counted_anew(
    klaviyo, store, work, clock
):
    account = klaviyo.accounts["DEMO01"]
    account.people.upsert(None, {"email": "person3@mail.alpine-demo.shop"}, 0.0)
    account.people.upsert(None, {"phone_number": "+4915123456789"}, 0.0)
    given_people(store, 30, **{"3": {"phone": "+4915123456789"}})
    work()
    [tally] = Tally.objects.all()
    assert (tally.delivered, tally.dead) == (30, 0), "202 counts until the job says otherwise"

    assert follow(clock) == 1

    letter = DeadLetter.objects.get()
    assert letter.cause.code == "duplicate_profile"
    assert letter.event.state == "dead"
    assert json.loads(bytes(letter.event.body))["id"] == 4
    [tally] = Tally.objects.all()
    assert (tally.delivered, tally.dead) == (29, 1)
    job = RemoteJob.objects.get()
    assert (job.state, job.failed) == ("done", 1)
    assert not Delivery.objects.get(identity=letter.identity).present


def test_more_errors_than_a_page_holds_are_all_read(klaviyo, store, work, clock):
    account = klaviyo.accounts["DEMO01"]
    account.people.upsert(None, {"phone_number": "+4915123456789"}, 0.0)
    for number in range(250):
        account.people.upsert(None, {"email": f"person{number}@mail.alpine-demo.shop"}, 0.0)
    given_people(store, 260, **{str(n): {"phone": "+4915123456789"} for n in range(250)})
    work()

    follow(clock, rounds=3)

    assert DeadLetter.objects.count() == 250


def test_a_job_is_asked_about_less_and_less_often_until_it_ends(klaviyo, store, work, clock):
    klaviyo.settings.job_seconds = 10_000.0
    given_people(store, 20)
    work()
    asked = []
    for _ in range(200):
        before = len(klaviyo.calls)
        jobs.follow_due(clock=clock, stopping=lambda: False)
        if len(klaviyo.calls) > before:
            asked.append(clock.ahead.total_seconds())
        clock.forward(seconds=2)

    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits == sorted(waits)
    assert 4 <= waits[0] <= 12
    assert 58 <= waits[-1] <= 64


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Reply(404, {"errors": [{"code": "not_found", "title": "", "detail": "Gone."}]}), "lost"),
        (Reply(500), "open"),
        (Reply(200, b"<html>"), "open"),
        (Reply(200, b'{"data": "\xff"}'), "open"),
        (Reply(429, {"errors": []}, {"Retry-After": "30"}), "open"),
    ],
    ids=["404", "500", "html", "not text", "429"],
)
def test_a_job_nobody_can_tell_about_stops_no_other_job(klaviyo, store, work, clock, answer, state):
    given_people(store, 20)
    work()
    given_people(store, 15, **{str(n): {"first_name": "New"} for n in range(15)})
    work()
    first, second = RemoteJob.objects.order_by("submitted_at")
    klaviyo.script.answer_next(answer, times=1, match=f"/{first.remote_id}")

    clock.forward(seconds=6)
    jobs.follow_due(clock=clock, stopping=lambda: False)
    first.refresh_from_db()
    assert first.state == state
    clock.forward(minutes=2)
    jobs.follow_due(clock=clock, stopping=lambda: False)

    second.refresh_from_db()
    assert second.state == "done"
    assert Event.objects.filter(state="delivered").count() == 35


def test_a_job_klaviyo_never_ends_is_given_up_after_days(klaviyo, store, work, clock):
    given_people(store, 20)
    work()
    klaviyo.script.answer_next(Reply(500), times=1000, match="bulk-import-jobs/")

    clock.forward(days=4)
    jobs.follow_due(clock=clock, stopping=lambda: False)

    assert RemoteJob.objects.get().state == "lost"


def test_a_202_without_a_job_id_is_taken_for_what_it_says(klaviyo, store, work):
    klaviyo.script.answer_next(Reply(202, {"data": {"id": ""}}), match="bulk-import-jobs")
    given_people(store, 20)

    work()

    assert not RemoteJob.objects.exists()
    assert Event.objects.filter(state="delivered").count() == 20
    assert not Attempt.objects.exists()


def test_a_stop_ends_the_asking(klaviyo, store, work, clock):
    given_people(store, 20)
    work()
    clock.forward(minutes=1)
    before = len(klaviyo.calls)

    assert jobs.follow_due(clock=clock, stopping=lambda: True) == 0
    assert len(klaviyo.calls) == before


def test_a_deleted_product_leaves_the_catalog_once(klaviyo, store, post, work, clock):
    post(store, "products/create", PRODUCT)
    work()
    follow(clock)
    clock.forward(days=1)
    deleted = {"X-Shopify-Triggered-At": "2026-11-23T12:00:00+00:00"}
    for _ in range(2):
        post(store, "products/delete", {"id": 1}, headers=deleted)
        work()
        follow(clock, rounds=2)

    assert klaviyo.accounts["DEMO01"].items == {}
    assert klaviyo.accounts["DEMO01"].variants == {}
    states = Event.objects.filter(topic="products/delete").values_list("state", flat=True)
    assert sorted(states) == ["delivered", "skipped"]
