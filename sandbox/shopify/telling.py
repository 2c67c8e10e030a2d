"""From what happened in a shop to the webhooks that tell of it."""

from collections.abc import Sequence

import msgspec

from sandbox.shop.simulation import Happening
from sandbox.shopify.signing import Webhook


def webhooks(told: Sequence[Happening], domain: str) -> list[Webhook]:
    """Turn happenings with one cause into webhooks that share its event id."""
    made: list[Webhook] = []
    for happening in told:
        body = msgspec.json.encode(happening.body)
        about = str(happening.body.get("id", ""))
        cause = {"event_id": made[0].event_id} if made else {}
        made.append(
            Webhook(domain, happening.topic, body, happening.triggered_at, about=about, **cause)
        )
    return made
