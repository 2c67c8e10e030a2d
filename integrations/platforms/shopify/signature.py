"""Is a webhook really from Shopify?"""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def sign(body: bytes, secret: str) -> str:
    """The signature Shopify puts on a body: base64 of its HMAC-SHA256."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def is_genuine(body: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Compare with every secret in constant time.

    Shopify signs with the oldest secret that is not revoked, so during a rotation both count.
    """
    given = signature.encode("utf-8", "replace")
    found = False
    # An empty secret, left by a stray comma in the settings, is one that everybody knows.
    for secret in filter(None, secrets):
        found |= hmac.compare_digest(sign(body, secret).encode(), given)
    return found
