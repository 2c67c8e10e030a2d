"""A refund or a parcel whose order never told us of itself is placed with the store's help."""

import json

import pytest

from integrations.domain.failures import FailureKind
from integrations.models import Credential, DeadLetter, Event
from integrations.pipeline import upkeep
from integrations.pipeline.endings import ORDER_UNKNOWN_TRIES
from integrations.pipeline.login_states import WAITS
from sandbox.config import ShopConfig
from sandbox.messages import Reply
from sandbox.shopify import Shopify
from tests import factories

from .conftest import events_of

DOMAIN = "lookups.myshopify.com"


@pytest.fixture
def shopify(settings):
    with Shopify(shops=[ShopConfig(domain=DOMAIN, past_orders=5, seed=3)]) as server:
        settings.SHOPIFY_BASE_URL = server.url + "/{shop}"
        yield server


@pytest.fixture
def shop(transactional_db):
    return factories.a_store(token="shpat_demo", domain=DOMAIN)


def given_refund(shop, order, number=77):
    paid = {"kind": "refund", "status": "success", "amount": "3.00"}
    body = {
        "id": number,
        "order_id": order,
        "created_at": "2026-11-20T12:00:00Z",
        "transactions": [paid],
    }
    return factories.an_event(shop, topic="refunds/create", body=json.dumps(body).encode())


def an_order_with_an_address(shopify):
    bodies = shopify.stores[DOMAIN].memory.orders.bodies()
    return next(one for one in bodies if one["email"] and not one["test"] and not one["refunds"])


def test_the_order_is_fetched_and_told_with_the_refund_that_is_newer_than_it(
    klaviyo, shopify, shop, work
):
    order = an_order_with_an_address(shopify)
    given_refund(shop, order["id"])

    work()

    assert Event.objects.get().state == "delivered"
    [placed] = events_of(klaviyo, "Placed Order")
    assert placed["unique_id"] == str(order["id"])
    [refund] = events_of(klaviyo, "Refunded Order")
    assert (refund["unique_id"], refund["value"]) == (str(order["id"]), 3.0)
    assert refund["email"] == placed["email"]


def test_an_order_nobody_knows_is_waited_for_and_then_a_persons_question(
    klaviyo, shopify, shop, work, clock
):
    given_refund(shop, 12345)

    for _ in range(ORDER_UNKNOWN_TRIES + 2):
        work()
        clock.forward(hours=2)

    letter = DeadLetter.objects.get()
    assert (letter.cause.platform, letter.cause.code) == ("shopify", "order_unknown")
    assert letter.attempts == ORDER_UNKNOWN_TRIES
    assert Event.objects.get().state == "dead"


def test_trouble_of_the_store_is_waited_out(klaviyo, shopify, shop, work, clock):
    shopify.script.answer_next(Reply(500))
    given_refund(shop, an_order_with_an_address(shopify)["id"])

    work()
    event = Event.objects.get()
    assert event.state == "waiting"
    assert event.tries.get().kind == FailureKind.TRANSIENT
    clock.forward(hours=2)
    work()

    assert Event.objects.get().state == "delivered"
    assert len(events_of(klaviyo, "Refunded Order")) == 1


def test_a_refused_login_holds_what_needs_it_and_lets_it_go_when_it_works_again(
    klaviyo, shopify, shop, work, clock
):
    shopify.script.answer_next(Reply(401, {"errors": "[API] Invalid API key"}))
    given_refund(shop, an_order_with_an_address(shopify)["id"])

    work()
    asked = len(shopify.calls)
    clock.forward(minutes=61)
    work()
    clock.forward(minutes=61)
    work()

    assert len(shopify.calls) == asked, "a login that does not work is not tried in vain"
    waiting = Event.objects.get()
    assert (waiting.state, waiting.attempts, waiting.failures) == ("waiting", 0, 0)
    assert waiting.last_error == WAITS
    upkeep.check_due(clock=clock, stopping=lambda: False)
    work()
    assert Event.objects.get().state == "delivered"
    assert len(events_of(klaviyo, "Refunded Order")) == 1


def test_a_throttled_look_up_costs_no_try(klaviyo, shopify, shop, work, clock):
    shopify.script.answer_next(Reply(429, {"errors": "Throttled"}, {"Retry-After": "2.0"}))
    given_refund(shop, an_order_with_an_address(shopify)["id"])

    work()
    assert Event.objects.values_list("state", "attempts", "failures").get() == ("waiting", 0, 0)
    clock.forward(seconds=3)
    work()

    assert Event.objects.get().state == "delivered"


def test_a_login_nobody_can_read_stops_only_what_needs_it(klaviyo, shopify, shop, work, settings):
    Credential.objects.filter(store=shop).update(secret=b"not ours")
    given_refund(shop, 12345)
    person = {"id": 5, "email": "ann@mail.alpine-demo.shop", "updated_at": "2026-11-20T12:00:00Z"}
    factories.an_event(shop, topic="customers/update", body=json.dumps(person).encode())

    work()

    states = dict(Event.objects.values_list("topic", "state"))
    assert states == {"refunds/create": "waiting", "customers/update": "delivered"}
