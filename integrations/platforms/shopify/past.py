"""Past data as it was landed: GraphQL nodes, read as the same records that webhooks give."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from integrations.domain.failures import PlatformError, Unreadable
from integrations.domain.records import Record

from .orders import read_order

PREFIX = "past/"


def _order(raw: dict[str, Any]) -> Record:
    return read_order(raw)


PARSERS: dict[str, Callable[[dict[str, Any]], Record]] = {"orders": _order}


def topic(stream: str) -> str:
    """Under which topic a stream's past lies in the inbox."""
    return PREFIX + stream


def parse(topic: str, body: bytes, *, triggered_at: datetime) -> Record:
    """Read one node; it carries its own version. Raises Unreadable with the place of the fault."""
    try:
        return PARSERS[topic.removeprefix(PREFIX)](msgspec.json.decode(body))
    except PlatformError as exc:
        raise Unreadable(exc.failure.message, rule=exc.failure.code) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Unreadable(f"This is not JSON: {exc}", rule="json") from exc
