"""From a signed webhook to what Klaviyo holds."""

import json
from pathlib import Path

import pytest

from integrations.models import DeadLetter, Delivery, Event, RemoteJob, Tally
from integrations.pipeline import jobs

from .conftest import an_order, events_of, profile_of

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "shopify-rest"


def test_an_order_reaches_klaviyo_exactly_as_it_was(klaviyo, store, post, work):
    assert post(store, "orders/create", an_order()).status_code == 200

    work()

    [placed] = events_of(klaviyo, "Placed Order")
    assert placed["unique_id"] == "9007199254740994"
    assert placed["value"] == 99.5
    assert placed["currency"] == "EUR"
    assert placed["email"] == "buyer1@mail.alpine-demo.shop"
    assert placed["properties"]["OrderId"] == "9007199254740994"
    assert placed["backfill"] is False
    [line] = events_of(klaviyo, "Ordered Product")
    assert line["unique_id"] == "9007199254740994_71"
    assert line["value"] == 99.5
    event = Event.objects.get()
    assert event.state == "delivered"
    assert event.attempts == 1
    assert Delivery.objects.count() == 3


def test_the_same_order_many_times_has_the_effect_of_once(klaviyo, store, post, work):
    for _ in range(3):
        post(store, "orders/create", an_order())
    post(store, "orders/updated", an_order())
    work()
    post(store, "orders/updated", an_order())
    work()

    assert len(events_of(klaviyo, "Placed Order")) == 1
    assert not list(klaviyo.accounts["DEMO01"].doubles())
    assert sorted(Event.objects.values_list("state", flat=True)) == ["delivered"] * 4 + ["skipped"]
    assert Event.objects.get(state="skipped").skip == "unchanged"


def test_the_figures_of_a_store_add_up(klaviyo, store, post, work):
    post(store, "orders/create", an_order(1))
    post(store, "orders/create", an_order(2, test=True))
    post(store, "orders/create", b'{"id": 3, "broken')
    work()

    tally = Tally.objects.get()
    assert (tally.delivered, tally.skipped, tally.dead) == (1, 1, 1)
    assert Event.objects.filter(state="waiting").count() == 0


def test_a_signed_body_that_is_not_json_becomes_a_dead_letter(klaviyo, store, post, work):
    assert post(store, "orders/create", b'{"id": 3, "broken').status_code == 200
    work()

    letter = DeadLetter.objects.get()
    assert letter.cause.code == "unreadable"
    assert letter.cause.rule == "json"
    assert bytes(letter.event.body) == b'{"id": 3, "broken'


def test_the_first_refund_carries_the_orders_id_and_the_next_its_own(klaviyo, store, post, work):
    order = an_order()
    refund = {
        "id": 1,
        "order_id": order["id"],
        "created_at": "2026-11-20T12:00:00Z",
        "transactions": [{"kind": "refund", "status": "success", "amount": "10.00"}],
    }
    post(store, "orders/create", order)
    work()
    post(store, "refunds/create", refund)
    work()
    post(store, "refunds/create", refund | {"id": 2})
    post(store, "orders/updated", order | {"refunds": [refund, refund | {"id": 2}]})
    work()

    refunds = events_of(klaviyo, "Refunded Order")
    assert [one["unique_id"] for one in refunds] == [
        "9007199254740994",
        "9007199254740994_2",
    ]
    assert {one["email"] for one in refunds} == {"buyer1@mail.alpine-demo.shop"}


def test_a_refund_before_its_order_waits_for_it(klaviyo, store, post, work, clock):
    refund = {"id": 1, "order_id": an_order()["id"], "created_at": "2026-11-20T12:00:00Z"}
    post(store, "refunds/create", refund)
    work()
    event = Event.objects.get()
    assert event.state == "waiting"
    assert event.tries.get().message.startswith("The order this belongs to is not known")

    post(store, "orders/create", an_order())
    clock.forward(minutes=1)
    work()

    assert len(events_of(klaviyo, "Refunded Order")) == 1


def test_an_older_profile_never_overwrites_a_newer_one(klaviyo, store, post, work):
    person = {"id": 5, "email": "ann@mail.alpine-demo.shop"}
    newer = person | {"first_name": "Ann", "updated_at": "2026-11-20T12:00:00Z"}
    older = person | {"first_name": "Anne", "updated_at": "2026-11-20T11:00:00Z"}
    post(store, "customers/update", newer)
    work()
    post(store, "customers/update", older)
    work()

    assert profile_of(klaviyo, "ann@mail.alpine-demo.shop")["first_name"] == "Ann"
    assert Event.objects.get(state="skipped").skip == "stale"


