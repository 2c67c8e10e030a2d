"""Webhooks of made-up shops: whole lives of shops, or nothing but orders."""

from collections.abc import Iterator
from datetime import datetime
from itertools import count, islice
from typing import Any, NamedTuple

import msgspec

from integrations.domain.people import clean_email
from sandbox.shop.simulation import Happening, Shop, new_order
from sandbox.shopify.signing import API_VERSION, signature

# Messages about a part of an order, which need the order's buyer.
PARTS = {"refunds/create", "fulfillments/create"}


class Stall(NamedTuple):
    """A store of the console, and the shop that plays it."""

    pk: int
    public_id: str
    domain: str


class Told(NamedTuple):
    """One webhook, without what makes it a request."""

    topic: str
    body: bytes
    triggered_at: datetime
    order: str


def life(domain: str, *, seed: int) -> Iterator[Told]:
    """Everything that happens in a shop, in its order, for ever.

    Parts of orders that are not sent at all (tests, or nobody to attach them to) are left out:
    the console would ask the shop for these orders, and there is no shop here to ask.
    """
    shop, unplaced = Shop(domain, seed=seed), set()
    while True:
        for one in shop.next_happening():
            if one.topic == "orders/create" and not _is_placed(one.body):
                unplaced.add(one.body["id"])
            if one.topic not in PARTS or one.body["order_id"] not in unplaced:
                yield _told(one)


def orders(domain: str, *, seed: int) -> Iterator[Told]:
    """New orders only, each of somebody with a usable e-mail address, for ever."""
    shop = Shop(domain, seed=seed)
    while True:
        for one in new_order(shop):
            if one.topic == "orders/create":
                shop.memory.orders.drop(one.body["id"])
                if _is_placed(one.body):
                    yield _told(one)


def some_orders(how_many: int, *, seed: int = 1) -> list[Told]:
    """A handful of orders of about ten kilobytes, the usual size."""
    wanted = (one for one in orders("bench-00.myshopify.com", seed=seed) if _usual(one))
    return list(islice(wanted, how_many))


def request(stall: Stall, told: Told, *, secret: str, webhook_id: str) -> bytes:
    """One webhook as the bytes of an HTTP request."""
    return b"".join(request_around(stall, told, secret=secret)).replace(
        b"WEBHOOK-ID", webhook_id.encode(), 1
    )


def request_around(stall: Stall, told: Told, *, secret: str) -> tuple[bytes, bytes]:
    """The head of a request, with WEBHOOK-ID in place of its id, and its body."""
    head = (
        f"POST /webhooks/shopify/{stall.public_id}/ HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "User-Agent: Shopify-Captain-Hook\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(told.body)}\r\n"
        f"X-Shopify-Topic: {told.topic}\r\n"
        f"X-Shopify-Hmac-Sha256: {signature(secret, told.body)}\r\n"
        f"X-Shopify-Shop-Domain: {stall.domain}\r\n"
        f"X-Shopify-API-Version: {API_VERSION}\r\n"
        "X-Shopify-Webhook-Id: WEBHOOK-ID\r\n"
        f"X-Shopify-Triggered-At: {told.triggered_at.isoformat().replace('+00:00', 'Z')}\r\n\r\n"
    )
    return head.encode(), told.body


def in_turn(stalls: list[Stall], *, seed: int) -> Iterator[tuple[Stall, Told]]:
    """Orders of all stores in turn, for ever; no two of them have the same number."""
    lives, known = [orders(stall.domain, seed=seed) for stall in stalls], set()
    for number in count():
        at = number % len(stalls)
        told = next(one for one in lives[at] if one.order not in known)
        known.add(told.order)
        yield stalls[at], told


def _told(one: Happening) -> Told:
    body = msgspec.json.encode(one.body)
    return Told(one.topic, body, one.triggered_at, str(one.body.get("id", "")))


def _is_placed(order: dict[str, Any]) -> bool:
    # Made-up people have odd addresses now and then, and those are not sent anywhere.
    return clean_email(order["email"]) is not None and not order["test"]


def _usual(told: Told) -> bool:
    return 9_000 <= len(told.body) <= 12_000
