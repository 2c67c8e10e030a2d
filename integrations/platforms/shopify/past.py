"""Past data as it was landed: GraphQL nodes, read as the same records that webhooks give."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from integrations.domain.failures import PlatformError, Unreadable
from integrations.domain.records import Record

from .orders import read_order
from .shelf import read_customer, read_product

PREFIX = "past/"


def _order(body: bytes) -> Record:
    return read_order(msgspec.json.decode(body))


PARSERS: dict[str, Callable[[bytes], Record]] = {
    "customers": read_customer,
    "orders": _order,
    "products": read_product,
}


def topic(stream: str) -> str:
    """Under which topic a stream's past lies in the inbox."""
    return PREFIX + stream


def parse(topic: str, body: bytes, *, triggered_at: datetime) -> Record:
    """Read one node; it carries its own version. Raises Unreadable with the place of the fault."""
    try:
        return PARSERS[topic.removeprefix(PREFIX)](body)
    except PlatformError as exc:
        raise Unreadable(exc.failure.message, rule=exc.failure.code) from exc
    except msgspec.ValidationError as exc:
        message, _, place = str(exc).partition(" - at `")
        raise Unreadable(message, field=place.rstrip("`"), rule="type") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Unreadable(f"This is not JSON: {exc}", rule="json") from exc
