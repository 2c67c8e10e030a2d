"""What of the shop a message is about, and where that stands in the shop's own administration."""

from typing import Any

import msgspec

# The stream of what a message names, and the field of its body that names it.
_OF_TOPIC = {
    "orders": ("orders", "id"),
    "refunds": ("orders", "order_id"),
    "fulfillments": ("orders", "order_id"),
    "fulfillment_events": ("orders", "order_id"),
    "customers": ("customers", "id"),
    "products": ("products", "id"),
}
_NODE_ID = "legacyResourceId"


def of_message(topic: str, body: bytes) -> tuple[str, str] | None:
    """The stream and number of what a message is about; None where it names nothing we can read."""
    resource, _, rest = topic.partition("/")
    if resource == "past":
        wanted = (rest, _NODE_ID) if rest in {"orders", "customers", "products"} else None
    else:
        wanted = _OF_TOPIC.get(resource)
    if wanted is None:
        return None
    stream, name = wanted
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    number = str(found.get(name) or "") if isinstance(found, dict) else ""
    return (stream, number) if number.isascii() and number.isdigit() and number != "0" else None


def in_admin(domain: str, stream: str, source_id: str) -> str:
    """The address of an order, customer or product in a shop's administration.

    Unconfirmed: Shopify leads `https://{shop}/admin/…` on to `admin.shopify.com/store/{name}/…`,
    and documents neither as an interface.
    """
    return f"https://{domain}/admin/{stream}/{source_id}"
