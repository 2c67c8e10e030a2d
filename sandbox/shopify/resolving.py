"""From the REST body that a shop remembers to the field GraphQL asks for."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLResolveInfo

from sandbox.shopify.search import Search
from sandbox.shopify.store import Store

Resolver = Callable[[Any, Any, dict[str, Any]], Any]
_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass
class Request:
    """What one query is about, and what it learned on the way."""

    store: Store
    # In bulk a list comes whole, whatever its page size.
    whole: bool = False
    searches: list[dict[str, Any]] = field(default_factory=list)

    def searched(self, search: Search, path: str) -> None:
        """Keep the warnings of a search for the answer's extensions."""
        if search.warnings:
            self.searches.append(search.extension(path))


def store_of(info: Any) -> Store:
    """Find the shop a query is about."""
    store: Store = info.context.store
    return store


def plain(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """Read a field under its REST name; instants come out in UTC."""
    if not isinstance(source, dict):
        return getattr(source, _HUMP.sub("_", info.field_name).lower(), None)
    value = source.get(info.field_name)
    if value is None:
        value = source.get(_HUMP.sub("_", info.field_name).lower())
    return utc(value) if value is not None and info.field_name.endswith("At") else value


def utc(text: str) -> str:
    """Write an instant as GraphQL does."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def global_id(kind: str) -> Resolver:
    """Make the resolver of `id` for a kind of object."""
    return lambda source, info, arguments: f"gid://shopify/{kind}/{source['id']}"


def legacy_id(source: Any, info: Any, arguments: dict[str, Any]) -> str:
    """Resolve `legacyResourceId`: a number, written as text."""
    return str(source["id"])


def bag(name: str) -> Resolver:
    """Make the resolver of a money bag kept under a REST name."""
    return lambda source, info, arguments: money_bag(source.get(name))


def money_bag(kept: dict[str, Any] | None) -> dict[str, Any] | None:
    """Turn a REST money set into a MoneyBag."""
    if kept is None:
        return None
    return {
        side: {"amount": kept[rest]["amount"], "currencyCode": kept[rest]["currency_code"]}
        for side, rest in (("shopMoney", "shop_money"), ("presentmentMoney", "presentment_money"))
    }


def upper(name: str, default: str | None = None) -> Resolver:
    """Make the resolver of an enum that REST writes in lower case."""
    return lambda source, info, arguments: (source.get(name) or default or "").upper() or None


def listed(name: str) -> Resolver:
    """Make the resolver of tags and the like, kept as one comma-separated text."""
    return lambda source, info, arguments: [t for t in (source.get(name) or "").split(", ") if t]


def always(value: Any) -> Resolver:
    """Make a resolver that always says the same."""
    return lambda source, info, arguments: value


def kept(name: str) -> Resolver:
    """Make the resolver of a field whose REST name is another."""
    return lambda source, info, arguments: source.get(name)


def of_kind(kind: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
    """Mark a body with its type, so that an interface knows what it is."""
    return None if body is None else {**body, "__kind": kind}
