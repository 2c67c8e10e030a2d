"""Made-up shops are repeatable, consistent and varied."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.generator import Shop, ShopMemory
from sandbox.klaviyo.checks import is_email, is_thrown_away

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
DOMAIN = "alpine-demo.myshopify.com"


def still() -> datetime:
    return START


@pytest.fixture(scope="module")
def told():
    shop = Shop(DOMAIN, seed=7, clock=still)
    return [one for _ in range(2500) for one in shop.next_happening()]


@pytest.fixture(scope="module")
def orders(told):
    return [one.body for one in told if one.topic == "orders/create"]


def test_the_same_seed_tells_the_same_story():
    one, two = (Shop(DOMAIN, seed=7, clock=still) for _ in range(2))

    assert [one.next_happening() for _ in range(200)] == [two.next_happening() for _ in range(200)]


def test_another_seed_tells_another_story():
    one, two = (Shop(DOMAIN, seed=seed, clock=still) for seed in (1, 2))

    assert one.next_happening() != two.next_happening()


def test_every_topic_comes_up(told):
    assert {
        "orders/create", "orders/updated", "orders/cancelled", "orders/paid", "orders/fulfilled",
        "orders/partially_fulfilled", "refunds/create", "fulfillments/create", "customers/create",
        "customers/update", "customers_email_marketing_consent/update", "products/create",
        "customers_marketing_consent/update", "products/update", "products/delete",
        "inventory_levels/update", "checkouts/create", "checkouts/update",
    } <= {one.topic for one in told}  # fmt: skip


def test_awkward_orders_come_up(orders):
    assert any(order["email"] is None and order["phone"] for order in orders)
    assert any(order["email"] is None and order["phone"] is None for order in orders)
    assert any(order["customer"] is None and order["email"] for order in orders)
    assert any(order["total_price"] == "0.00" for order in orders)
    assert any(order["currency"] != order["presentment_currency"] for order in orders)
    assert any(len(order["line_items"]) == 200 for order in orders)
    assert any(order["id"] > 2**53 for order in orders)
    assert any(order["test"] for order in orders)
    assert any(order["source_name"] == "shopify_draft_order" for order in orders)
    assert any("\u2028" in (order["note"] or "") for order in orders)


def test_ids_are_never_used_twice(orders):
    ids = Counter(order["id"] for order in orders)

    assert max(ids.values()) == 1


def test_an_order_weighs_about_ten_kilobytes(orders):
    sizes = sorted(len(json.dumps(order)) for order in orders)

    assert 6_000 < sizes[len(sizes) // 2] < 16_000


def test_refunds_refer_to_orders_that_were_told_before(told):
    known = set()
    for one in told:
        if one.topic == "orders/create":
            known.add(one.body["id"])
        elif one.topic in ("refunds/create", "fulfillments/create"):
            assert one.body["order_id"] in known


def test_nothing_is_refunded_beyond_what_was_paid(told):
    last = {one.body["id"]: one.body for one in told if one.topic == "orders/updated"}

    assert all(not order["current_total_price"].startswith("-") for order in last.values())


def test_addresses_are_ones_klaviyo_keeps(orders):
    emails = [order["email"] for order in orders if order["email"]]

    assert not any(is_thrown_away({"email": email}) for email in emails)
    assert sum(is_email(email) for email in emails) > 0.98 * len(emails)


def test_a_restarted_shop_draws_no_id_twice():
    memory = ShopMemory(DOMAIN)
    first = Shop(DOMAIN, clock=still, memory=memory)
    before = {one.body.get("id") for _ in range(200) for one in first.next_happening()}
    again = ShopMemory(DOMAIN)
    again.load(memory.dump())

    second = Shop(DOMAIN, clock=still, memory=again)
    created = [
        one.body["id"]
        for _ in range(200)
        for one in second.next_happening()
        if one.topic == "orders/create"
    ]

    assert not before & set(created)


def test_a_past_is_spread_over_its_time():
    shop = Shop(DOMAIN, clock=still)

    shop.fill(50, over=timedelta(days=50))

    created = [row.created for row in shop.memory.orders.rows()]
    assert len(created) == 50
    assert created == sorted(created)
    assert min(created) == (START - timedelta(days=50)).timestamp()
