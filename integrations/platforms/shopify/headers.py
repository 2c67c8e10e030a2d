"""What a webhook's headers say. They are not signed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

SHOP = re.compile(r"\A[a-z0-9][a-z0-9-]*\.myshopify\.com\Z")
# Most topics have a slash; `customer.tags_added` and its like have a dot.
TOPIC = re.compile(r"\A(?=.{3,80}\Z)[a-z0-9_]+[/.][a-z0-9_]+\Z")
LONGEST = 200
# Outside of these a time is a mistake, and neither Python nor the database can compute with it.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class NotAWebhook(Exception):
    """What came cannot be a webhook; the message says what is missing or wrong."""


class Delivery(msgspec.Struct, frozen=True):
    """One delivery, as its headers describe it."""

    topic: str
    shop: str
    signature: str
    webhook_id: str
    event_id: str
    triggered_at: datetime | None
    api_version: str


def read(headers: Mapping[str, str]) -> Delivery:
    """Read a delivery from header names in lower case, `x-shopify-…` or `shopify-…`.

    Raises NotAWebhook when topic, shop or delivery id is missing or malformed.
    """

    def header(name: str) -> str:
        value = headers.get(f"x-shopify-{name}") or headers.get(f"shopify-{name}") or ""
        return "" if len(value) > LONGEST or not value.isprintable() else value.strip()

    topic, shop = header("topic").lower(), header("shop-domain").lower()
    if not TOPIC.match(topic):
        raise NotAWebhook("The topic header is missing or malformed.")
    if not SHOP.match(shop):
        raise NotAWebhook("The shop domain header is missing or malformed.")
    webhook_id = header("webhook-id")
    if not webhook_id:
        raise NotAWebhook("The webhook id header is missing or malformed.")
    return Delivery(
        topic=topic,
        shop=shop,
        signature=header("hmac-sha256"),
        webhook_id=webhook_id,
        event_id=header("event-id"),
        triggered_at=moment(header("triggered-at")),
        api_version=header("api-version")[:20],
    )


def moment(value: str) -> datetime | None:
    """Read an aware ISO 8601 time; None when it is missing, not one, or beyond belief."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.utcoffset() is None or not EARLIEST <= found < LATEST:
        return None
    return found
