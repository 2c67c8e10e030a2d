"""What goes wrong with webhooks in the wild, applied to one at a time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from sandbox.shop.chance import Chance
from sandbox.shopify.signing import Webhook, signature

WRONG_SECRET = "not-the-secret"  # noqa: S105 - a forger's guess


WRONG: tuple[dict[str, Any], ...] = (
    {"line_items": "none"},
    {"id": {"value": 1}},
    {"total_price": [], "total_price_set": 7},
    {"created_at": "yesterday", "updated_at": 0, "processed_at": "x"},
    {"email": 42, "customer": "Bob"},
)


def truncated(chance: Chance, body: bytes) -> bytes:
    """Cut the body off somewhere."""
    return body[: chance.randrange(1, max(2, len(body)))]


def empty(chance: Chance, body: bytes) -> bytes:
    """Leave nothing."""
    return b""


def not_an_object(chance: Chance, body: bytes) -> bytes:
    """Send JSON that is no object."""
    return chance.pick((b"[]", b"null", b'"ok"', b"12", b"{}"))


def wrong_types(chance: Chance, body: bytes) -> bytes:
    """Give fields a type nobody expects."""
    fields = msgspec.json.decode(body)
    wrong = chance.pick(WRONG)
    return msgspec.json.encode({**fields, **wrong})


def not_text(chance: Chance, body: bytes) -> bytes:
    """Send bytes that are no UTF-8."""
    return b'{"note": "\xff\xfe"}'


def with_nul(chance: Chance, body: bytes) -> bytes:
    """Put in a character that databases refuse in text."""
    return body.replace(b'"note":', b'"note":"nul \\u0000 inside","old_note":', 1)


MALFORMED: tuple[Callable[[Chance, bytes], bytes], ...] = (
    truncated,
    empty,
    not_an_object,
    wrong_types,
    not_text,
    with_nul,
)


def malformed(chance: Chance, webhook: Webhook) -> Webhook:
    """Break a body in one of many ways; whoever signs it signs the broken bytes."""
    spoil = chance.pick(MALFORMED)
    return replace(webhook, body=spoil(chance, webhook.body), kind=f"malformed: {spoil.__name__}")


def forged_headers(chance: Chance, webhook: Webhook, secret: str) -> dict[str, str]:
    """Sign as somebody would who does not know the secret."""
    right = signature(secret, webhook.body)
    wrong = chance.pick(
        ("", "AAAA", right.swapcase(), signature(WRONG_SECRET, webhook.body), right[:-2], "é" * 4)
    )
    return {"X-Shopify-Hmac-Sha256": wrong.encode("latin-1").decode("latin-1")}
