"""The executable schema: the subset in schema.graphql over the memory of a shop."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
)

from sandbox.shopify import (
    resolve_bulk,
    resolve_orders,
    resolve_root,
    resolve_shelf,
    resolve_webhooks,
    scopes,
)
from sandbox.shopify.connections import WHOLE
from sandbox.shopify.resolving import plain, store_of

Resolver = Callable[..., Any]
SDL = Path(__file__).with_name("schema.graphql")


@cache
def schema() -> GraphQLSchema:
    """Build the schema once and attach what answers its fields."""
    built = build_schema(SDL.read_text(encoding="utf-8"))
    tables = (resolve_root, resolve_orders, resolve_shelf, resolve_webhooks, resolve_bulk)
    for table in tables:
        for path, resolver in table.FIELDS.items():
            _attach(built, path, _guarded(path, resolver))
    for kind in built.type_map.values():
        if isinstance(kind, GraphQLInterfaceType):
            kind.resolve_type = lambda value, *_: value["__kind"]
    return built


def _attach(built: GraphQLSchema, path: str, resolver: Resolver) -> None:
    owner, name = path.split(".")
    kind = built.type_map[owner]
    assert isinstance(kind, GraphQLObjectType)  # noqa: S101 - a table that names no type
    kind.fields[name].resolve = _adapted(resolver)


def _guarded(path: str, resolver: Resolver) -> Resolver:
    needed = scopes.FIELDS.get(path)
    if needed is None:
        return resolver

    def guarded(source: Any, info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> Any:
        if not scopes.allows(store_of(info).access.scopes, needed):
            raise scopes.denied(info.field_name, needed)
        return resolver(source, info, arguments)

    return guarded


def _adapted(resolver: Resolver) -> Resolver:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if info.context.whole:
            # Shopify: page sizes and cursors are ignored in bulk.
            return resolver(source, info, {**arguments, "first": WHOLE, "after": None})
        return resolver(source, info, arguments)

    return resolve


field_resolver = plain
