"""Klaviyo's rules for events and profiles, beyond the shape of the body."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from sandbox.klaviyo.errors import Refusal
from sandbox.klaviyo.people import IDENTIFIERS, given
from sandbox.klaviyo.shapes import (
    PROPERTIES,
    STRING_LIMIT,
    EventProfile,
    InnerEventAttributes,
    ProfileAttributes,
)
from sandbox.klaviyo.times import parse

T = TypeVar("T")

EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
)
EMAIL_LIMIT = 100
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
EARLIEST = parse("2000-01-01T00:00:00Z")
YEAR = 366 * 24 * 3600.0
# Addresses under these domains are answered with 202 and thrown away.
TEST_DOMAINS = ("@example.com", "@test.com")
_PATH = re.compile(r" - at `(?P<path>\$.*)`$")
_FIELD = re.compile(r"(?:unknown|required) field `(?P<name>[^`]+)`")


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Read a body strictly; what does not fit is refused with a pointer to it."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as exc:
        raise misfit(str(exc)) from None
    except msgspec.DecodeError as exc:
        raise Refusal(400, f"Invalid JSON: {exc}", pointer="/data") from None


def misfit(message: str, under: str = "") -> Refusal:
    """Turn the decoder's complaint into a refusal with a JSON pointer."""
    at = _PATH.search(message)
    path = at["path"][1:] if at else ""
    pointer = under + re.sub(r"\.|\[", "/", path.replace("[...]", "")).replace("]", "")
    if field := _FIELD.search(message):
        pointer += "/" + field["name"]
    return Refusal(400, message[: at.start()] if at else message, pointer=pointer or "/data")


def event_faults(event: InnerEventAttributes, now: float, at: str) -> Iterator[Refusal]:
    """List what is wrong with one event whose attributes sit at the pointer `at`."""
    try:
        PROPERTIES.decode(event.properties)
    except msgspec.DecodeError as exc:
        yield misfit(str(exc), f"{at}/properties")
    if len(bytes(event.properties)) > STRING_LIMIT and _has_long_string(event.properties):
        yield Refusal(400, "A string is longer than 100 KB.", pointer=f"{at}/properties")
    if event.time is not None and (complaint := _time_fault(event.time, now)):
        yield Refusal(400, complaint, pointer=f"{at}/time")


def _time_fault(text: str, now: float) -> str | None:
    try:
        instant = parse(text)
    except ValueError:
        return "Invalid time: not an ISO 8601 date and time."
    if not EARLIEST <= instant <= now + YEAR:
        return "Invalid time: must be after the year 2000 and at most one year from now."
    return None


def _has_long_string(raw: msgspec.Raw) -> bool:
    waiting: list[Any] = [msgspec.json.decode(raw)]
    while waiting:
        match waiting.pop():
            case str() as text if len(text.encode()) > STRING_LIMIT:
                return True
            case dict() as inner:
                waiting.extend(inner.values())
            case list() as inner:
                waiting.extend(inner)
    return False


def event_profile_faults(profile: EventProfile, at: str) -> Iterator[Refusal]:
    """List what is wrong with the profile of an event."""
    if not profile.id and not any(_identifiers(profile.attributes)):
        names = ", ".join(IDENTIFIERS)
        yield Refusal(400, f"One of these is needed: id, {names}.", pointer=f"{at}/attributes")
    yield from identifier_faults(profile.attributes, f"{at}/attributes")


def _identifiers(attributes: ProfileAttributes) -> Iterator[str]:
    fields = given(attributes)
    return (fields[name] for name in IDENTIFIERS if fields.get(name))


def identifier_faults(attributes: ProfileAttributes, at: str) -> Iterator[Refusal]:
    """List the identifiers that Klaviyo would not take."""
    email, phone = attributes.email, attributes.phone_number
    if isinstance(email, str) and not is_email(email):
        yield Refusal(400, "Invalid email address", pointer=f"{at}/email")
    if isinstance(phone, str) and not PHONE.fullmatch(phone):
        detail = "Invalid phone number format (Example of a valid format: +12345678901)"
        yield Refusal(400, detail, pointer=f"{at}/phone_number")


def is_email(text: str) -> bool:
    """Tell whether Klaviyo takes this address."""
    return len(text) < EMAIL_LIMIT and EMAIL.fullmatch(text) is not None


def is_thrown_away(fields: dict[str, Any]) -> bool:
    """Tell addresses that Klaviyo accepts and then drops without a word."""
    return str(fields.get("email") or "").lower().endswith(TEST_DOMAINS)
