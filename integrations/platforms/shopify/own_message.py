"""A message as a shop would send it, posted by ourselves to see whether it arrives."""

from datetime import UTC, datetime

import msgspec

from integrations.platforms.http import Answer, send

from . import API_VERSION
from .signature import sign
from .webhooks import PATH_TEST


def post(url: str, *, domain: str, webhook_id: str, secret: str, now: datetime) -> Answer:
    """Post a signed test message. Raises NoAnswer."""
    body = msgspec.json.encode({"test": webhook_id})
    return send(
        "POST",
        url,
        headers={
            "Content-Type": "application/json",
            "X-Shopify-Topic": PATH_TEST,
            "X-Shopify-Shop-Domain": domain,
            "X-Shopify-Webhook-Id": webhook_id,
            "X-Shopify-Event-Id": webhook_id,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Triggered-At": now.astimezone(UTC).isoformat(),
            "X-Shopify-Hmac-Sha256": sign(body, secret),
        },
        body=body,
    )
