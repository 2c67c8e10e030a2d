"""The variants of a product that did not fit into its page.

Source: a product has up to 2,048 variants, and a connection shows at most 250 nodes at a time.
"""

from typing import Any

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError

from .client import Shopify
from .whole_orders import Pay, unpaid

# Room for a product of any allowed size, and an end for an answer that never ends.
MOST_PAGES = 40
# What a page of them asks for, at most (tests/contract).
POINTS = 60.0


class _Asked(msgspec.Struct):
    product: dict[str, Any] | None = None


def completed(client: Shopify, body: bytes, *, pay: Pay = unpaid) -> bytes:
    """A product's node with the variants that were left out. Raises PlatformError.

    A product that is gone meanwhile stays as it came, and says so when it is parsed.
    """
    node = msgspec.json.decode(body)
    held = node["variants"]
    for _ in range(MOST_PAGES):
        page = held["pageInfo"]
        if not page["hasNextPage"]:
            return msgspec.json.encode(node)
        asked = {"id": node["id"], "after": page.get("endCursor")}
        pay(POINTS)
        product = client.query("product_variants", asked, _Asked).product
        if product is None:
            return body
        more = product["variants"]
        if more["pageInfo"].get("endCursor") == asked["after"]:
            break
        held["nodes"] += more["nodes"]
        held["pageInfo"] = more["pageInfo"]
    raise PlatformError(
        Failure(FailureKind.UNEXPECTED, "Shopify's list of variants does not end.", "variants")
    )
