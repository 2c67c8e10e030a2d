"""The law, for exports: an order out of one gives the same operations as its webhook."""

import json

import msgspec
import pytest
import requests

from integrations.domain.metrics import Settings
from integrations.domain.translation import translate
from integrations.domain.windows import EARLIEST, Stretch
from integrations.platforms.downloads import opened
from integrations.platforms.shopify import bulk, bulk_lines, pages, past
from integrations.platforms.shopify.bulk import Status
from integrations.platforms.shopify.client import Shopify as Client
from integrations.platforms.shopify.orders import AT_ONCE
from integrations.platforms.shopify.webhooks import ORDER
from integrations.platforms.shopify.webhooks import order as read_webhook
from integrations.platforms.shopify.whole_orders import MOST_BY_ID
from sandbox.config import ShopConfig
from sandbox.shop.simulation import call_off, edit_order, give_back, ship
from sandbox.shopify import Shopify

DOMAIN = "law-of-bulk.myshopify.com"
SETTINGS = Settings(scope="1", shop_url=f"https://{DOMAIN}")


@pytest.fixture(scope="module")
def shop():
    config = ShopConfig(domain=DOMAIN, past_orders=120, seed=11, plan="plus")
    with Shopify(shops=[config]) as server:
        server.bulk.seconds = 0.0
        for _ in range(60):
            for happens in (ship, give_back, call_off, edit_order):
                happens(server.stores[DOMAIN].shop)
        yield server


@pytest.fixture
def client(shop):
    return Client(f"{shop.url}/{DOMAIN}", "shpat_demo")


def exported(client, shop, stream):
    stretch = Stretch(EARLIEST, shop.utc_now().replace(year=2040))
    text = bulk.query(stream, stretch, name="SyncConsole_law")
    begun = bulk.run(client, text).data
    run = bulk.look(client, begun.id).data
    assert run.status is Status.COMPLETED
    with opened(run.link) as file:
        content = b"".join(file.pieces)
    return run, [bulk_lines.read_line(line) for line in content.split(b"\n") if line]


def nodes_of(stream, lines):
    children = {}
    for line in lines:
        if not line.is_root:
            children.setdefault(line.owner, []).append(line.body)
    roots = [line for line in lines if line.is_root]
    return [bulk_lines.assembled(stream, r.body, children.get(r.owner, ())) for r in roots]


def parsed(stream, body):
    return past.parse(past.topic(stream), body, triggered_at=None)


def said(record):
    found = translate(record, settings=SETTINGS)
    return found.skip, found.notes, json.loads(msgspec.json.encode(found.operations))


def test_every_order_says_the_same_in_the_webhooks_and_in_an_export(shop, client):
    run, lines = exported(client, shop, "orders")
    nodes = nodes_of("orders", lines)
    by_id = {node.row.source_id: node for node in nodes}
    lacking = [node.row.source_id for node in nodes if node.lacks]
    for start in range(0, len(lacking), AT_ONCE):
        fetched = bulk_lines.fetch_whole(client, lacking[start : start + AT_ONCE]).data
        for key, row in fetched.items():
            by_id[key] = bulk_lines.Node(bulk_lines.completed(by_id[key].row, row), lacks=False)

    rows = shop.stores[DOMAIN].memory.orders.rows()
    seen = {"refunds": 0, "parcels without a call": 0, "parcels with a call": 0, "none": 0}
    seen["more than one call shows"] = 0
    assert len(by_id) == len(rows) == run.roots
    for row in rows:
        order = read_webhook(ORDER.decode(row.body))
        assert said(parsed("orders", by_id[str(row.id)].row.body)) == said(order)
        seen["refunds"] += len(order.refunds)
        has_call = str(row.id) in lacking
        if order.fulfilments:
            seen[f"parcels {'with' if has_call else 'without'} a call"] += 1
        parts = (*order.refunds, *order.fulfilments)
        seen["more than one call shows"] += any(len(part.lines) > MOST_BY_ID for part in parts)
        seen["none"] += not order.fulfilments and not order.refunds
    assert all(seen.values()), f"the shop must have had all of these: {seen}"


def test_every_person_says_the_same_on_a_page_and_in_an_export(shop, client):
    _, lines = exported(client, shop, "customers")
    nodes = {node.row.source_id: node.row for node in nodes_of("customers", lines)}
    stretch = Stretch(EARLIEST, shop.utc_now().replace(year=2040))
    page = pages.read(client, "customers", stretch, cursor="", size=250)

    assert nodes.keys() == {row.source_id for row in page.rows}
    for row in page.rows:
        there = parsed("customers", row.body)
        assert said(parsed("customers", nodes[row.source_id].body)) == said(there)


def order(**changes):
    node = {
        "id": "gid://shopify/Order/1",
        "legacyResourceId": "1",
        "createdAt": "2026-11-01T00:00:00Z",
        "updatedAt": "2026-11-01T00:00:00Z",
        "refunds": [],
        "fulfillments": [],
    }
    return json.dumps(node | changes).encode()


def parcel(quantity, trackings=1):
    return {"totalQuantity": quantity, "trackingInfo": [{"number": "1"}] * trackings}


LINES = [b'{"id":"gid://shopify/LineItem/1","quantity":2}', b'{"id":"2","quantity":1}']


@pytest.mark.parametrize(
    ("changes", "lacks"),
    [
        ({}, False),
        ({"refunds": [{"legacyResourceId": "5"}]}, True),
        ({"fulfillments": [parcel(3)]}, False),
        ({"fulfillments": [parcel(2)]}, True),
        ({"fulfillments": [parcel(3), parcel(0)]}, True),
        ({"fulfillments": [parcel(3, trackings=6)]}, True),
    ],
)
def test_details_are_asked_for_only_where_they_do_not_follow(changes, lacks):
    node = bulk_lines.assembled("orders", order(**changes), LINES)

    assert node.lacks is lacks
    assert len(json.loads(node.row.body)["lineItems"]["nodes"]) == 2


def test_a_link_is_never_shown(shop, client):
    run, _ = exported(client, shop, "customers")

    assert "Signature" not in f"{run!r} {run.link} {run}"
    assert requests.get(run.link.reveal(), timeout=5).status_code == 200
