"""What differs between two documents: a row for each field, before and after."""

from decimal import Decimal
from typing import Any

import msgspec

from .pointers import Path

# Deeper than that, whatever is inside counts as one field.
_DEEPEST = 60


class Nothing(msgspec.Struct, frozen=True):
    """Stands where a field is not there; null is something."""


NOTHING = Nothing()


class Change(msgspec.Struct, frozen=True):
    """One field that differs."""

    path: Path
    before: Any
    after: Any


def changes(before: Any, after: Any, *, limit: int = 200) -> list[Change]:
    """The fields that differ, in the order of the document; at most `limit` of them."""
    found: list[Change] = []
    _compare(before, after, (), found, limit)
    return found


def _compare(before: Any, after: Any, path: Path, found: list[Change], limit: int) -> None:
    if len(found) >= limit or before is after:
        return
    if len(path) < _DEEPEST and isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            _compare(before.get(key, NOTHING), after.get(key, NOTHING), (*path, key), found, limit)
    elif len(path) < _DEEPEST and isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            one = before[place] if place < len(before) else NOTHING
            other = after[place] if place < len(after) else NOTHING
            _compare(one, other, (*path, place), found, limit)
    elif not _same(before, after):
        found.append(Change(path, before, after))


def _same(before: Any, after: Any) -> bool:
    """Equal, where 1 and 1.0 are one number and 1 and true are not one value."""
    numbers = int | float | Decimal
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, numbers) and isinstance(after, numbers):
        return Decimal(str(before)) == Decimal(str(after))
    return type(before) is type(after) and bool(before == after)
