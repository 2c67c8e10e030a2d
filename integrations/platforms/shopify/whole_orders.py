"""The lists of an order that did not fit where it was read, fetched to their end.

Source: lines stand in connections, of which a query shows a part and says so. Refunds and parcels
are plain lists: `first` truncates them without a word, and without it they come whole.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from .client import Shopify

# Takes query points before a call; it waits, or raises, where there are none.
Pay = Callable[[float], None]

# So many refunds and so many parcels a window's page shows of an order, and OrdersById.
MOST_BY_PAGE, MOST_BY_ID = 10, 50
# What the documents ask for, each at most (tests/contract).
ORDER_POINTS, PARTS_POINTS, LINES_POINTS = 40.0, 100.0, 60.0
# Room for any order a person could have made, and an end for a list that never ends.
MOST_PAGES = 40

_CUT_SHORT = (b'"hasNextPage":true', b'"hasNextPage": true')
_OF_A_REFUND, _OF_A_PARCEL = b'"refundLineItems"', b'"fulfillmentLineItems"'

Node = dict[str, Any]
_Data = dict[str, Any]


def unpaid(points: float) -> None:
    """Take no points: for whoever has taken enough beforehand."""


def may_be_short(body: bytes, *, most: int) -> bool:
    """Whether a list inside an order's node was cut, or may have been without a word.

    `most` is how many refunds and parcels were asked for.
    """
    if any(mark in body for mark in _CUT_SHORT):
        return True
    return body.count(_OF_A_REFUND) >= most or body.count(_OF_A_PARCEL) >= most


def completed(client: Shopify, body: bytes, *, pay: Pay) -> bytes:
    """An order's node, as OrdersById gives it, with what its lists left out. Raises PlatformError.

    A list that cannot be completed stays as it came, and says so when it is parsed.
    """
    if not may_be_short(body, most=MOST_BY_ID):
        return body
    node = msgspec.json.decode(body)
    complete(client, node, pay=pay)
    return msgspec.json.encode(node)


def complete(client: Shopify, node: Node, *, pay: Pay) -> None:
    """Fetch what the lists of an order left out. Raises PlatformError."""
    if len(node["refunds"]) >= MOST_BY_ID or len(node["fulfillments"]) >= MOST_BY_ID:
        pay(PARTS_POINTS)
        parts = client.query("order_parts", {"id": node["id"]}, _Data)["order"]
        if parts is None:
            # It is gone meanwhile, and what we have of it may not be all.
            node["lineItems"]["pageInfo"]["hasNextPage"] = True
            return
        node.update(parts)
    lists = [(node["lineItems"], "order", node["id"])]
    for one in node["refunds"]:
        lists.append((one["refundLineItems"], "refund", _gid("Refund", one)))
    for one in node["fulfillments"]:
        lists.append((one["fulfillmentLineItems"], "fulfillment", _gid("Fulfillment", one)))
    for held, kind, gid in lists:
        _to_the_end(client, held, kind, gid, pay)


_LISTS = {
    "order": "lineItems",
    "refund": "refundLineItems",
    "fulfillment": "fulfillmentLineItems",
}


def _to_the_end(client: Shopify, held: Node, kind: str, gid: str, pay: Pay) -> None:
    for _ in range(MOST_PAGES):
        page = held["pageInfo"]
        if not page["hasNextPage"]:
            return
        after = page.get("endCursor")
        pay(LINES_POINTS)
        found = client.query(f"{kind}_lines", {"id": gid, "after": after}, _Data)[kind]
        if found is None or found[_LISTS[kind]]["pageInfo"].get("endCursor") == after:
            return
        more = found[_LISTS[kind]]
        held["nodes"] += more["nodes"]
        held["pageInfo"] = more["pageInfo"]


def _gid(kind: str, one: Node) -> str:
    return f"gid://shopify/{kind}/{one['legacyResourceId']}"
