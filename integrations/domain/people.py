"""Who a record is about: usable e-mail addresses and phone numbers, or a note why not."""

import re
from functools import lru_cache

import msgspec
import phonenumbers

from .operations import Profile
from .records import Buyer

# Klaviyo: an address of 100 characters or more is refused.
LONGEST_EMAIL = 99
EMAIL = re.compile(
    r"\A(?!\.)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}(?<!\.)@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59})\Z"
)
PHONE_DROPPED = "phone_dropped"
EMAIL_DROPPED = "email_dropped"


class Contact(msgspec.Struct, frozen=True):
    """The usable ways to name a person, and notes on what could not be used."""

    email: str | None
    phone: str | None
    notes: tuple[str, ...] = ()

    @property
    def profile(self) -> Profile | None:
        """The one identifier events are attached to, e-mail first; None when there is none."""
        if self.email:
            return Profile(email=self.email)
        return Profile(phone=self.phone) if self.phone else None


def clean_email(raw: str | None) -> str | None:
    """Lower-case and trim an address; None when Klaviyo would refuse it."""
    if not raw:
        return None
    email = raw.strip().lower()
    if len(email) > LONGEST_EMAIL or ".." in email or not EMAIL.match(email):
        return None
    return email


@lru_cache(maxsize=20_000)
def clean_phone(raw: str | None, country: str | None) -> str | None:
    """Write a number in E.164 form; None when it is not a valid number.

    `country` (ISO 3166 alpha-2) is used for numbers written without their country code.
    """
    if not raw or len(raw) > 40:
        return None
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def contact(email: str | None, phone: str | None, *, country: str | None) -> Contact:
    """Keep what is usable of an e-mail address and a phone number, each on its own."""
    usable_email, usable_phone = clean_email(email), clean_phone(phone, country)
    notes = []
    if email and not usable_email:
        notes.append(EMAIL_DROPPED)
    if phone and not usable_phone:
        notes.append(PHONE_DROPPED)
    return Contact(usable_email, usable_phone, tuple(notes))


def buyer_contact(buyer: Buyer, *, country: str | None) -> Contact:
    """The usable contact of whoever bought."""
    return contact(buyer.email, buyer.phone, country=country)
