"""A whole record judged before it is sent: Klaviyo's rules, and what each field has to be."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from integrations.domain.operations import EVENTS, Kind
from integrations.domain.repairs import NO_OBJECT, Fault

from . import rules

# Klaviyo, Create Bulk Events: attributes of an event, and `profile` beside them as we keep it.
OF_EVENT = frozenset(
    {"metric", "properties", "time", "unique_id", "value", "value_currency", "backfill", "profile"}
)
_EMAIL = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+\.[^\s@<>,;:\".]{2,}")
# E.164: a plus sign and at most fifteen digits.
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_URL = re.compile(r"https?://\S+")


def faults(kind: str, document: Any, *, size: int, now: datetime) -> list[Fault]:
    """What Klaviyo would refuse of a record, as far as its published rules say."""
    if not isinstance(document, dict):
        return [NO_OBJECT]
    if kind in EVENTS:
        found = list(_of_event(document, now))
    else:
        found = list(_of_person(document) if kind == Kind.PROFILE else _of_product(document))
        if size > rules.LARGEST_ITEM:
            found.append(Fault("This is larger than the 100 KB Klaviyo takes for one record."))
    return found


def _of_event(document: dict[str, Any], now: datetime) -> Iterator[Fault]:
    for name in document.keys() - OF_EVENT:
        yield Fault("An event has no such part; details belong into “properties”.", name)
    yield from _moment(document.get("time"), now)
    yield from _if_there(document, "value", _is_amount, "An amount is a number.")
    yield from _if_there(
        document, "value_currency", _fits(_CURRENCY), "A currency has three capital letters."
    )
    properties = document.get("properties", {})
    if not isinstance(properties, dict):
        yield Fault("The details are an object: they begin with { and end with }.", "properties")
    elif failure := rules.of_properties(properties):
        yield Fault(failure.message, failure.pointer)
    if "profile" in document:
        profile = document["profile"]
        if isinstance(profile, dict):
            yield from _reached(profile, "profile.")
        else:
            yield Fault("Whom it is about is an object with an address or a number.", "profile")


def _moment(found: Any, now: datetime) -> Iterator[Fault]:
    try:
        moment = msgspec.convert(found, datetime)
    except (msgspec.ValidationError, ValueError):
        yield Fault("Write the date like 2026-11-20T12:00:00Z.", "time")
        return
    if moment.utcoffset() is None:
        yield Fault("The date needs its zone, such as Z at the end.", "time")
    elif not rules.EARLIEST <= moment <= now + rules.LATEST_AHEAD:
        yield Fault("The date is before the year 2000 or far in the future.", "time")


def _of_person(document: dict[str, Any]) -> Iterator[Fault]:
    yield from _reached(document, "")
    for name in ("first_name", "last_name", "locale"):
        yield from _if_there(document, name, _is_text, "This is a text.")
    yield from _if_there(document, "location", _is_object, "A place is an object of texts.")
    yield from _if_there(document, "properties", _is_object, "Details are an object.")


def _of_product(document: dict[str, Any]) -> Iterator[Fault]:
    for name in ("title", "description", "sku"):
        yield from _if_there(document, name, _is_text, "This is a text.")
    for name in ("url", "image_full_url"):
        yield from _if_there(
            document, name, _fits(_URL), "A web address begins with http:// or https://."
        )
    yield from _if_there(document, "price", _is_amount, "A price is a number.")
    yield from _if_there(document, "inventory_quantity", _is_whole, "A stock is a whole number.")
    yield from _if_there(document, "published", _is_switch, "This is true or false.")
    yield from _if_there(document, "custom_metadata", _is_object, "Details are an object.")


def _reached(holder: dict[str, Any], before: str) -> Iterator[Fault]:
    if not holder.get("email") and not holder.get("phone_number"):
        yield Fault("An e-mail address or a phone number has to stay.", f"{before}email")
    for name, pattern, sentence in (
        ("email", _EMAIL, "This is not an e-mail address."),
        ("phone_number", _PHONE, "A number begins with + and the country code: +49301234567."),
    ):
        for fault in _if_there(holder, name, _fits(pattern), sentence):
            yield Fault(fault.sentence, before + fault.path)


def _if_there(
    holder: dict[str, Any], name: str, fits: Callable[[Any], bool], sentence: str
) -> Iterator[Fault]:
    if name in holder and not fits(holder[name]):
        yield Fault(sentence, name)


def _fits(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, str) and pattern.fullmatch(found) is not None


def _is_amount(found: Any) -> bool:
    if isinstance(found, bool) or not isinstance(found, int | float | Decimal):
        return False
    return abs(Decimal(str(found))) < Decimal(10) ** 15


def _is_whole(found: Any) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def _is_text(found: Any) -> bool:
    return isinstance(found, str)


def _is_object(found: Any) -> bool:
    return isinstance(found, dict)


def _is_switch(found: Any) -> bool:
    return isinstance(found, bool)
