"""Klaviyo's filter grammar: `equals(email,"a@b.c"),greater-than(datetime,2026-01-01T00:00:00Z)`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.klaviyo.errors import Refusal
from sandbox.klaviyo.times import parse

_CLAUSE = re.compile(r"\s*(?P<op>[a-z-]+)\((?P<field>[\w.\[\]]+)(?:,(?P<value>.*))?\)\s*", re.S)
_QUOTED = re.compile(r"""["']((?:[^"'\\]|\\.)*)["']""")


@dataclass(frozen=True)
class Clause:
    """One condition."""

    op: str
    field: str
    values: list[str]

    @property
    def value(self) -> str:
        """The first or only value."""
        return self.values[0]


def clauses(text: str, allowed: dict[str, set[str]]) -> list[Clause]:
    """Read a filter; refuse what the endpoint does not filter by."""
    found = [_clause(part) for part in _parts(text)] if text else []
    for clause in found:
        if clause.op not in allowed.get(clause.field, set()):
            detail = f"'{clause.op}' is not an allowed filter for '{clause.field}'."
            raise Refusal(400, detail, parameter="filter")
    return found


def span(found: list[Clause], fields: tuple[str, ...]) -> tuple[float, float]:
    """Read the half-open span of time that the clauses leave."""
    start, end = float("-inf"), float("inf")
    for clause in (clause for clause in found if clause.field in fields):
        at = _instant(clause)
        match clause.op:
            case "greater-or-equal":
                start = max(start, at)
            case "greater-than":
                start = max(start, at + 1)
            case "less-than":
                end = min(end, at)
            case "less-or-equal":
                end = min(end, at + 1)
    return start, end


def _instant(clause: Clause) -> float:
    try:
        return float(clause.value) if clause.field == "timestamp" else parse(clause.value)
    except ValueError:
        raise Refusal(400, f"Invalid date: {clause.value}", parameter="filter") from None


def _parts(text: str) -> Iterator[str]:
    if text.startswith("and(") and text.endswith(")"):
        text = text[4:-1]
    depth, start, quote = 0, 0, ""
    for position, char in enumerate(text):
        if char in "\"'" and quote in ("", char):
            quote = "" if quote else char
        elif not quote and char in "([":
            depth += 1
        elif not quote and char in ")]":
            depth -= 1
        elif not quote and char == "," and depth == 0:
            yield text[start:position]
            start = position + 1
    yield text[start:]


def _clause(text: str) -> Clause:
    if not (match := _CLAUSE.fullmatch(text)):
        raise Refusal(400, f"Invalid filter: {text}", parameter="filter")
    value = (match["value"] or "").strip()
    quoted = _QUOTED.findall(value)
    return Clause(match["op"], match["field"], quoted or [value])