def test_unknown_parts_of_a_person_are_left_as_they_are(klaviyo, store, post, work):
    person = {"id": 5, "email": "ann@mail.alpine-demo.shop", "updated_at": "2026-11-20T12:00:00Z"}
    post(store, "customers/update", person | {"last_name": "Lee", "phone": "+4915123456789"})
    work()
    post(store, "customers/update", person | {"updated_at": "2026-11-20T13:00:00Z"})
    work()

    known = profile_of(klaviyo, "ann@mail.alpine-demo.shop")
    assert (known["last_name"], known["phone_number"]) == ("Lee", "+4915123456789")


def test_a_bad_phone_is_dropped_with_a_note_and_the_address_stays(klaviyo, store, post, work):
    person = {"id": 5, "email": "ann@mail.alpine-demo.shop", "updated_at": "2026-11-20T12:00:00Z"}
    post(store, "customers/update", person | {"phone": "12"})
    work()

    assert profile_of(klaviyo, "ann@mail.alpine-demo.shop").get("phone_number") is None
    assert Event.objects.get().note == "phone_dropped"


def test_a_product_becomes_an_item_with_its_variants_and_can_go_again(
    klaviyo, store, post, work, clock
):
    product = {
        "id": 1,
        "title": "Tent",
        "handle": "tent",
        "body_html": "<p>Dry &amp; light</p>",
        "status": "active",
        "published_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-11-20T12:00:00Z",
        "variants": [{"id": 2, "title": "Red", "price": "10.00", "inventory_quantity": 3}],
    }
    post(store, "products/create", product)
    work()
    clock.forward(minutes=1)
    jobs.follow_due(clock=clock, stopping=lambda: False)

    account = klaviyo.accounts["DEMO01"]
    assert [item["attributes"]["title"] for item in account.items.values()] == ["Tent"]
    assert [one["attributes"]["inventory_quantity"] for one in account.variants.values()] == [3]
    assert set(RemoteJob.objects.values_list("state", flat=True)) == {"done"}

    post(
        store,
        "products/update",
        product | {"title": "Tent 2", "updated_at": "2026-11-21T12:00:00Z"},
    )
    work()
    clock.forward(minutes=1)
    jobs.follow_due(clock=clock, stopping=lambda: False)
    assert [item["attributes"]["title"] for item in account.items.values()] == ["Tent 2"]

    clock.forward(days=2)
    post(
        store,
        "products/delete",
        {"id": 1},
        headers={"X-Shopify-Triggered-At": "2026-11-23T12:00:00+00:00"},
    )
    work()
    clock.forward(minutes=1)
    jobs.follow_due(clock=clock, stopping=lambda: False)
    assert account.items == {}


@pytest.mark.skipif(
    not FIXTURES.is_dir(), reason="the published bodies are not beside this project"
)
def test_published_bodies_take_the_whole_road(klaviyo, store, post, work, clock):
    def body(name: str, key: str) -> dict:
        found = json.loads((FIXTURES / f"{name}.json").read_text())[key]
        return found[0] if isinstance(found, list) else found

    for topic, name, key in [
        ("orders/create", "order", "order"),
        ("orders/updated", "orders", "orders"),
        ("refunds/create", "refund", "refund"),
        ("fulfillments/create", "fulfillment", "fulfillment"),
        ("customers/create", "customer", "customer"),
        ("customers/update", "customers_search", "customers"),
        ("products/create", "product", "product"),
        ("checkouts/create", "checkouts", "checkouts"),
        ("inventory_levels/update", "inventory_levels", "inventory_levels"),
    ]:
        assert post(store, topic, body(name, key)).status_code == 200
    work()
    clock.forward(minutes=1)
    jobs.follow_due(clock=clock, stopping=lambda: False)

    assert Event.objects.filter(state="dead").count() == 0
    assert Event.objects.filter(state="waiting").count() == 0
    placed = {one["unique_id"]: one for one in events_of(klaviyo, "Placed Order")}
    assert placed["450789469"]["value"] == 409.94
    assert placed["450789469"]["properties"]["DiscountCode"] == "TENOFF"
    assert len(events_of(klaviyo, "Ordered Product")) >= 3
    [refunded] = events_of(klaviyo, "Refunded Order")
    assert refunded["value"] == 209.0
    assert refunded["unique_id"] == "450789469"
    [fulfilled] = events_of(klaviyo, "Fulfilled Order")
    assert fulfilled["properties"]["TrackingNumbers"] == ["1Z2345"]
    assert profile_of(klaviyo, "bob.norman@hostmail.com")["first_name"] == "Bob"
    assert len(klaviyo.accounts["DEMO01"].variants) == 4
    assert Event.objects.get(topic="inventory_levels/update").skip == "stock_per_location"
