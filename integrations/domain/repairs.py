"""Changing what would be sent: read what somebody wrote, give back what was hidden from them.

Whoever may not see personal data edits a document whose personal parts are hidden by dots. Dots
are never sent: where the hidden text stands as it was shown, what it hides is put back.
"""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from .masking import DOT, masked
from .pointers import Path, depth_over, value_at, written

_encoder = msgspec.json.Encoder(decimal_format="number")
# More than that nobody edits in a page.
MOST_SIGNS = 200_000
DEEPEST = 60

NAMED_BY = "It is the name Klaviyo knows this by. With another one it would be counted twice."
# What a repair may never change, and why.
FIXED: Mapping[str, str] = {
    "metric": "The name of the metric decides which event Klaviyo counts. It stays as it is.",
    "unique_id": NAMED_BY,
    "backfill": "Whether flows may start is chosen when the record is sent again.",
    "id": NAMED_BY,
    "external_id": NAMED_BY,
    "integration_type": NAMED_BY,
    "catalog_type": NAMED_BY,
}
# Of a message of the shop: what says which record it is about.
FIXED_OF_MESSAGE: Mapping[str, str] = dict.fromkeys(
    ("id", "admin_graphql_api_id", "legacyResourceId", "order_id"),
    "This says which record of the shop it is. It stays as it is.",
)

LABELS = {
    "email": "E-mail address of the customer",
    "phone_number": "Phone number of the customer",
    "profile.email": "E-mail address of the customer",
    "profile.phone_number": "Phone number of the customer",
    "first_name": "First name of the customer",
    "last_name": "Last name of the customer",
    "locale": "Language of the customer",
    "location.country": "Country of the customer",
    "location.region": "Region of the customer",
    "location.city": "City of the customer",
    "location.zip": "Postcode of the customer",
    "location.address1": "Street of the customer",
    "location.address2": "Second line of the customer's address",
    "value": "Amount",
    "value_currency": "Currency (three letters, such as EUR)",
    "time": "Date and time",
    "title": "Title of the product",
    "description": "Description of the product",
    "url": "Web address of the product",
    "image_full_url": "Web address of the picture",
    "price": "Price of the product",
    "sku": "SKU of the product",
    "inventory_quantity": "Stock of the product",
}
# Without one of these the record still says what it is about.
_MAY_GO = frozenset(
    {"phone_number", "email", "first_name", "last_name", "locale", "value", "value_currency",
     "image_full_url", "description", "inventory_quantity"}
)  # fmt: skip
_NUMBERS = frozenset({"value", "price", "inventory_quantity"})


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with what somebody wrote, and where."""

    sentence: str
    path: str = ""
    line: int | None = None
    column: int | None = None


NO_OBJECT = Fault("A record is an object: it begins with { and ends with }.")


class Faulty(Exception):
    """What was written cannot be sent."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults[0].sentence)
        self.faults = faults


def read(text: str) -> Any:
    """A document from what somebody wrote; amounts keep their digits. Raises Faulty."""
    if len(text) > MOST_SIGNS:
        raise Faulty(
            Fault(f"This is longer than {MOST_SIGNS:,} signs, which nobody can edit here.")
        )
    try:
        found = json.loads(
            text,
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_once_each,
        )
        text.encode()
    except json.JSONDecodeError as exc:
        raise Faulty(Fault(_plain(exc.msg), line=exc.lineno, column=exc.colno)) from exc
    except RecursionError as exc:
        raise Faulty(Fault("This is nested too deeply.")) from exc
    except (ValueError, ArithmeticError) as exc:
        raise Faulty(Fault(f"This holds signs or numbers that cannot be sent: {exc}")) from exc
    if depth_over(found, DEEPEST):
        raise Faulty(Fault("This is nested too deeply."))
    return found


def load(content: bytes) -> Any:
    """A stored document; amounts keep their digits. Raises ValueError where it is none."""
    try:
        return json.loads(content, parse_float=Decimal)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def encode(document: Any) -> bytes:
    """A document as it is kept and sent. Raises Faulty."""
    try:
        return _encoder.encode(document)
    except (UnicodeEncodeError, OverflowError, TypeError) as exc:
        raise Faulty(Fault("This holds signs or numbers that cannot be sent.")) from exc


def editable(document: Any, *, clear: bool) -> str:
    """A document for an editor, personal data hidden unless clear; empty where it is too much."""
    if depth_over(document, DEEPEST):
        return ""
    shown = document if clear else masked(document)
    text = msgspec.json.format(encode(shown), indent=2).decode()
    return text if len(text) <= MOST_SIGNS else ""


def given_back(document: Any, base: Any) -> Any:
    """What somebody wrote over `base`, with what was hidden from them put back. Raises Faulty.

    A hidden text is looked for where it stood, then wherever else it can only be one thing, since
    entries may have been moved. Any other text with dots is refused: it would be sent as dots.
    """
    hidden = _hidden_texts(base)
    own = {text for text, _ in _texts(base) if DOT in text}
    return _given_back(document, base, masked(base), (), hidden, own)


