"""Klaviyo's rules, checked before sending, so that one bad record never costs its neighbours."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.domain.failures import Failure, FailureKind
from integrations.domain.operations import Operation, TrackEvent

from .bodies import Fragment

# Klaviyo: at most 400 properties, 100 KB a string, 4,000 entries a list, ten levels, and an
# event may lie between the year 2000 (older documents; newer ones say 1990) and a year from now.
MOST_PROPERTIES = 400
LONGEST_TEXT = 100_000
LONGEST_LIST = 4000
DEEPEST = 10
LONGEST_UNIQUE_ID = 255
LONGEST_METRIC = 127
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(days=365)
LARGEST_ITEM = 100_000


def refusal(operation: Operation, one: Fragment, *, now: datetime) -> Failure | None:
    """Why Klaviyo would refuse this operation, or None."""
    if isinstance(operation, TrackEvent):
        return _event_refusal(operation, one, now)
    if one.size > LARGEST_ITEM:
        return _refused("size", "", "This is larger than the 100 KB Klaviyo takes for one record.")
    return None


def _event_refusal(event: TrackEvent, one: Fragment, now: datetime) -> Failure | None:
    if not EARLIEST <= event.occurred_at <= now + LATEST_AHEAD:
        return _refused("time", "time", "The date is before the year 2000 or far in the future.")
    if not 1 <= len(event.unique_id) <= LONGEST_UNIQUE_ID:
        return _refused("unique_id", "unique_id", "The id is longer than 255 characters.")
    if not 1 <= len(event.metric) <= LONGEST_METRIC:
        return _refused("metric", "metric", "The name of the metric is longer than 127 characters.")
    if len(event.properties) > MOST_PROPERTIES:
        return TOO_MANY
    # Anything this small cannot hold a text, list or depth over the limits worth walking for.
    return _too_much(event.properties, "properties", 1) if one.size > LONGEST_LIST else None


def of_properties(properties: dict[str, Any]) -> Failure | None:
    """Why Klaviyo would refuse the properties of an event, or None."""
    if len(properties) > MOST_PROPERTIES:
        return TOO_MANY
    return _too_much(properties, "properties", 1)


def _too_much(value: dict[str, Any] | list[Any], place: str, depth: int) -> Failure | None:
    """Walk through everything once; it is asked of every larger event, so by exact class."""
    if depth > DEEPEST:
        return _refused("depth", place, "This is nested deeper than ten levels.")
    if isinstance(value, list) and len(value) > LONGEST_LIST:
        return _refused("list", place, "This list has more than 4,000 entries.")
    entries: Iterable[tuple[Any, Any]] = (
        value.items() if isinstance(value, dict) else enumerate(value)
    )
    for key, entry in entries:
        kind = entry.__class__
        if kind is str:
            if depth == DEEPEST:
                return _refused("depth", f"{place}.{key}", "This is nested deeper than ten levels.")
            # A character takes four bytes at most.
            if len(entry) > LONGEST_TEXT // 4 and len(entry.encode()) > LONGEST_TEXT:
                return _refused("text", f"{place}.{key}", "This text is longer than 100 KB.")
        elif (kind is dict or kind is list) and (
            found := _too_much(entry, f"{place}.{key}", depth + 1)
        ):
            return found
    return None


def _refused(rule: str, pointer: str, message: str) -> Failure:
    return Failure(FailureKind.REJECTED, message, code=f"rule_{rule}", pointer=pointer)


TOO_MANY = _refused("properties", "properties", "There are more than 400 properties.")
