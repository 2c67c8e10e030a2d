"""The query with which Shopify sends a merchant back to the app."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlencode


def signed(answer: Mapping[str, str], *, shop: str, secret: str, now: float) -> dict[str, str]:
    """Complete an answer with who it is from and when, and sign all of it."""
    query = {**answer, "host": host_of(shop), "shop": shop, "timestamp": str(int(now))}
    return {**query, "hmac": signature(query, secret)}


def signature(query: Mapping[str, str], secret: str) -> str:
    """Sign a query: its pairs in the order of their names, without the signature itself."""
    pairs = sorted((name, value) for name, value in query.items() if name != "hmac")
    return hmac.new(secret.encode(), written(pairs).encode(), hashlib.sha256).hexdigest()


def written(pairs: list[tuple[str, str]]) -> str:
    """Write pairs as in an address, with a space as %20."""
    return urlencode(pairs, quote_via=quote)


def host_of(shop: str) -> str:
    """Name the shop's place in Shopify's admin, as embedded apps want it."""
    name = shop.removesuffix(".myshopify.com")
    return base64.b64encode(f"admin.shopify.com/store/{name}".encode()).decode().rstrip("=")
