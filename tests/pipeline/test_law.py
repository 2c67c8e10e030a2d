"""The law: the same order through every shape gives the same operations."""

import msgspec
import pytest

from integrations.domain.failures import Failure, FailureKind
from integrations.domain.metrics import Settings
from integrations.domain.translation import translate
from integrations.platforms.shopify.client import Shopify as Client
from integrations.platforms.shopify.orders import fetch_orders
from integrations.platforms.shopify.webhooks import ORDER
from integrations.platforms.shopify.webhooks import order as read_webhook
from sandbox.config import ShopConfig
from sandbox.messages import Reply
from sandbox.shop.simulation import call_off, edit_order, give_back, ship
from sandbox.shopify import Shopify

DOMAIN = "law.myshopify.com"
SETTINGS = Settings(scope="1", shop_url=f"https://{DOMAIN}")


@pytest.fixture(scope="module")
def shopify():
    config = ShopConfig(domain=DOMAIN, past_orders=120, seed=11, plan="plus")
    with Shopify(shops=[config]) as server:
        shop = server.stores[DOMAIN].shop
        for _ in range(60):
            # No change of a customer or a product: GraphQL shows those as they are today.
            for happens in (ship, give_back, call_off, edit_order):
                happens(shop)
        yield server


@pytest.fixture(autouse=True)
def _well_behaved(shopify):
    shopify.script.reset()


@pytest.fixture
def client(shopify):
    return Client(f"{shopify.url}/{DOMAIN}", "shpat_demo")


def test_every_order_says_the_same_in_the_webhooks_and_in_graphqls_shape(shopify, client):
    rows = shopify.stores[DOMAIN].memory.orders.rows()
    by_webhook = {str(row.id): read_webhook(ORDER.decode(row.body)) for row in rows}

    by_graphql = fetch_orders(client, by_webhook)

    assert by_graphql.keys() == by_webhook.keys()
    seen = {"refunds": 0, "fulfilments": 0, "cancelled": 0}
    for key, order in by_webhook.items():
        there = translate(by_graphql[key], settings=SETTINGS)
        here = translate(order, settings=SETTINGS)
        assert there.skip == here.skip
        assert there.notes == here.notes
        assert [plain(one) for one in there.operations] == [plain(one) for one in here.operations]
        seen["refunds"] += len(order.refunds)
        seen["fulfilments"] += len(order.fulfilments)
        seen["cancelled"] += order.cancelled_at is not None
    assert all(seen.values()), f"the shop must have had all of these: {seen}"


def plain(operation):
    return msgspec.json.decode(msgspec.json.encode(operation))


def test_an_order_the_store_does_not_have_is_left_out(client):
    assert fetch_orders(client, ["1"]) == {}


def test_an_order_that_came_cut_short_stops_none_of_the_others(shopify, client):
    first, second = [str(row.id) for row in shopify.stores[DOMAIN].memory.orders.rows()[:2]]
    whole = client.query("orders_by_id", {"ids": [gid(first), gid(second)]}, dict)
    whole["nodes"][0]["lineItems"]["pageInfo"]["hasNextPage"] = True
    shopify.script.answer_next(Reply(200, {"data": whole}))

    found = fetch_orders(client, [first, second])

    assert isinstance(found[first], Failure)
    assert found[first].code == "truncated"
    assert found[second].source_id == second


def test_what_was_found_before_a_call_failed_is_kept(shopify, client):
    numbers = sorted(str(row.id) for row in shopify.stores[DOMAIN].memory.orders.rows()[:25])
    shopify.script.answer_next(lambda call: None, times=1)
    shopify.script.answer_next(Reply(200, THROTTLED), times=2)

    found = fetch_orders(client, numbers)

    assert [key for key in numbers if not isinstance(found[key], Failure)] == numbers[:10]
    assert {found[key].kind for key in numbers[10:]} == {FailureKind.RATE_LIMITED}


def gid(number: str) -> str:
    return f"gid://shopify/Order/{number}"


THROTTLED = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {
        "cost": {
            "requestedQueryCost": 460,
            "actualQueryCost": None,
            "throttleStatus": {
                "maximumAvailable": 2000.0,
                "currentlyAvailable": 160,
                "restoreRate": 100.0,
            },
        }
    },
}
WARNED = {
    "data": {"nodes": []},
    "extensions": {"search": [{"path": ["nodes"], "warnings": [{"message": "Invalid field"}]}]},
}


def coded(code: str) -> dict:
    return {"errors": [{"message": "No.", "extensions": {"code": code}}], "data": {"nodes": []}}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, THROTTLED), FailureKind.RATE_LIMITED),
        (Reply(200, coded("ACCESS_DENIED")), FailureKind.AUTH),
        (Reply(200, coded("SHOP_INACTIVE")), FailureKind.AUTH),
        (Reply(200, coded("MAX_COST_EXCEEDED")), FailureKind.TOO_LARGE),
        (Reply(200, coded("INTERNAL_SERVER_ERROR")), FailureKind.TRANSIENT),
        (Reply(200, {"errors": "Something new", "data": {"nodes": []}}), FailureKind.UNEXPECTED),
        (Reply(200, WARNED), FailureKind.UNEXPECTED),
        (Reply(200, {"data": None}), FailureKind.UNEXPECTED),
        (Reply(200, {}), FailureKind.UNEXPECTED),
        (Reply(200, b"<html>"), FailureKind.UNEXPECTED),
        (Reply(200, b'{"data": "\xff"}'), FailureKind.UNEXPECTED),
        (Reply(401, {"errors": "[API] Invalid API key"}), FailureKind.AUTH),
        (Reply(402), FailureKind.AUTH),
        (Reply(403), FailureKind.AUTH),
        (Reply(404), FailureKind.AUTH),
        (Reply(423), FailureKind.AUTH),
        (Reply(429, headers={"Retry-After": "2.0"}), FailureKind.RATE_LIMITED),
        (Reply(430), FailureKind.RATE_LIMITED),
        (Reply(418), FailureKind.UNEXPECTED),
        (Reply(503), FailureKind.TRANSIENT),
    ],
    ids=lambda one: str(getattr(one, "status", one)),
)
def test_an_empty_or_partial_answer_is_never_success(shopify, client, reply, kind):
    shopify.script.answer_next(reply)

    failure = fetch_orders(client, ["1"])["1"]

    assert failure.kind is kind
    if reply.body is THROTTLED:
        assert failure.retry_after.total_seconds() == pytest.approx(3.0)
    if reply.headers:
        assert failure.retry_after.total_seconds() == 2.0


def test_a_token_is_never_shown(client):
    assert "shpat_demo" not in repr(client)
