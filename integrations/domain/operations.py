"""What Klaviyo should know: one operation each, with an identity that never changes."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import msgspec


class Kind(StrEnum):
    """What an operation tells Klaviyo; also the ledger's column of the same name."""

    PLACED_ORDER = "placed_order"
    ORDERED_PRODUCT = "ordered_product"
    FULFILLED_ORDER = "fulfilled_order"
    CANCELLED_ORDER = "cancelled_order"
    REFUNDED_ORDER = "refunded_order"
    STARTED_CHECKOUT = "started_checkout"
    PROFILE = "profile"
    CATALOG_ITEM = "catalog_item"
    CATALOG_VARIANT = "catalog_variant"


# What somebody did. Klaviyo adds these up and keeps each for good; everything else is written over.
EVENTS = (
    Kind.PLACED_ORDER,
    Kind.ORDERED_PRODUCT,
    Kind.FULFILLED_ORDER,
    Kind.CANCELLED_ORDER,
    Kind.REFUNDED_ORDER,
    Kind.STARTED_CHECKOUT,
)


class Profile(msgspec.Struct, frozen=True, gc=False):
    """Whom an operation is about: an e-mail address, or else a phone number in E.164 form.

    Never both in one event: Klaviyo would join the two profiles.
    """

    email: str | None = None
    phone: str | None = None

    @property
    def key(self) -> str:
        """The person as one word, for joining what belongs to the same person."""
        return self.email or self.phone or ""

    @classmethod
    def from_key(cls, key: str) -> "Profile":
        """Read back what `key` wrote; a phone number starts with a plus sign."""
        return cls(phone=key) if key.startswith("+") else cls(email=key)


class TrackEvent(msgspec.Struct, frozen=True):
    """Something a person did. Klaviyo keeps the first of a (profile, metric, unique_id)."""

    kind: Kind
    metric: str
    profile: Profile
    scope: str
    source_id: str
    unique_id: str
    occurred_at: datetime
    version: datetime
    value: Decimal | None
    currency: str | None
    properties: dict[str, Any]
    # The id to use when `unique_id` is already taken by a sibling (a second refund of one order).
    fallback_id: str | None = None

    @property
    def identity(self) -> str:
        """The ledger's name for this operation."""
        return f"{self.kind}:{self.scope}:{self.unique_id}"


class UpsertProfile(msgspec.Struct, frozen=True):
    """What is known of a person. Unknown parts are left out, never null: null would erase."""

    profile: Profile
    scope: str
    version: datetime
    attributes: dict[str, Any]
    kind: Kind = Kind.PROFILE

    @property
    def identity(self) -> str:
        """One per person and account, the same for every store; it holds no personal data."""
        return identity_of(self.profile)


class UpsertCatalogItem(msgspec.Struct, frozen=True):
    """A product as the catalog should show it."""

    source_id: str
    scope: str
    version: datetime
    attributes: dict[str, Any]
    kind: Kind = Kind.CATALOG_ITEM

    @property
    def identity(self) -> str:
        """The ledger's name for this operation."""
        return f"catalog_item:{self.scope}:{self.source_id}"


class UpsertCatalogVariant(msgspec.Struct, frozen=True):
    """A variant as the catalog should show it; its item must exist first."""

    source_id: str
    item_id: str
    scope: str
    version: datetime
    attributes: dict[str, Any]
    kind: Kind = Kind.CATALOG_VARIANT

    @property
    def identity(self) -> str:
        """The ledger's name for this operation."""
        return f"catalog_variant:{self.scope}:{self.source_id}"


class DeleteCatalogItem(msgspec.Struct, frozen=True):
    """A product that is gone from the store."""

    source_id: str
    scope: str
    version: datetime
    kind: Kind = Kind.CATALOG_ITEM

    @property
    def identity(self) -> str:
        """The same as the upsert's: a deletion is a newer state of the same thing."""
        return f"catalog_item:{self.scope}:{self.source_id}"


class DeleteCatalogVariant(msgspec.Struct, frozen=True):
    """A variant that is taken back while its item stays."""

    source_id: str
    scope: str
    version: datetime
    kind: Kind = Kind.CATALOG_VARIANT

    @property
    def identity(self) -> str:
        """The same as the upsert's: a deletion is a newer state of the same thing."""
        return f"catalog_variant:{self.scope}:{self.source_id}"


Operation = (
    TrackEvent
    | UpsertProfile
    | UpsertCatalogItem
    | UpsertCatalogVariant
    | DeleteCatalogItem
    | DeleteCatalogVariant
)


def identity_of(profile: Profile) -> str:
    """The ledger's name for a person."""
    return f"profile:{blake2b(profile.key.encode(), digest_size=16).hexdigest()}"


def fingerprint(content: bytes) -> bytes:
    """Sixteen bytes that change when the content does."""
    return blake2b(content, digest_size=16).digest()
