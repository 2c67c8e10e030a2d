"""Does a login work, and what may it read?"""

import msgspec

from .client import Shopify


class _PrimaryDomain(msgspec.Struct):
    url: str


class _Shop(msgspec.Struct, rename="camel"):
    name: str
    myshopify_domain: str
    iana_timezone: str
    primary_domain: _PrimaryDomain


class _Scope(msgspec.Struct):
    handle: str


class _Installation(msgspec.Struct, rename="camel"):
    access_scopes: list[_Scope]


class _Health(msgspec.Struct, rename="camel"):
    shop: _Shop
    current_app_installation: _Installation


class Health(msgspec.Struct, frozen=True):
    """What a store says of itself."""

    name: str
    domain: str
    time_zone: str
    storefront_url: str
    scopes: tuple[str, ...]


def check(client: Shopify) -> Health:
    """Ask the store who it is. Raises PlatformError."""
    found = client.query("connection_health", {}, _Health)
    return Health(
        name=found.shop.name,
        domain=found.shop.myshopify_domain.lower(),
        time_zone=found.shop.iana_timezone,
        storefront_url=found.shop.primary_domain.url,
        scopes=tuple(sorted(one.handle for one in found.current_app_installation.access_scopes)),
    )
