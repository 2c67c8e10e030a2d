"""Whom a request to erase is about, and whether a message is about them.

Shopify: `customers/redact` names a customer and orders of theirs, `shop/redact` the whole shop.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from .masking import is_personal

# Shorter ones are initials, house numbers, codes of countries.
SHORTEST_WORD = 4
REDACT_CUSTOMER = "customers/redact"
REDACT_SHOP = "shop/redact"
DATA_REQUEST = "customers/data_request"


class _Customer(msgspec.Struct):
    id: int | str | None = None
    email: str | None = None
    phone: str | None = None


class _Body(msgspec.Struct):
    shop_domain: str = ""
    customer: _Customer = msgspec.field(default_factory=_Customer)
    orders_to_redact: list[int | str] = []


class Wanted(msgspec.Struct, frozen=True):
    """What is to be erased."""

    customers: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    # Only where neither a number of the shop nor an address is known: people share telephones.
    phones: frozenset[str] = frozenset()
    whole_shop: bool = False


def read(topic: str, body: bytes, *, shop: str) -> Wanted | None:
    """Read a request for the shop of this domain; None when it is not one, or not for this shop.

    Headers are not signed, so the body has to name the shop.
    """
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if found.shop_domain.strip().lower() != shop.lower():
        return None
    if topic == REDACT_SHOP:
        return Wanted(whole_shop=True)
    if topic != REDACT_CUSTOMER:
        return None
    customer = found.customer
    customers = {str(customer.id)} if customer.id else set()
    emails = {_address(customer.email)} if customer.email else set()
    phones = {_digits(customer.phone)} if customer.phone and not (customers or emails) else set()
    return Wanted(
        frozenset(customers),
        frozenset(str(one) for one in found.orders_to_redact),
        frozenset(emails),
        frozenset(phones - {""}),
    )


def is_about(wanted: Wanted, topic: str, body: bytes) -> bool:
    """Whether a message of a shop says anything of whom the request is about."""
    if wanted.whole_shop:
        return True
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # What nobody can read may still hold an address.
        text = body.decode("utf-8", "ignore").lower()
        return any(email in text for email in wanted.emails)
    kind = topic.removeprefix("past/").partition("/")[0]
    return any(_names(wanted, kind, path, value) for path, value in _values(found))


def words_of(body: bytes) -> set[str]:
    """What a message says that somebody could be known by: names, addresses, numbers."""
    try:
        waiting = [msgspec.json.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set()
    words: set[str] = set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            words |= {
                part.strip()
                for name, part in value.items()
                if isinstance(part, str) and is_personal(name, value)
            }
    return {word for word in words if len(word) >= SHORTEST_WORD}


def _names(wanted: Wanted, kind: str, path: tuple[str, ...], value: Any) -> bool:
    if isinstance(value, str) and "@" in value and _address(value) in wanted.emails:
        return True
    name, owner = path[-1] if path else "", path[-2] if len(path) > 1 else ""
    number = str(value).rpartition("/")[2]
    if (name, owner) == ("id", "customer") or name in {"customer_id", "customerId"}:
        return number in wanted.customers
    if (name, owner) == ("id", "order") or name in {"order_id", "orderId"}:
        return number in wanted.orders
    if path == ("id",) and kind == "customers":
        return number in wanted.customers
    if path == ("id",) and kind == "orders":
        return number in wanted.orders
    return bool(wanted.phones) and isinstance(value, str) and _digits(value) in wanted.phones


def _values(document: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value of a document with the names that lead to it; places in lists do not count."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            # The name and the one before it are enough to tell what a value is.
            waiting += [((*path[-1:], name), part) for name, part in value.items()]
        elif isinstance(value, list):
            waiting += [(path, part) for part in value]
        else:
            yield path, value


def _address(text: str) -> str:
    return text.strip().lower()


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())
