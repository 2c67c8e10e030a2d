"""Missed hours: what of them can be read again, and over which range."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from .windows import STREAMS, Stretch

# A list that is sorted by its changes moves while it is read, and clocks differ a little.
OVERLAP = timedelta(minutes=5)
# Which stream shows again what a kind of message would have told.
_STREAM_OF = {
    "orders": "orders",
    "refunds": "orders",
    "fulfillments": "orders",
    "customers": "customers",
    "products": "products",
    "inventory_levels": "products",
}


def streams(topics: Iterable[str]) -> tuple[str, ...]:
    """What to read for these kinds of message, or for all if there are none."""
    named = list(topics)
    wanted = {_STREAM_OF.get(topic.partition("/")[0]) for topic in named if not is_lost(topic)}
    return tuple(one for one in STREAMS if not named or one in wanted)


def lost(topics: Iterable[str]) -> list[str]:
    """The kinds of message among these that no list of the shop shows afterwards."""
    return sorted(topic for topic in topics if is_lost(topic))


def is_lost(topic: str) -> bool:
    """Whether a kind of message cannot be made up for.

    What was deleted is in no list; unfinished checkouts and what people said about marketing are
    not among what we read.
    """
    what, _, happened = topic.partition("/")
    return happened == "delete" or what not in _STREAM_OF


def around(since: datetime, until: datetime, *, now: datetime) -> Stretch:
    """The range to search by change, with some to spare, at whole seconds."""
    last = min(until + OVERLAP, now)
    return Stretch((since - OVERLAP).replace(microsecond=0), last.replace(microsecond=0))
