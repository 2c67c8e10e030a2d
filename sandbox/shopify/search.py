"""Shopify's search syntax: what it understands filters, what it does not it warns about."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.shop.memory import Row

# Reads the value of a field from a row; instants are floats, everything else is text.
Getter = Callable[[Row], Any]
_TERM = re.compile(
    r"""\s*(?P<not>-|NOT\s+)?(?P<field>[A-Za-z_]\w*):(?P<op>>=|<=|>|<|)"""
    r"""(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>[^\s()]*))\s*"""
)
_GLUE = re.compile(r"\s*(AND\b|OR\b|\(|\))\s*")
_BARE_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:(?P<rest>[^:\s]*)")


@dataclass
class Search:
    """A query that was read: a condition on rows, and what was not understood."""

    query: str
    warnings: list[dict[str, str]] = field(default_factory=list)
    groups: list[list[Callable[[Row], bool]]] = field(default_factory=list)

    def matches(self, row: Row) -> bool:
        """Test a row; a query with warnings lets everything through, as the real one does."""
        return bool(self.warnings) or all(any(t(row) for t in group) for group in self.groups)

    def extension(self, path: str) -> dict[str, Any]:
        """Write the entry of `extensions.search`."""
        return {"path": [path], "query": self.query, "parsed": {}, "warnings": self.warnings}


def read(query: str, fields: Mapping[str, Getter]) -> Search:
    """Read a query: a space means AND, and OR binds tighter."""
    search, at, joined = Search(query), 0, False
    while at < len(query.rstrip()):
        if glue := _GLUE.match(query, at):
            joined, at = glue[1] == "OR", glue.end()
        elif term := _TERM.match(query, at):
            _add(search, term, fields, joined=joined)
            joined, at = False, term.end()
        else:
            word = re.compile(r"\s*\S+\s*").match(query, at)
            _add_text(search, word[0].strip() if word else "", joined=joined)
            joined, at = False, word.end() if word else len(query)
    return search


def _add(
    search: Search, term: re.Match[str], fields: Mapping[str, Getter], *, joined: bool
) -> None:
    quoted = term["single"] if term["single"] is not None else term["double"]
    value = quoted if quoted is not None else term["bare"]
    if quoted is None and (broken := _BARE_INSTANT.match(value)):
        _warn(search, broken["rest"])
    elif term["field"] not in fields:
        _warn(search, term["field"])
    else:
        test = _test(fields[term["field"]], term["op"], value)
        if test is None:
            _warn(search, term["field"], "Invalid value for this field.", "invalid_value")
        else:
            _join(search, _negated(test) if term["not"] else test, joined=joined)


def _warn(
    search: Search,
    name: str,
    message: str = "Invalid search field for this query.",
    code: str = "invalid_field",
) -> None:
    search.warnings.append({"field": name, "message": message, "code": code})


def _add_text(search: Search, word: str, *, joined: bool) -> None:
    needle = word.strip("'\"").lower().encode()
    _join(search, lambda row: needle in row.body.lower(), joined=joined)


def _join(search: Search, test: Callable[[Row], bool], *, joined: bool) -> None:
    if joined and search.groups:
        search.groups[-1].append(test)
    else:
        search.groups.append([test])


def _negated(test: Callable[[Row], bool]) -> Callable[[Row], bool]:
    return lambda row: not test(row)


def _test(getter: Getter, op: str, text: str) -> Callable[[Row], bool] | None:
    def value_of(row: Row) -> Any:
        return getter(row)

    if getattr(getter, "kind", "text") in ("instant", "day"):
        try:
            wanted: Any = _instant(text)
        except ValueError:
            return None
        if getattr(getter, "kind", "text") == "day":
            wanted //= 86_400
    elif getattr(getter, "kind", "text") == "number":
        if not text.isdigit():
            return None
        wanted = int(text)
    else:
        low = text.lower()
        return lambda row: str(value_of(row) if value_of(row) is not None else "").lower() == low
    return _COMPARE[op](value_of, wanted)


_COMPARE: dict[str, Callable[[Getter, Any], Callable[[Row], bool]]] = {
    "": lambda get, wanted: lambda row: bool(get(row) == wanted),
    ">": lambda get, wanted: lambda row: bool(get(row) > wanted),
    ">=": lambda get, wanted: lambda row: bool(get(row) >= wanted),
    "<": lambda get, wanted: lambda row: bool(get(row) < wanted),
    "<=": lambda get, wanted: lambda row: bool(get(row) <= wanted),
}


def _instant(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
