"""Webhooks as Shopify signs and labels them."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

API_VERSION = "2026-10"


def signature(secret: str, body: bytes) -> str:
    """Sign the raw bytes of a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@dataclass(frozen=True)
class Webhook:
    """One webhook to deliver; a retry carries the same id and the same bytes."""

    shop: str
    topic: str
    body: bytes
    triggered_at: datetime
    webhook_id: str = field(default_factory=lambda: str(uuid4()))
    event_id: str = field(default_factory=lambda: str(uuid4()))
    # What is wrong with it on purpose, for whoever compares afterwards.
    kind: str = "ordinary"
    # The resource it is about, likewise.
    about: str = ""

    def headers(self, secret: str) -> dict[str, str]:
        """Write the headers; only the body is covered by the signature."""
        return {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": self.topic,
            "X-Shopify-Hmac-Sha256": signature(secret, self.body),
            "X-Shopify-Shop-Domain": self.shop,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Webhook-Id": self.webhook_id,
            "X-Shopify-Event-Id": self.event_id,
            "X-Shopify-Triggered-At": self.triggered_at.isoformat().replace("+00:00", "Z"),
        }
