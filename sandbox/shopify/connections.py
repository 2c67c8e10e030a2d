"""Lists in pages: `nodes`, `edges` and where to go on."""

import base64
import binascii
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLError

LARGEST = 250
# The size of a list that is asked for in bulk.
WHOLE = sys.maxsize
Key = tuple[Any, ...]


def connect(
    rows: Sequence[Any],
    arguments: dict[str, Any],
    *,
    key: Callable[[Any], Key],
    node: Callable[[Any], Any],
) -> dict[str, Any]:
    """Cut a page out of rows sorted by `key`; cursors are keys, so rows may move meanwhile."""
    size = _size(arguments)
    ordered = sorted(rows, key=key)
    low, high = 0, len(ordered)
    descending = bool(arguments.get("reverse"))
    if descending:
        ordered.reverse()
    keys = [key(row) for row in ordered]
    if after := arguments.get("after"):
        low = _place(keys, _key(after), descending=descending, behind=True)
    if before := arguments.get("before"):
        high = _place(keys, _key(before), descending=descending, behind=False)
    start, end = (
        (low, min(high, low + size)) if "first" in arguments else (max(low, high - size), high)
    )
    return _page(ordered[start:end], keys[start:end], node, more=end < high, less=start > 0)


def _page(
    rows: Sequence[Any], keys: Sequence[Key], node: Callable[[Any], Any], *, more: bool, less: bool
) -> dict[str, Any]:
    nodes = [node(row) for row in rows]
    cursors = [_cursor(key) for key in keys]
    return {
        "nodes": nodes,
        "edges": [{"cursor": c, "node": n} for c, n in zip(cursors, nodes, strict=True)],
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": less,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def inner(rows: Sequence[dict[str, Any]], arguments: dict[str, Any]) -> dict[str, Any]:
    """Page through a list inside an object, in the order it has."""
    numbered = list(enumerate(rows))
    return connect(numbered, arguments, key=lambda pair: (pair[0],), node=lambda pair: pair[1])


def _size(arguments: dict[str, Any]) -> int:
    sizes = [arguments[name] for name in ("first", "last") if arguments.get(name) is not None]
    if len(sizes) != 1:
        raise GraphQLError("you must provide one of first or last")
    if not 0 <= sizes[0] <= LARGEST and sizes[0] != WHOLE:
        raise GraphQLError(f"first and last cannot exceed {LARGEST}.")
    return int(sizes[0])


def _place(keys: list[Key], key: Key, *, descending: bool, behind: bool) -> int:
    if descending:
        keys = keys[::-1]
        find = bisect_left if behind else bisect_right
        return len(keys) - find(keys, key)
    return (bisect_right if behind else bisect_left)(keys, key)


def _cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(repr(key).encode()).decode()


def _key(cursor: str) -> Key:
    try:
        text = base64.urlsafe_b64decode(cursor).decode()
        return tuple(_part(part) for part in text.strip("(),").split(", "))
    except (binascii.Error, ValueError):
        raise GraphQLError("Invalid cursor for current pagination sort.") from None


def _part(text: str) -> Any:
    return float(text) if "." in text or "e" in text else int(text)
