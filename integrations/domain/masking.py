"""Personal data made unreadable, in a way that still shows what is wrong with its shape."""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

# Tried only where a word begins, or a long text without a space would take for ever.
EMAIL = re.compile(r"(?<![^\s\"<>@,;:\\])[^\s\"<>@,;:\\]+@[^\s\"'<>@,;:\\]+")
PHONE = re.compile(r"\+\d[\d\s().-]{5,}\d")
DOT = "•"

_PERSONAL = frozenset(
    {
        "firstname", "lastname", "fullname", "address1", "address2", "zip", "company", "phone",
        "phonenumber", "email", "contactemail", "latitude", "longitude", "browserip", "ip", "note",
        "clientdetails", "cardholdername",
    }
)  # fmt: skip
# A "name" is a person's only beside one of these; a product or an order has one too.
_PERSON_MARKS = frozenset({"address1", "firstname", "lastname"})


def mask_word(text: str) -> str:
    """Hide letters and digits but keep length, signs and the first letter."""
    return text[:1] + "".join(DOT if sign.isalnum() else sign for sign in text[1:])


def mask_email(text: str) -> str:
    """Hide the person, keep the domain."""
    person, _, domain = text.rpartition("@")
    return f"{person[:1]}{DOT * 3}@{domain}" if person else mask_word(text)


def mask_phone(text: str) -> str:
    """Hide all digits but the last two and keep the signs between them."""
    digits = sum(sign.isdigit() for sign in text)
    masked, seen = [], 0
    for sign in text:
        seen += sign.isdigit()
        masked.append(DOT if sign.isdigit() and seen <= digits - 2 else sign)
    return "".join(masked)


def mask_text(text: str) -> str:
    """Hide e-mail addresses and phone numbers wherever they stand in a text."""
    text = EMAIL.sub(lambda found: mask_email(found.group()), text)
    return PHONE.sub(lambda found: mask_phone(found.group()), text)


def mask_key(key: str) -> str:
    """Hide whom an operation is about; it may be an address or a number."""
    return mask_email(key) if "@" in key else mask_phone(key)


def is_personal(key: str, beside: Iterable[str]) -> bool:
    """Whether what stands under this key of an object is about a person."""
    plain = _plain(key)
    if plain == "name":
        return any(_plain(one) in _PERSON_MARKS for one in beside)
    return plain in _PERSONAL


def mask_fragment(text: str) -> str:
    """A part of a document that cannot be read as one: by its keys as far as they can be seen."""
    return mask_text(_PAIR.sub(_masked_pair, text))


# A key, and a text behind it that may never end. U+E000 stands where reading stopped, which may be
# in the middle of either (domain/showing.py).
_PAIR = re.compile(
    r'("([A-Za-z_0-9 \ue000]{2,40})"[\s\ue000]{0,20}:[\s\ue000]{0,20}")((?:[^"\\]|\\.)*+)'
)


def _masked_pair(found: re.Match[str]) -> str:
    start, key, value = found.groups()
    # What stands beside a name cannot be seen here, so only an order's number is shown.
    is_name = _plain(key) == "name" and not value.startswith("#")
    return start + (str(hidden(value)) if is_name or _plain(key) in _PERSONAL else value)


def mask_body(body: bytes, *, limit: int = 20_000) -> str:
    """A body as indented text with personal data hidden, cut off after `limit` characters."""
    try:
        text = json.dumps(masked(json.loads(body)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = mask_fragment(body[: limit * 2].decode("utf-8", errors="replace"))
    return text if len(text) <= limit else text[:limit] + "\n…"


def masked(value: Any) -> Any:
    """A copy of a document with personal data hidden."""
    if isinstance(value, list):
        return [masked(one) for one in value]
    if isinstance(value, str):
        return mask_text(value)
    if not isinstance(value, dict):
        return value
    return {
        key: hidden(one) if is_personal(key, value) else masked(one) for key, one in value.items()
    }


def hidden(value: Any) -> Any:
    """What is about a person, made unreadable."""
    if isinstance(value, str):
        return mask_email(value) if "@" in value else _number_or_word(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return DOT * len(str(value))
    return masked(value)


def _number_or_word(text: str) -> str:
    digits = sum(sign.isdigit() for sign in text)
    return mask_phone(text) if digits >= 6 else mask_word(text)


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())
