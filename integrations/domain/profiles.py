"""What is known of a person, for their profile at Klaviyo."""

from datetime import datetime

from .operations import Profile, UpsertProfile
from .people import Contact
from .properties import location, present, text
from .records import Address


def upsert(
    profile: Profile,
    found: Contact,
    *,
    scope: str,
    version: datetime,
    first_name: str | None,
    last_name: str | None,
    address: Address | None,
    locale: str | None = None,
) -> UpsertProfile:
    """Say what is known, and nothing of what is not: a missing part stays as it is."""
    attributes = present(
        {
            "email": found.email,
            "phone_number": found.phone,
            "first_name": text(first_name),
            "last_name": text(last_name),
            "locale": text(locale),
            "location": location(address),
        }
    )
    return UpsertProfile(profile, scope, version, attributes)
