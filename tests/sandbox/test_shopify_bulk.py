"""What an app sees of bulk operations: begin, follow, fetch, and everything that goes wrong."""

import json

import pytest
import requests

from tests.sandbox.conftest import DOMAIN

RUN = """
mutation Run($q: String!) { bulkOperationRunQuery(query: $q, groupObjects: false) {
  bulkOperation { id status type createdAt } userErrors { code field message } } }
"""
LOOK = """
query Look($id: ID!) { bulkOperation(id: $id) { id type status errorCode createdAt completedAt
  objectCount rootObjectCount fileSize url partialDataUrl query } }
"""
LIST = """
query List($q: String) { bulkOperations(first: 20, query: $q, sortKey: CREATED_AT, reverse: true) {
  nodes { id status query } } }
"""
CANCEL = """
mutation Cancel($id: ID!) { bulkOperationCancel(id: $id) {
  bulkOperation { id status } userErrors { field message } } }
"""
ORDERS = """{ orders(query: "id:>1", sortKey: CREATED_AT) { edges { node {
  id name updatedAt fulfillments { id totalQuantity }
  lineItems { edges { node { id sku quantity } } } } } } }"""


def run(shopify, query=ORDERS):
    return shopify.ask(RUN, q=query)["data"]["bulkOperationRunQuery"]


def started(shopify, query=ORDERS):
    return run(shopify, query)["bulkOperation"]["id"]


def look(shopify, gid):
    return shopify.ask(LOOK, id=gid)["data"]["bulkOperation"]


def finished(shopify, clock, query=ORDERS):
    gid = started(shopify, query)
    clock.forward(5)
    return look(shopify, gid)


def script(shopify, **settings):
    shopify.script(bulk=settings)


def test_a_run_takes_its_time_and_leaves_a_file_that_needs_no_token(shopify, clock):
    gid = started(shopify)
    assert look(shopify, gid)["status"] == "RUNNING"

    clock.forward(5)
    done = look(shopify, gid)
    answer = requests.get(done["url"], timeout=5)

    lines = [json.loads(line) for line in answer.content.splitlines()]
    roots = [line for line in lines if "__parentId" not in line]
    assert (done["status"], done["rootObjectCount"]) == ("COMPLETED", "60")
    assert done["objectCount"] == str(len(lines))
    assert done["fileSize"] == str(len(answer.content))
    assert len(roots) == 60
    assert "lineItems" not in roots[0]


def test_children_follow_their_parents_but_not_at_once(shopify, clock):
    content = requests.get(finished(shopify, clock)["url"], timeout=5).content
    lines = [json.loads(line) for line in content.splitlines()]

    seen, beside = set(), 0
    for before, line in zip([{}, *lines], lines, strict=False):
        if parent := line.get("__parentId"):
            assert parent in seen
            beside += before.get("id") == parent
        else:
            seen.add(line["id"])

    assert beside < len(seen) / 2


def test_a_link_is_signed_and_runs_out_after_seven_days(shopify, clock):
    done = finished(shopify, clock)
    assert requests.get(done["url"][:-1] + "x", timeout=5).status_code == 403
    leak = {"X-Shopify-Access-Token": "shpat_demo"}
    assert requests.get(done["url"], headers=leak, timeout=5).status_code == 400

    clock.forward(8 * 24 * 3600)

    assert requests.get(done["url"], timeout=5).status_code == 400
    late = look(shopify, done["id"])
    assert (late["status"], late["url"]) == ("EXPIRED", None)


def test_a_part_of_a_file_can_be_asked_for(shopify, clock):
    url = finished(shopify, clock)["url"]
    whole = requests.get(url, timeout=5)

    rest = requests.get(url, headers={"Range": "bytes=100-"}, timeout=5)
    other = requests.get(url, headers={"Range": "bytes=100-", "If-Range": '"x"'}, timeout=5)
    script(shopify, ranges=False)
    none = requests.get(url, headers={"Range": "bytes=100-"}, timeout=5)

    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    assert [answer.content for answer in (other, none)] == [whole.content] * 2


def test_nothing_found_is_no_file(shopify, clock):
    none = '{ orders(query: "id:1") { edges { node { id } } } }'

    done = finished(shopify, clock, none)

    assert (done["status"], done["url"], done["rootObjectCount"]) == ("COMPLETED", None, "0")


def test_five_at_a_time(shopify, clock):
    for _ in range(5):
        started(shopify)

    [error] = run(shopify)["userErrors"]
    clock.forward(5)

    assert error["code"] == "LIMIT_REACHED"
    assert run(shopify)["userErrors"] == []


