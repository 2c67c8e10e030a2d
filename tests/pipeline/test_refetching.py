"""A failed record read from its store once more: as it is now, once, and never lost on the way."""

import json

import pytest

from integrations.domain.lanes import Lane
from integrations.models import AuditEntry, DeadLetter, Event, ShopBudget
from integrations.pipeline import audit, refetching
from integrations.pipeline.repairs import Refused
from sandbox.config import ShopConfig
from sandbox.messages import Reply
from sandbox.shopify import Shopify
from tests import factories as a

from .conftest import events_of

DOMAIN = "afresh.myshopify.com"


@pytest.fixture
def shopify(settings):
    with Shopify(shops=[ShopConfig(domain=DOMAIN, past_orders=5, seed=3)]) as server:
        settings.SHOPIFY_BASE_URL = server.url + "/{shop}"
        yield server


@pytest.fixture
def shop(transactional_db):
    return a.a_store(token="shpat_demo", domain=DOMAIN)


@pytest.fixture
def olive(shop):
    return audit.person(a.a_member(shop.merchant, "olive@alpine-demo.shop"))


def an_order(shopify):
    bodies = shopify.stores[DOMAIN].memory.orders.bodies()
    return next(one for one in bodies if one["email"] and not one["test"])


def a_failed(shop, topic, body, **changes):
    event = a.an_event(shop, topic=topic, body=json.dumps(body).encode(), state="dead")
    return a.a_dead_letter(shop, event=event, **changes)


def test_the_order_goes_its_way_as_it_is_now(klaviyo, shopify, shop, olive, work, clock):
    order = an_order(shopify)
    failed = a_failed(shop, "orders/create", {"id": order["id"], "email": "not an address"})

    event = refetching.afresh(failed, by=olive, now=clock())

    failed.refresh_from_db()
    assert (failed.state, failed.replaced_by) == ("sending", event)
    assert (event.lane, event.topic) == (Lane.REPLAY, "past/orders")
    assert event.webhook_id == f"afresh:{failed.public_id}:1"
    assert AuditEntry.objects.get(action="record.fetched").actor_name == olive.name
    work()
    assert str(order["id"]) in {one["unique_id"] for one in events_of(klaviyo, "Placed Order")}
    assert Event.objects.get(pk=event.pk).state == "delivered"


def test_a_second_click_fetches_nothing_twice(shopify, shop, olive, clock):
    failed = a_failed(shop, "orders/create", {"id": an_order(shopify)["id"]})
    refetching.afresh(failed, by=olive, now=clock())

    with pytest.raises(Refused):
        refetching.afresh(failed, by=olive, now=clock())

    assert Event.objects.filter(webhook_id__startswith="afresh:").count() == 1


def test_a_record_that_failed_again_is_fetched_under_another_name(shopify, shop, olive, clock):
    failed = a_failed(shop, "orders/create", {"id": an_order(shopify)["id"]})
    refetching.afresh(failed, by=olive, now=clock())
    DeadLetter.objects.update(state="open")
    failed.refresh_from_db()

    again = refetching.afresh(failed, by=olive, now=clock())

    assert again.webhook_id == f"afresh:{failed.public_id}:2"


@pytest.mark.parametrize(("stream", "topic"), [("customers", "customers/update"),
                                               ("products", "products/update")])  # fmt: skip
def test_people_and_products_are_read_by_their_number(shopify, shop, olive, clock, stream, topic):
    memory = shopify.stores[DOMAIN].memory
    body = next(iter(getattr(memory, stream).bodies()))
    failed = a_failed(shop, topic, {"id": body["id"]}, kind="", identity="x")

    event = refetching.afresh(failed, by=olive, now=clock())

    assert event.topic == f"past/{stream}"
    assert str(json.loads(bytes(event.body))["legacyResourceId"]) == str(body["id"])


def test_what_the_shop_no_longer_has_stays_open_and_says_so(shopify, shop, olive, clock):
    for topic in ("orders/create", "customers/update", "products/update"):
        failed = a_failed(shop, topic, {"id": 1})

        with pytest.raises(Refused, match="no longer has this"):
            refetching.afresh(failed, by=olive, now=clock())

        failed.refresh_from_db()
        assert failed.state == "open"
    assert not Event.objects.filter(webhook_id__startswith="afresh:").exists()


def test_what_a_shop_does_not_keep_cannot_be_asked_for(shopify, shop, olive, clock):
    failed = a_failed(shop, "checkouts/create", {"id": 5}, kind="started_checkout")

    with pytest.raises(Refused, match="does not keep"):
        refetching.afresh(failed, by=olive, now=clock())

    # Not even points were taken for it.
    assert not ShopBudget.objects.exists()


def test_a_login_that_does_not_work_leaves_the_record_open(shopify, transactional_db, clock):
    shop = a.a_store(token="shpat_wrong", domain=DOMAIN)
    by = audit.person(a.a_member(shop.merchant))
    failed = a_failed(shop, "orders/create", {"id": 1})

    for _ in range(2):
        with pytest.raises(Refused, match="login of the shop does not work"):
            refetching.afresh(failed, by=by, now=clock())

    failed.refresh_from_db()
    assert failed.state == "open"


def test_a_shop_that_fails_leaves_the_record_open(shopify, shop, olive, clock):
    failed = a_failed(shop, "orders/create", {"id": 1})
    shopify.script.answer_next(Reply(502))

    with pytest.raises(Refused, match="did not give it to us"):
        refetching.afresh(failed, by=olive, now=clock())

    failed.refresh_from_db()
    assert failed.state == "open"


def test_points_are_left_to_live_work(shopify, shop, olive, clock):
    failed = a_failed(shop, "orders/create", {"id": an_order(shopify)["id"]})
    ShopBudget.objects.create(
        store=shop, maximum=2000, available=10, restore_rate=1, updated_at=clock()
    )

    with pytest.raises(Refused, match="limit is used up"):
        refetching.afresh(failed, by=olive, now=clock())


def test_a_message_whose_content_is_gone_is_found_by_its_number(shopify, shop, olive, clock):
    order = an_order(shopify)
    failed = a_failed(shop, "orders/create", {}, source_id=str(order["id"]))
    Event.objects.update(body=b"")

    assert refetching.afresh(failed, by=olive, now=clock()).topic == "past/orders"
