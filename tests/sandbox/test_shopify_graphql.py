"""What a client sees when it asks a shop."""

import requests

from tests.sandbox.conftest import DOMAIN

WINDOW = """
query Window($first: Int!, $after: String, $q: String) {
  orders(first: $first, after: $after, query: $q, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes { id legacyResourceId updatedAt totalPriceSet { shopMoney { amount } }
      lineItems(first: 50) { nodes { id sku product { id } } } } } }
"""
ALL = "updated_at:>='2026-01-01T00:00:00Z' AND updated_at:<'2027-01-01T00:00:00Z'"


def test_a_window_is_paged_to_its_end_without_gaps_or_repeats(shopify):
    seen, after = [], None
    while True:
        page = shopify.ask(WINDOW, first=25, after=after, q=ALL)["data"]["orders"]
        seen += [node["legacyResourceId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert len(seen) == len(set(seen)) == 60


def test_a_window_is_half_open_and_sorted(shopify):
    times = [
        node["updatedAt"]
        for node in shopify.ask(WINDOW, first=100, q=ALL)["data"]["orders"]["nodes"]
    ]
    since, until = times[10], times[20]

    query = f"updated_at:>='{since}' AND updated_at:<'{until}'"
    found = shopify.ask(WINDOW, first=100, q=query)["data"]["orders"]["nodes"]

    assert times == sorted(times)
    assert [node["updatedAt"] for node in found] == [t for t in times if since <= t < until]


def test_an_unquoted_instant_is_warned_about_and_filters_nothing(shopify):
    answer = shopify.ask(WINDOW, first=100, q="updated_at:>=2026-11-01T04:45:00Z")

    [search] = answer["extensions"]["search"]
    assert search["warnings"][0] == {
        "field": "45",
        "message": "Invalid search field for this query.",
        "code": "invalid_field",
    }
    assert len(answer["data"]["orders"]["nodes"]) == 60


def test_an_unknown_field_is_warned_about_and_filters_nothing(shopify):
    answer = shopify.ask(WINDOW, first=100, q="colour:red")

    assert answer["extensions"]["search"][0]["warnings"][0]["field"] == "colour"
    assert len(answer["data"]["orders"]["nodes"]) == 60


def test_words_are_joined_by_and_or_binds_tighter(shopify):
    first, second = shopify.ask(WINDOW, first=2, q=ALL)["data"]["orders"]["nodes"]
    ids = [node["legacyResourceId"] for node in (first, second)]

    either = shopify.ask(WINDOW, first=9, q=f"id:{ids[0]} OR id:{ids[1]}")
    both = shopify.ask(WINDOW, first=9, q=f"id:{ids[0]} id:{ids[1]}")
    others = shopify.ask(WINDOW, first=100, q=f"-id:{ids[0]}")

    found = [len(answer["data"]["orders"]["nodes"]) for answer in (either, both, others)]
    assert found == [2, 0, 59]


def test_the_price_follows_the_published_formula(shopify):
    answer = shopify.ask(WINDOW, first=25, q=ALL)

    # node 1, money 2, lines 2 + 7 * (node 1, product 1) = 16; 2 + 6 * 19
    assert answer["extensions"]["cost"]["requestedQueryCost"] == 116


def test_a_query_over_a_thousand_points_is_refused_before_it_runs(shopify):
    wanted = "product { id } variant { id } image { url } customAttributes { key }"
    lines = f"lineItems(first: 250) {{ nodes {{ {wanted} }} }}"
    query = f"{{ orders(first: 250) {{ nodes {{ a: {lines} b: {lines} }} }} }}"

    [error] = shopify.ask(query)["errors"]

    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert error["extensions"]["maxCost"] == 1000


def test_an_empty_bucket_throttles_with_200_and_fills_again(shopify, clock):
    answers = [shopify.ask("{ shop { id } }")]
    shopify.server.stores[DOMAIN].bucket.spend(1999, clock())

    throttled = shopify.ask(WINDOW, first=25, q=ALL)
    clock.forward(2)
    after = shopify.ask(WINDOW, first=25, q=ALL)

    assert answers[0]["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 1999
    assert throttled["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "data" not in throttled
    assert throttled["extensions"]["cost"]["actualQueryCost"] is None
    assert "errors" not in after


def test_the_unused_part_of_a_price_comes_back(shopify):
    answer = shopify.ask(WINDOW, first=25, q="id:1")

    cost = answer["extensions"]["cost"]
    spent = (
        cost["throttleStatus"]["maximumAvailable"] - cost["throttleStatus"]["currentlyAvailable"]
    )
    assert spent == cost["actualQueryCost"] < cost["requestedQueryCost"]


def test_nodes_that_are_gone_are_null(shopify):
    [node] = shopify.ask(WINDOW, first=1, q=ALL)["data"]["orders"]["nodes"]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Order { name } } }"

    found = shopify.ask(query, ids=[node["id"], "gid://shopify/Order/1"])["data"]["nodes"]

    assert [found[0]["__typename"], found[1]] == ["Order", None]


def test_orders_older_than_sixty_days_need_a_scope(shopify):
    shopify.script(scopes={DOMAIN: ["read_orders"]})

    found = shopify.ask(WINDOW, first=100, q=ALL)["data"]["orders"]["nodes"]

    assert 0 < len(found) < 60


def test_counts_say_when_they_stopped_counting(shopify):
    query = """{ some: ordersCount(limit: 5) { count precision }
      all: ordersCount(limit: null) { count precision } }"""

    found = shopify.ask(query)["data"]

    assert found["some"] == {"count": 5, "precision": "AT_LEAST"}
    assert found["all"] == {"count": 60, "precision": "EXACT"}


def test_refunds_and_fulfilments_are_told_with_their_lines(shopify):
    query = """query($id: ID!) { order(id: $id) {
      fulfillments(first: 5) { status
        fulfillmentLineItems(first: 50) { nodes { quantity lineItem { id } } } }
      refunds(first: 5) { processedAt totalRefundedSet { shopMoney { amount } }
        transactions(first: 5) { nodes { kind amountSet { shopMoney { amount } } } }
        refundLineItems(first: 50) { nodes { quantity restockType lineItem { sku }
          subtotalSet { shopMoney { amount } } } } } } }"""
    orders = shopify.look("orders", limit="100")["orders"]
    refunded = next(o for o in orders if o["refunds"])
    shipped = next(o for o in orders if o["fulfillments"])

    one = shopify.ask(query, id=refunded["admin_graphql_api_id"])["data"]["order"]
    other = shopify.ask(query, id=shipped["admin_graphql_api_id"])["data"]["order"]

    money = refunded["refunds"][0]["transactions"][0]["amount"]
    assert one["refunds"][0]["totalRefundedSet"]["shopMoney"]["amount"] == money
    assert len(one["refunds"][0]["refundLineItems"]["nodes"]) == len(
        refunded["refunds"][0]["refund_line_items"]
    )
    assert other["fulfillments"][0]["status"] == "SUCCESS"


def test_a_field_that_does_not_exist_is_refused(shopify):
    assert "Cannot query field" in shopify.ask("{ shop { colour } }")["errors"][0]["message"]


def test_a_connection_needs_a_size(shopify):
    assert shopify.ask("{ orders { nodes { id } } }")["errors"]


def test_a_wrong_token_gets_shopifys_words(shopify):
    url = f"{shopify.server.url}/{DOMAIN}/admin/api/2026-10/graphql.json"

    answer = requests.post(url, json={"query": "{ shop { id } }"}, timeout=5)

    assert answer.status_code == 401
    assert answer.json()["errors"].startswith("[API] Invalid API key or access token")


def test_the_shop_can_be_named_by_the_host_header(shopify):
    url = f"{shopify.server.url}/admin/api/2026-10/graphql.json"
    headers = {"X-Shopify-Access-Token": "shpat_demo", "Host": DOMAIN}

    answer = requests.post(
        url, json={"query": "{ shop { myshopifyDomain } }"}, headers=headers, timeout=5
    )

    assert answer.json()["data"]["shop"]["myshopifyDomain"] == DOMAIN
    assert answer.headers["X-Shopify-API-Version"] == "2026-10"
