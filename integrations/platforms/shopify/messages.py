"""What lies in the inbox, read by the shape it has: a webhook's body, or a node of the past."""

from datetime import datetime

from integrations.domain.records import Record
from integrations.domain.skips import Skip

from . import past, webhooks


def is_known(topic: str) -> bool:
    """Whether a message of this kind may mean anything to Klaviyo."""
    if topic.startswith(past.PREFIX):
        return topic.removeprefix(past.PREFIX) in past.PARSERS
    return topic in webhooks.PARSERS


def parse(topic: str, body: bytes, *, triggered_at: datetime) -> Record | Skip:
    """Read one message, of now or of the past. Raises Unreadable with the place of the fault."""
    if topic.startswith(past.PREFIX):
        return past.parse(topic, body, triggered_at=triggered_at)
    return webhooks.parse(topic, body, triggered_at=triggered_at)
