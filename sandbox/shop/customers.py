"""The people of a made-up shop."""

import unicodedata
from typing import Any

from sandbox.shop import words
from sandbox.shop.chance import Chance, gid

LONG_ADDRESS = "a" * 90
VALID, BROKEN = 0.45, 0.12


def customer(chance: Chance, at: str, currency: str) -> dict[str, Any]:
    """Make a customer as `customers/create` shows one."""
    number = chance.number()
    first, last = chance.pick(words.FIRST_NAMES), chance.pick(words.LAST_NAMES)
    place = chance.pick(words.PLACES)
    phone = phone_number(chance, place[-1] or "")
    own = address(chance, first, last, phone)
    return {
        "id": number,
        "admin_graphql_api_id": gid("Customer", number),
        "email": mail_address(chance, first, last) if chance.often(0.93) else None,
        "phone": phone,
        "first_name": first,
        "last_name": last,
        "state": chance.pick(("disabled", "enabled", "invited")),
        "note": chance.pick(words.NOTES),
        "verified_email": chance.often(0.9),
        "currency": currency,
        "tax_exempt": False,
        "tax_exemptions": [],
        "multipass_identifier": None,
        "addresses": [{**own, "id": number + 1, "customer_id": number, "default": True}],
        "default_address": {**own, "id": number + 1, "customer_id": number, "default": True},
        "created_at": at,
        "updated_at": at,
    }


def mail_address(chance: Chance, first: str, last: str) -> str:
    """Make an address that Klaviyo takes, except for a rare overlong one."""
    name = ".".join(_plain(part) for part in (first, last)).strip(".") or "guest"
    if chance.often(0.002):
        name = LONG_ADDRESS
    if chance.often(0.05):
        name += "+shop"
    if chance.often(0.05):
        name = name.title()
    return f"{name}{chance.randrange(10, 99_999)}@{chance.pick(words.MAIL_DOMAINS)}"


def _plain(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(char for char in ascii_only.lower() if char.isalnum())


def phone_number(chance: Chance, pattern: str) -> str | None:
    """Make a phone number: none, a valid one, or one that no platform should accept."""
    drawn = chance.random()
    if drawn < VALID:
        return pattern.format(chance.randrange(100, 200))
    return chance.pick(words.BROKEN_PHONES) if drawn < VALID + BROKEN else None


def address(chance: Chance, first: str, last: str, phone: str | None) -> dict[str, Any]:
    """Make a postal address for somebody."""
    city, province, code, country, country_code, postcode, _ = chance.pick(words.PLACES)
    return {
        "first_name": first,
        "last_name": last,
        "name": f"{first} {last}",
        "company": chance.pick((None, None, None, "Demo GmbH")),
        "address1": f"{chance.pick(words.STREETS)} {chance.randrange(1, 200)}",
        "address2": chance.pick((None, "", "Apt 4")),
        "city": city,
        "zip": postcode,
        "province": province,
        "province_code": code,
        "country": country,
        "country_code": country_code,
        "country_name": country,
        "phone": phone,
    }


def email_consent(chance: Chance, person: dict[str, Any], at: str) -> dict[str, Any]:
    """Make the body of `customers_email_marketing_consent/update`."""
    return {
        "customer_id": person["id"],
        "email_address": person["email"],
        "email_marketing_consent": {
            "state": chance.pick(("subscribed", "unsubscribed", "not_subscribed", "pending")),
            "opt_in_level": chance.pick(("single_opt_in", "confirmed_opt_in", None)),
            "consent_updated_at": at,
        },
    }


def sms_consent(chance: Chance, person: dict[str, Any], at: str) -> dict[str, Any]:
    """Make the body of `customers_marketing_consent/update`."""
    return {
        "id": person["id"],
        "phone": person["phone"],
        "sms_marketing_consent": {
            "state": chance.pick(("subscribed", "unsubscribed")),
            "opt_in_level": "single_opt_in",
            "consent_updated_at": at,
            "consent_collected_from": "SHOPIFY",
        },
    }
