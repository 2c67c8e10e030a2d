"""What a person has changed of an operation, put in its place before it is sent again."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from .operations import (
    Operation,
    Profile,
    TrackEvent,
    UpsertCatalogItem,
    UpsertCatalogVariant,
    UpsertProfile,
)

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_replace = msgspec.structs.replace


class BadRepair(Exception):
    """What a person has changed cannot be read."""


def read(content: bytes) -> dict[str, Any]:
    """Read what a person has changed. Raises BadRepair."""
    try:
        return _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BadRepair from exc


def patched(operation: Operation, content: dict[str, Any]) -> Operation:
    """Say of an operation what a person has changed of it. Raises BadRepair.

    What names it stays: of an event its metric and its id, of a product its id.
    """
    match operation:
        case TrackEvent():
            return _event(operation, content)
        case UpsertProfile():
            attributes = {key: value for key, value in content.items() if key != "profile"}
            person = _person(attributes, operation.profile)
            return _replace(operation, profile=person, attributes=attributes)
        case UpsertCatalogItem() | UpsertCatalogVariant():
            return _replace(operation, attributes=content)
        case _:
            return operation


def _event(event: TrackEvent, content: dict[str, Any]) -> TrackEvent:
    properties = content.get("properties", {})
    known_by = content.get("profile", {})
    if not isinstance(properties, dict) or not isinstance(known_by, dict):
        raise BadRepair
    return _replace(
        event,
        # Older rows do not say whose it is.
        profile=_person(known_by, event.profile),
        occurred_at=_moment(content["time"]) if content.get("time") else event.occurred_at,
        value=_amount(content.get("value")),
        currency=content.get("value_currency") or None,
        properties=properties,
    )


def _person(known_by: dict[str, Any], before: Profile) -> Profile:
    """Whom it is about; by the e-mail address if there are both, since Klaviyo would join them."""
    if email := known_by.get("email"):
        return Profile(email=str(email))
    if phone := known_by.get("phone_number"):
        return Profile(phone=str(phone))
    return before


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as exc:
        raise BadRepair from exc
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _amount(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation as exc:
        raise BadRepair from exc
