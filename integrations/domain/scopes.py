"""The permissions we ask for, what each is for, and what a missing one blocks."""

import re
from collections.abc import Iterable, Sequence

import msgspec


class Scope(msgspec.Struct, frozen=True):
    """One permission, in the platform's word and in a merchant's."""

    handle: str
    gives: str
    blocks: str
    # Without a required one nothing is connected; without another, something is out of reach.
    required: bool = True


# Shopify: docs/api/usage/access-scopes. `read_orders` reaches back 60 days and no further.
SHOPIFY: tuple[Scope, ...] = (
    Scope("read_orders", "Orders, refunds and checkouts", "orders and refunds are out of reach"),
    Scope("read_customers", "Customers", "customers are out of reach"),
    Scope("read_products", "Products", "products are out of reach"),
    Scope(
        "read_all_orders",
        "Orders older than 60 days",
        "orders older than 60 days are out of reach",
        required=False,
    ),
    Scope("read_inventory", "Stock", "stock is out of reach", required=False),
    Scope(
        "read_locations",
        "The places stock lies at",
        "stock cannot be told apart by place",
        required=False,
    ),
    Scope(
        "read_fulfillments",
        "Parcels on their way",
        "news of parcels does not arrive",
        required=False,
    ),
)

# Klaviyo: the scopes its endpoints name in the OpenAPI description. Importing people in bulk also
# needs the scopes of lists.
KLAVIYO: tuple[Scope, ...] = (
    Scope("accounts:read", "The account's name", "we cannot tell which account this is"),
    Scope("events:write", "What your customers do", "orders do not reach Klaviyo"),
    Scope("profiles:read", "Profiles", "we cannot see whether a profile arrived"),
    Scope("profiles:write", "Profiles", "customers do not reach Klaviyo"),
    Scope("lists:read", "Lists", "we cannot see whether a profile arrived"),
    Scope("lists:write", "Lists", "customers do not reach Klaviyo in bulk"),
    Scope("catalogs:read", "The catalog", "we cannot see whether a product arrived"),
    Scope("catalogs:write", "The catalog", "products do not reach Klaviyo"),
    Scope(
        "events:read",
        "Events, to compare",
        "we cannot prove that everything arrived",
        required=False,
    ),
    Scope(
        "metrics:read",
        "Metrics, to compare",
        "we cannot prove that everything arrived",
        required=False,
    ),
    Scope(
        "flows:read",
        "Flows, to see what could start",
        "we cannot say which flows past data could start",
        required=False,
    ),
)

# Without which a stream of past data shows nothing at all.
READS = {"orders": "read_orders", "customers": "read_customers", "products": "read_products"}
# Shopify's word for a permission that a login does not have.
REFUSED = "ACCESS_DENIED"
_NAMED = re.compile(r"\bread_[a-z_]+")


class Missing(msgspec.Struct, frozen=True):
    """A permission that was not given."""

    scope: Scope

    @property
    def sentence(self) -> str:
        """What it means, for a merchant."""
        blocks = self.scope.blocks
        return f"{blocks[0].upper()}{blocks[1:]}: {self.scope.handle} is missing."


def handles(wanted: Iterable[Scope]) -> list[str]:
    """The platform's words for some permissions."""
    return [one.handle for one in wanted]


def held(granted: Iterable[str]) -> frozenset[str]:
    """What was granted, and what follows from it: at Shopify, writing includes reading.

    An answer may then name only the larger of the two.
    """
    found = set(granted)
    return frozenset(
        found | {one.replace("write_", "read_", 1) for one in found if one.startswith("write_")}
    )


def missing(wanted: Sequence[Scope], granted: Iterable[str]) -> list[Missing]:
    """The wanted permissions that were not granted, required ones first."""
    has = held(granted)
    lacking = [Missing(one) for one in wanted if one.handle not in has]
    return sorted(lacking, key=lambda one: not one.scope.required)


def blocking(wanted: Sequence[Scope], granted: Iterable[str]) -> list[Missing]:
    """Those among the missing without which nothing works."""
    return [one for one in missing(wanted, granted) if one.scope.required]


def unreadable(streams: Iterable[str], granted: Iterable[str]) -> str:
    """Why some streams cannot be fetched with what was granted, and what to do; empty if all can.

    Where nothing is known to be granted, nothing is said to be missing.
    """
    has = held(granted)
    lacking = [one for one in streams if has and READS[one] not in has]
    if not lacking:
        return ""
    names = " and ".join(READS[one] for one in lacking)
    return (
        f"The login of the shop may not read its {' and '.join(lacking)}: {names} "
        f"{'is' if len(lacking) == 1 else 'are'} missing. Reconnect the shop and allow it, or "
        f"leave {' and '.join(lacking)} out."
    )


def refused(stream: str, answer: str) -> str:
    """What a shop's refusal in the middle of a stream means, and what to do about it."""
    named = sorted(set(_NAMED.findall(answer)))
    if not named:
        return (
            f"The shop does not let us read its {stream}. It says: “{answer[:200]}” Allow it at "
            "Shopify, reconnect the shop, then fetch this period again."
        )
    return (
        f"The login of the shop may not read what this needs any more: {' and '.join(named)} is "
        "missing. Reconnect the shop and allow it, then fetch this period again."
    )
