"""What a shop does not show to an app without the permission."""

import pytest

from tests.sandbox.test_shopify_webhooks import SUBSCRIBE, Receiver, send, subscribe

COUNT = "{ ordersCount { count } }"


@pytest.fixture
def console():
    with Receiver() as receiver:
        yield receiver


def grant(shopify, *scopes):
    shopify.act("grant", scopes=list(scopes))


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ("{ orders(first: 1) { nodes { id } } }", "read_orders"),
        ("{ abandonedCheckouts(first: 1) { nodes { id } } }", "read_orders"),
        ("{ customers(first: 1) { nodes { id } } }", "read_customers"),
        ("{ products(first: 1) { nodes { id } } }", "read_products"),
        ("{ inventoryItems(first: 1) { nodes { id } } }", "read_inventory"),
        ("{ locations(first: 1) { nodes { id } } }", "read_locations"),
    ],
)
def test_a_field_without_its_scope_is_denied_in_shopifys_words(shopify, query, scope):
    assert "errors" not in shopify.ask(query)
    field = query.split("(")[0].strip("{ ")

    shopify.act("take_scope", scope=scope)
    answer = shopify.query(query)

    assert answer.status_code == 200
    [error] = answer.json()["errors"]
    required = f"`{scope}` access scope."
    assert error["message"] == f"Access denied for {field} field. Required access: {required}"
    assert error["path"] == [field]
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert error["extensions"]["requiredAccess"] == required


def test_one_denied_field_leaves_the_rest_of_the_answer(shopify):
    shopify.act("take_scope", scope="read_orders")

    answer = shopify.ask("{ shop { name } ordersCount { count } }")

    assert answer["data"] == {"shop": {"name": "Demo shop"}, "ordersCount": None}
    assert len(answer["errors"]) == 1


def test_a_node_needs_the_scope_of_what_it_is(shopify):
    gid = shopify.ask("{ orders(first: 1) { nodes { id } } }")["data"]["orders"]["nodes"][0]["id"]
    shopify.act("take_scope", scope="read_orders")

    answer = shopify.ask("query($id: ID!) { node(id: $id) { id } }", id=gid)

    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


def test_without_all_orders_the_old_ones_are_out_of_sight(shopify):
    everything = shopify.ask(COUNT)["data"]["ordersCount"]["count"]

    shopify.act("take_scope", scope="read_all_orders")

    assert 0 < shopify.ask(COUNT)["data"]["ordersCount"]["count"] < everything


def test_a_topic_needs_its_scope(shopify, console):
    grant(shopify, "read_products")

    refused = subscribe(shopify, console, "ORDERS_CREATE")
    allowed = subscribe(shopify, console, "APP_UNINSTALLED")

    assert refused["webhookSubscription"] is None
    assert "do not have permission" in refused["userErrors"][0]["message"]
    assert allowed["userErrors"] == []


def test_nothing_is_told_of_what_may_no_longer_be_seen(shopify, console):
    subscribe(shopify, console)

    shopify.act("take_scope", scope="read_orders")
    send(shopify)

    assert console.got == []


def test_a_change_of_permissions_is_told(shopify, console):
    subscribe(shopify, console, "APP_SCOPES_UPDATE")

    grant(shopify, "read_products")
    grant(shopify, "read_products")
    assert shopify.server.sender.drain(10)

    [call] = console.got
    assert call.headers["x-shopify-topic"] == "app/scopes_update"
    assert call.json["current"] == ["read_products"]
    assert "read_orders" in call.json["previous"]


def test_a_new_login_with_other_scopes_is_told_too(shopify, console):
    subscribe(shopify, console, "APP_SCOPES_UPDATE")

    shopify.login(scope="read_orders,read_customers")
    assert shopify.server.sender.drain(10)

    assert console.got[0].json["current"] == ["read_orders", "read_customers"]


def test_a_name_of_a_subscription_is_checked(shopify, console):
    sub = {"uri": f"{console.url}/hooks", "format": "JSON"}
    good, bad = {**sub, "name": "orders-1"}, {**sub, "name": "x" * 51}

    refused = shopify.ask(SUBSCRIBE, topic="ORDERS_CREATE", sub=bad)["data"]
    made = shopify.ask(SUBSCRIBE, topic="ORDERS_CREATE", sub=good)["data"]

    assert refused["webhookSubscriptionCreate"]["userErrors"][0]["field"][-1] == "name"
    assert made["webhookSubscriptionCreate"]["userErrors"] == []