def frozen(document: Any, base: Any, *, of_message: bool) -> list[Fault]:
    """What was changed of a document that must stay as it is."""
    if not isinstance(document, dict) or not isinstance(base, dict):
        return []
    fixed = FIXED_OF_MESSAGE if of_message else FIXED
    return [Fault(why, name) for name, why in fixed.items() if document.get(name) != base.get(name)]


def label(path: Path) -> str:
    """What a field is called, in a shop owner's words."""
    known = LABELS.get(written(path))
    if known:
        return known
    names = [part for part in path if part not in {"properties", "profile", "custom_metadata"}]
    words = ""
    for part in names:
        if isinstance(part, int):
            words = f"{words or 'entry'}, number {part + 1}"
        else:
            words = f"{words}: {_spaced(part)}" if words else _spaced(part)
    return words[:1].upper() + words[1:] or "The record"


def why_fixed(path: Path, *, of_message: bool) -> str:
    """Why a field may not be changed; empty where it may."""
    fixed = FIXED_OF_MESSAGE if of_message else FIXED
    return fixed.get(str(path[0]), "") if path else ""


def may_go(path: Path, document: Any) -> bool:
    """Whether the record still says what it is about without this field."""
    name = str(path[-1]) if path else ""
    if name not in _MAY_GO and path[:1] != ("properties",) and path[:1] != ("location",):
        return False
    if name not in {"email", "phone_number"} or len(path) > 2:
        return True
    try:
        holder = value_at(document, path[:-1])
    except LookupError:
        return False
    other = "phone_number" if name == "email" else "email"
    return isinstance(holder, dict) and bool(holder.get(other))


def typed(text: str, path: Path, before: Any) -> Any:
    """What somebody wrote into the one field, as the kind of value that belongs there.

    Raises Faulty.
    """
    text = " ".join(text.split())
    name = str(path[-1]) if path else ""
    if not text:
        raise Faulty(Fault("Write what belongs there.", written(path)))
    if isinstance(before, bool):
        words = {"true": True, "yes": True, "false": False, "no": False}
        if text.lower() not in words:
            raise Faulty(Fault("Write yes or no.", written(path)))
        return words[text.lower()]
    if name in _NUMBERS or isinstance(before, int | float | Decimal):
        return _number(text, path)
    if name == "value_currency":
        return text.upper()
    if name == "phone_number":
        return re.sub(r"[\s().-]", "", text)
    return text


def _number(text: str, path: Path) -> Any:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,10})?", text):
        raise Faulty(Fault("Write a number, with a point before its decimals.", written(path)))
    return Decimal(text) if "." in text else int(text)


def _given_back(
    found: Any, base: Any, shown: Any, path: Path, hidden: dict[str, Any], own: set[str]
) -> Any:
    if isinstance(found, str):
        if DOT not in found:
            return found
        if isinstance(shown, str) and found == shown:
            return base
        if found in own or (isinstance(base, str) and DOT in base and base == shown):
            return found
        if found in hidden and hidden[found] is not _SEVERAL:
            return hidden[found]
        raise Faulty(
            Fault(
                f"“{found[:60]}” holds dots that stand for something hidden. Write the whole value,"
                " or show personal data first.",
                written(path),
            )
        )
    if isinstance(found, dict):
        bases = base if isinstance(base, dict) else {}
        all_shown = shown if isinstance(shown, dict) else {}
        return {
            key: _given_back(one, bases.get(key), all_shown.get(key), (*path, key), hidden, own)
            for key, one in found.items()
        }
    if isinstance(found, list):
        old = base if isinstance(base, list) else []
        seen = shown if isinstance(shown, list) else []
        return [
            _given_back(
                one,
                old[number] if number < len(old) else None,
                seen[number] if number < len(seen) else None,
                (*path, number),
                hidden,
                own,
            )
            for number, one in enumerate(found)
        ]
    return found


_SEVERAL = object()


def _hidden_texts(base: Any) -> dict[str, Any]:
    """What each hidden text stands for; `_SEVERAL` where that is not one thing."""
    found: dict[str, Any] = {}
    for shown, really in _pairs(masked(base), base):
        if isinstance(shown, str) and DOT in shown and shown != really:
            known = found.setdefault(shown, really)
            if known is not _SEVERAL and known != really:
                found[shown] = _SEVERAL
    return found


def _pairs(shown: Any, really: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(really, dict):
        for key, one in really.items():
            yield from _pairs(shown[key], one)
    elif isinstance(really, list):
        for left, right in zip(shown, really, strict=True):
            yield from _pairs(left, right)
    else:
        yield shown, really


def _texts(document: Any) -> Iterator[tuple[str, bool]]:
    """Every text of a document that is shown as it is."""
    for shown, really in _pairs(masked(document), document):
        if isinstance(really, str) and shown == really:
            yield really, True


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Faulty(Fault(f"“{twice[:60]}” stands here twice; only one can be meant."))
    return found


def _refuse_constant(name: str) -> None:
    raise Faulty(Fault(f"{name} is not a number that can be sent."))


def _plain(message: str) -> str:
    return f"This cannot be read: {message[:1].lower()}{message[1:]}."


def _spaced(name: str) -> str:
    return name.replace("_", " ").strip() or "field"
