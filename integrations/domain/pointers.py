"""Where in a record a platform's pointer points: requests wrap records, and records are shown bare.

Klaviyo names a place in the request (`/data/attributes/profiles/data/17/attributes/email`), our own
rules one in the record (`properties.Items.2.Name`), and whoever could not read a message one in the
message (`$.line_items[2].price`).
"""

import re
from typing import Any

import msgspec

Path = tuple[str | int, ...]

# What requests wrap records in; a position among them is one in the batch.
_WRAPPERS = frozenset(
    {"data", "attributes", "events-bulk-create", "profiles", "items", "variants", "events"}
)
# Where requests wrap what stands bare here: the record itself, and whom an event is about.
_AROUND: list[list[str | int]] = [[], ["profile"]]
_PART = re.compile(r"\[(\d+|\.{3})\]|([^.\[\]]+)")
_BYTE = re.compile(r"\(byte (\d+)\)")
_UNKNOWN = "..."
# A name may hold dots itself; no name of ours holds more.
_MOST_DOTS = 6
# No document that anybody shows or edits is deeper.
_DEEPEST = 200


class Place(msgspec.Struct, frozen=True):
    """A place in a document; not `found` where the last part of its path is what is missing."""

    path: Path
    found: bool = True


def find(pointer: str, document: Any) -> Place | None:
    """The place of a pointer in a document, or None where it points to nothing of it."""
    if pointer.startswith("/"):
        return _walk([_unescaped(part) for part in pointer.split("/")[1:]], document, exact=True)
    plain = pointer.removeprefix("$").removeprefix(".")
    parts = [index or name for index, name in _PART.findall(plain)]
    return _walk(parts, document, exact=False)


def byte_of(message: str) -> int | None:
    """The byte a reader of JSON stopped at, where its message names one."""
    found = _BYTE.search(message)
    return int(found.group(1)) if found else None


def value_at(document: Any, path: Path) -> Any:
    """What stands at a path. Raises LookupError where nothing does."""
    for part in path:
        document = _inner(document, part)
    return document


def replaced(document: Any, path: Path, value: Any) -> Any:
    """A copy of a document with another value at a path; what lies beside it is shared.

    Raises LookupError where nothing holds such a place; the last part may be new to an object.
    """
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(document, dict) and not rest:
        return {**document, part: value}
    inner = replaced(_inner(document, part), rest, value)
    if isinstance(document, dict):
        return {**document, part: inner}
    return [inner if number == part else one for number, one in enumerate(document)]


def without(document: Any, path: Path) -> Any:
    """A copy of a document without what stands at a path. Raises LookupError."""
    way, last = path[:-1], path[-1]
    holder = value_at(document, way)
    _inner(holder, last)
    if isinstance(holder, dict):
        kept: Any = {key: one for key, one in holder.items() if key != last}
    else:
        kept = [one for number, one in enumerate(holder) if number != last]
    return replaced(document, way, kept)


def _inner(holder: Any, part: str | int) -> Any:
    if isinstance(holder, dict):
        return holder[part]
    if isinstance(holder, list) and isinstance(part, int):
        return holder[part]
    raise LookupError(part)


def depth_over(document: Any, limit: int) -> bool:
    """Whether a document is nested deeper than a limit; looked at without nesting calls."""
    level = [document]
    for _ in range(limit):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def written(path: Path) -> str:
    """A path as our own rules write one."""
    return ".".join(str(part) for part in path)


def _walk(parts: list[str], document: Any, *, exact: bool) -> Place | None:
    path: list[str | int] = []
    at, node = 0, document
    while at < len(parts) and at < _DEEPEST:
        part = parts[at]
        if part == _UNKNOWN:
            break
        taken, step = _step(parts, at, node, exact=exact)
        if step is not None:
            path.append(step)
            node = node[step]
            at += taken
        elif (not path and part.isdecimal()) or (path in _AROUND and part in _WRAPPERS):
            at += 1
        elif _names_missing(parts, at, node, path):
            return Place((*path, part), found=False)
        else:
            break
    return Place(tuple(path)) if path else None


def _step(parts: list[str], at: int, node: Any, *, exact: bool) -> tuple[int, str | int | None]:
    """How many parts lead on from here, and to which key."""
    part = parts[at]
    if isinstance(node, list):
        is_there = part.isascii() and part.isdecimal() and len(part) < 10 and int(part) < len(node)
        return 1, int(part) if is_there else None
    if not isinstance(node, dict):
        return 1, None
    if part in node:
        return 1, part
    for more in range(2, 1 if exact else _MOST_DOTS):
        joined = ".".join(parts[at : at + more])
        if joined in node:
            return more, joined
    return 1, None


def _names_missing(parts: list[str], at: int, node: Any, path: list[str | int]) -> bool:
    is_field = parts[at] and parts[at] not in _WRAPPERS and not parts[at].isdecimal()
    return (
        isinstance(node, dict) and bool(is_field) and at == len(parts) - 1 and len(path) < _DEEPEST
    )


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
