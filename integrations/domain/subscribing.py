"""What has to be changed so that a shop sends us what we want: pure comparison."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

import msgspec


class Do(StrEnum):
    """What is to be done about one subscription."""

    KEEP = "keep"
    MAKE = "make"
    CORRECT = "correct"  # it is ours, but goes to another address
    REMOVE = "remove"  # it is ours, and a second one
    REFUSE = "refuse"  # a permission for it is missing


class Found(msgspec.Struct, frozen=True):
    """A subscription the shop has, with its topic as messages name it."""

    id: str
    topic: str
    uri: str


class Action(msgspec.Struct, frozen=True):
    """One thing to do, about one topic."""

    do: Do
    topic: str
    id: str = ""
    scope: str = ""


def plan(
    wanted: Mapping[str, str],
    found: Iterable[Found],
    *,
    address: str,
    place: str,
    known: Mapping[str, str],
    scopes: frozenset[str],
) -> list[Action]:
    """Say what to do about each wanted topic (topic -> scope), in a fixed order.

    A subscription is ours when it goes to our address, ends in our `place` of this store under
    another host, or has an id we `know`; all others are left alone. Without any scopes nothing
    is known of permissions, and the shop is to say itself what it refuses.
    """
    end = place.rstrip("/")
    ids = set(known.values())
    ours: dict[str, list[Found]] = {topic: [] for topic in wanted}
    for one in found:
        if one.topic in ours and (
            one.uri == address or one.uri.rstrip("/").endswith(end) or one.id in ids
        ):
            ours[one.topic].append(one)
    return [
        action
        for topic, scope in wanted.items()
        for action in _topic(topic, scope, ours[topic], address, known.get(topic, ""), scopes)
    ]


def _topic(
    topic: str, scope: str, ours: list[Found], address: str, known: str, scopes: frozenset[str]
) -> Iterator[Action]:
    if not ours:
        refused = bool(scope and scopes) and not granted(scope, scopes)
        yield Action(Do.REFUSE, topic, scope=scope) if refused else Action(Do.MAKE, topic)
        return
    # The one at the right address goes on; among equals the one we know, then the oldest.
    first, *others = sorted(ours, key=lambda one: (one.uri != address, one.id != known, one.id))
    yield Action(Do.KEEP if first.uri == address else Do.CORRECT, topic, first.id)
    for one in others:
        yield Action(Do.REMOVE, topic, one.id)


def granted(scope: str, scopes: frozenset[str]) -> bool:
    """Whether a permission is there; the one to write includes the one to read."""
    return scope in scopes or scope.replace("read_", "write_", 1) in scopes
