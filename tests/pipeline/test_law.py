"""The law: the same record through every shape gives the same operations."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations.domain.failures import Failure, FailureKind
from integrations.domain.metrics import Settings
from integrations.domain.translation import translate
from integrations.domain.windows import Stretch
from integrations.platforms.shopify import pages, past, webhooks
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


NOW = datetime.now(UTC)
UPDATED = {
    "orders": "orders/updated",
    "customers": "customers/update",
    "products": "products/update",
}
EVER = Stretch(NOW - timedelta(days=3000), NOW + timedelta(days=1))


def everything(client, stream, *, size=40):
    """Every node of a stream's past, page by page."""
    rows, cursor = [], ""
    while True:
        page = pages.read(client, stream, EVER, cursor=cursor, size=size)
        rows += page.rows
        if not (cursor := page.cursor):
            return {row.source_id: row for row in rows}


@pytest.mark.parametrize("stream", ["orders", "customers", "products"])
def test_every_record_says_the_same_in_the_webhooks_and_in_a_windows_shape(shopify, client, stream):
    shelf = {str(row.id): row.body for row in shopify.stores[DOMAIN].memory.shelf(stream).rows()}

    found = everything(client, stream)

    assert found.keys() == shelf.keys()
    for key, body in shelf.items():
        told = webhooks.parse(UPDATED[stream], body, triggered_at=NOW)
        here = translate(told, settings=SETTINGS)
        there = translate(
            past.parse(past.topic(stream), found[key].body, triggered_at=NOW), settings=SETTINGS
        )
        assert (there.skip, there.notes) == (here.skip, here.notes)
        assert [plain(one) for one in there.operations] == [plain(one) for one in here.operations]


def test_a_variants_own_picture_comes_along(shopify, client):
    shelf = shopify.stores[DOMAIN].memory.products
    product = next(one for one in shelf.bodies() if len(one["variants"]) > 2)
    chosen = product["variants"][1]["id"]
    picture = {**product["images"][0], "src": "https://cdn.example/1.jpg", "variant_ids": [chosen]}
    shelf.put({**product, "images": [*product["images"], picture]})

    node = everything(client, "products")[str(product["id"])]

    record = past.parse("past/products", node.body, triggered_at=NOW)
    pictures = {one.source_id: one.image_url for one in record.variants}
    assert pictures.pop(str(chosen)) == picture["src"]
    assert set(pictures.values()) == {None}


def test_a_product_with_more_variants_than_a_page_shows_is_read_whole(shopify, client):
    shelf = shopify.stores[DOMAIN].memory.products
    product = next(shelf.bodies())
    one = product["variants"][0]
    many = [{**one, "id": one["id"] + 7 * n, "title": f"Size {n}"} for n in range(233)]
    shelf.put({**product, "variants": many})

    node = everything(client, "products")[str(product["id"])]

    record = past.parse("past/products", node.body, triggered_at=NOW)
    assert [v.source_id for v in record.variants] == [str(v["id"]) for v in many]


@pytest.mark.parametrize("changed", [False, True])
def test_people_are_found_to_the_second_although_shopify_looks_at_whole_days(
    shopify, client, changed
):
    rows = shopify.stores[DOMAIN].memory.customers.rows()
    moment = sorted(row.updated if changed else row.created for row in rows)[len(rows) // 2]
    start = datetime.fromtimestamp(moment, UTC)
    stretch = Stretch(start, start + timedelta(hours=30))

    page = pages.read(client, "customers", stretch, cursor="", size=250, changed=changed)

    expected = {
        str(row.id)
        for row in rows
        if stretch.since.timestamp()
        <= (row.updated if changed else row.created)
        < stretch.until.timestamp()
    }
    assert {row.source_id for row in page.rows} == expected != set()


def plain(operation):
    return msgspec.json.decode(msgspec.json.encode(operation))


def test_an_order_the_store_does_not_have_is_left_out(client):
    assert fetch_orders(client, ["1"]) == {}


def test_an_order_that_cannot_be_completed_stops_none_of_the_others(shopify, client):
    first, second = [str(row.id) for row in shopify.stores[DOMAIN].memory.orders.rows()[:2]]
    whole = client.query("orders_by_id", {"ids": [gid(first), gid(second)]}, dict)
    whole["nodes"][0]["lineItems"]["pageInfo"]["hasNextPage"] = True
    shopify.script.answer_next(Reply(200, {"data": whole}))
    # Asked for the rest, the shop does not know the order any more.
    shopify.script.answer_next(Reply(200, {"data": {"order": None}}))

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