def test_runs_of_others_count_and_a_refusal_can_be_scripted(shopify):
    script(shopify, others=5)
    assert run(shopify)["userErrors"][0]["code"] == "LIMIT_REACHED"

    script(shopify, others=0, refuse=["OPERATION_IN_PROGRESS"])

    assert run(shopify)["userErrors"][0]["code"] == "OPERATION_IN_PROGRESS"
    assert run(shopify)["userErrors"] == []


def nested(inner):
    return "{ orders { edges { node { id " + inner + " } } } }"


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("{ shop { name } }", "at least one connection"),
        ("{ orders { nodes { id } } }", "edges"),
        ("{ orders { edges { cursor } } }", "edges"),
        ("{ orders { edges { node { id } } } products { edges { node { id } } } }", "top-level"),
        ('{ node(id: "gid://shopify/Order/1") { id } }', "node"),
        ("query($q: String) { orders(query: $q) { edges { node { id } } } }", "variables"),
        (nested("refunds { refundLineItems { edges { node { id } } } }"), "list field"),
        (nested("fulfillments { fulfillmentLineItems { edges { node { id } } } }"), "list field"),
        (nested("lineItems { nodes { id } }"), "edges"),
        ("{ orders { edges { node { lineItems { edges { node { id } } } } } } }", "id"),
        (
            nested(" ".join(f"l{n}: lineItems {{ edges {{ node {{ id }} }} }}" for n in range(5))),
            "more than 5",
        ),
        ("{ orders { edges { node { colour } } } }", "colour"),
        ("mutation { webhookSubscriptionDelete(id: 1) { userErrors { message } } }", "queries"),
        ("{ orders {", "Syntax"),
    ],
)
def test_what_cannot_be_run_in_bulk_is_refused(shopify, query, word):
    answer = run(shopify, query)

    assert answer["bulkOperation"] is None
    assert answer["userErrors"][0]["code"] == "INVALID"
    assert word in answer["userErrors"][0]["message"]


@pytest.mark.parametrize("code", ["ACCESS_DENIED", "INTERNAL_SERVER_ERROR", "TIMEOUT"])
def test_a_run_that_fails_says_why_and_may_leave_a_part(shopify, clock, code):
    script(shopify, fail=[code])

    done = finished(shopify, clock)

    assert (done["status"], done["errorCode"], done["url"]) == ("FAILED", code, None)
    part = requests.get(done["partialDataUrl"], timeout=5).content
    assert len(part.splitlines()) == int(done["objectCount"])


def test_a_permission_that_is_missing_fails_the_run(shopify, clock):
    shopify.script(scopes={DOMAIN: ["read_products"]})

    done = finished(shopify, clock)

    assert (done["status"], done["errorCode"]) == ("FAILED", "ACCESS_DENIED")


def test_a_run_can_be_stopped_and_shopify_may_stop_one_too(shopify, clock):
    gid = started(shopify)
    stopped = shopify.ask(CANCEL, id=gid)["data"]["bulkOperationCancel"]
    assert stopped["bulkOperation"]["status"] == "CANCELING"
    assert look(shopify, gid)["status"] == "CANCELED"
    again = shopify.ask(CANCEL, id=gid)["data"]["bulkOperationCancel"]
    assert again["userErrors"]

    script(shopify, fail=["CANCELED"])

    assert finished(shopify, clock)["status"] == "CANCELED"


def test_runs_are_listed_newest_first_and_filtered(shopify, clock):
    first = started(shopify)
    clock.forward(5)
    second = started(shopify)

    def found(query=None):
        nodes = shopify.ask(LIST, q=query)["data"]["bulkOperations"]["nodes"]
        return [node["id"] for node in nodes]

    assert found() == [second, first]
    assert found("operation_type:query status:completed") == [first]
    assert shopify.ask(LIST)["data"]["bulkOperations"]["nodes"][0]["query"] == ORDERS


def test_downloads_go_wrong_as_scripted(shopify, clock):
    url = finished(shopify, clock)["url"]
    size = len(requests.get(url, timeout=5).content)
    script(shopify, downloads=["cut", "html", "refuse", "drop"])

    cut, page, refused = (requests.get(url, timeout=5) for _ in range(3))

    assert len(cut.content) < size
    assert "html" in page.headers["Content-Type"]
    assert refused.status_code == 400
    with pytest.raises(requests.RequestException):
        requests.get(url, timeout=5)


def test_the_end_is_told_unless_it_is_scripted_to_be_lost(shopify, clock):
    for tells in (True, False):
        script(shopify, tells=tells)
        shopify.server.stores[DOMAIN].config.webhook_url = "http://127.0.0.1:9/nowhere"
        finished(shopify, clock)

    told = shopify.look("deliveries", topic="bulk_operations/finish")["deliveries"]

    assert len(told) == 1
