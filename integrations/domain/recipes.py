"""Repairs for many records at once: named rules, each from a document to a document, or to None.

None says that a rule does not apply: there is nothing of it in the record, or the record would no
longer say what it is about.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Document = dict[str, Any]
Apply = Callable[[Document, str], Document | None]

# Klaviyo's limits (platforms/klaviyo/rules.py); a sign takes four bytes at most.
LONGEST_TEXT, LONGEST_LIST = 24_000, 4_000


class Recipe(msgspec.Struct, frozen=True):
    """One rule: what it does, in words, and for which reasons it fits."""

    code: str
    title: str
    sentence: str
    apply: Apply
    # Ends of fields, and our own rules, for which this is a likely cure.
    fields: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    # What it has to be told, in words; empty where nothing.
    asks: str = ""

    def fits(self, field: str, rule: str) -> bool:
        """Whether this is a likely cure for a reason."""
        return rule in self.rules or any(
            field == one or field.endswith(f".{one}") or f".{one}." in f".{field}."
            for one in self.fields
        )


def apply(recipe: Recipe, document: Any, value: str = "") -> Document | None:
    """What a rule makes of a document; None where it does not apply or changes nothing."""
    if not isinstance(document, dict):
        return None
    found = recipe.apply(document, value)
    return None if found is None or found == document else found


def fitting(field: str, rule: str) -> list[Recipe]:
    """All rules, those that fit a reason first."""
    return sorted(RECIPES.values(), key=lambda one: not one.fits(field, rule))


def refusal(recipe: Recipe, value: str) -> str:
    """Why a rule cannot work with what it was told; empty where it can."""
    if not recipe.asks:
        return ""
    if not value:
        return f"Write {recipe.asks}."
    if recipe.code == "set_currency" and not (
        len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()
    ):
        return "A currency has three capital letters, such as EUR."
    return ""


def _without(name: str, but_only_with: str) -> Apply:
    """Take a way of reaching somebody out, where the other one stays."""

    def drop(document: Document, _: str) -> Document | None:
        profile = document.get("profile")
        if isinstance(profile, dict):
            inner = _drop(profile, name, but_only_with)
            return None if inner is None else document | {"profile": inner}
        return _drop(document, name, but_only_with)

    return drop


def _drop(holder: Document, name: str, but_only_with: str) -> Document | None:
    if name not in holder or not holder.get(but_only_with):
        return None
    return {key: one for key, one in holder.items() if key != name}


def _set_currency(document: Document, value: str) -> Document | None:
    # Only what has an amount has a currency; people and products have none.
    return document | {"value_currency": value} if "value" in document else None


def _drop_value(document: Document, _: str) -> Document | None:
    if "value" not in document and "value_currency" not in document:
        return None
    return {key: one for key, one in document.items() if key not in {"value", "value_currency"}}


def _drop_place(document: Document, _: str) -> Document | None:
    location = document.get("location")
    if not isinstance(location, dict) or not location.keys() & {"country", "region"}:
        return None
    kept = {key: one for key, one in location.items() if key not in {"country", "region"}}
    return document | {"location": kept}


def _cut_texts(document: Document, _: str) -> Document | None:
    cut: Document = _shortened(document)
    return cut


def _shortened(found: Any) -> Any:
    if isinstance(found, str):
        return found if len(found) <= LONGEST_TEXT else found[: LONGEST_TEXT - 1] + "…"
    if isinstance(found, dict):
        return {key: _shortened(one) for key, one in found.items()}
    if isinstance(found, list):
        return [_shortened(one) for one in found[:LONGEST_LIST]]
    return found


def _drop_property(document: Document, name: str) -> Document | None:
    properties = document.get("properties")
    if not isinstance(properties, dict):
        return None
    kept = _dropped(properties, name)
    return None if kept is None else document | {"properties": kept}


def _dropped(holder: Document, name: str) -> Document | None:
    """Without a property; `Items.Name` takes `Name` out of each of the items."""
    if name in holder:
        return {key: one for key, one in holder.items() if key != name}
    first, dot, rest = name.partition(".")
    inner = holder.get(first)
    if not dot or not isinstance(inner, dict | list):
        return None
    if isinstance(inner, dict):
        without = _dropped(inner, rest)
        return None if without is None else holder | {first: without}
    each = [_dropped(one, rest) if isinstance(one, dict) else None for one in inner]
    if all(one is None for one in each):
        return None
    pairs = zip(each, inner, strict=True)
    return holder | {first: [old if new is None else new for new, old in pairs]}


_ALL = (
    Recipe(
        "drop_phone",
        "Leave the phone number out",
        "The phone number is left out wherever an e-mail address stays.",
        _without("phone_number", "email"),
        fields=("phone_number",),
        rules=("phone",),
    ),
    Recipe(
        "drop_email",
        "Leave the e-mail address out",
        "The e-mail address is left out wherever a phone number stays.",
        _without("email", "phone_number"),
        fields=("email",),
        rules=("email",),
    ),
    Recipe(
        "set_currency",
        "Set the currency",
        "Every amount gets the currency you write. The amounts themselves stay.",
        _set_currency,
        fields=("value_currency",),
        asks="the currency, such as EUR",
    ),
    Recipe(
        "drop_value",
        "Leave the amount out",
        "Amount and currency are left out. Klaviyo then counts the event without a value.",
        _drop_value,
        fields=("value", "value_currency"),
    ),
    Recipe(
        "cut_texts",
        "Shorten what is too long",
        "Texts longer than 24,000 signs are cut, and lists after 4,000 entries.",
        _cut_texts,
        fields=("description", "properties"),
        rules=("text", "list", "size"),
    ),
    Recipe(
        "drop_property",
        "Leave one detail out",
        "The detail you name is left out of the event. “Items.Name” leaves it out of each item.",
        _drop_property,
        fields=("properties",),
        rules=("depth", "properties", "text", "list"),
        asks="the name of the detail",
    ),
    Recipe(
        "drop_place",
        "Leave country and region out",
        "Country and region of the customer's address are left out, the rest stays.",
        _drop_place,
        fields=("location", "country", "region"),
    ),
)
RECIPES: Mapping[str, Recipe] = {one.code: one for one in _ALL}
