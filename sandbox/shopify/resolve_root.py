"""The entry points of a query."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from sandbox.shop.memory import Row
from sandbox.shopify.connections import Key, connect, inner
from sandbox.shopify.fields import FIELDS as SEARCHABLE
from sandbox.shopify.resolve_shelf import LOCATION, inventory_item
from sandbox.shopify.resolving import Resolver, always, global_id, of_kind, store_of
from sandbox.shopify.scopes import OBJECTS, allows, denied
from sandbox.shopify.search import read
from sandbox.shopify.store import Store

Body = dict[str, Any]
GID = re.compile(r"gid://shopify/(?P<kind>\w+)/(?P<number>\d+)")
SHELVES = {
    "Order": "orders",
    "Customer": "customers",
    "Product": "products",
    "AbandonedCheckout": "checkouts",
}
SORTS: dict[str, Callable[[Row], Key]] = {
    "UPDATED_AT": lambda row: (row.updated, row.id),
    "CREATED_AT": lambda row: (row.created, row.id),
    "PROCESSED_AT": lambda row: (row.created, row.id),
    "ID": lambda row: (row.id,),
}
DAYS_VISIBLE = 60 * 24 * 3600.0
COUNT_LIMIT = 10_000


def find(store: Store, gid: str) -> Body | None:
    """Find an object by its global id; None when it is gone or out of sight."""
    match = GID.fullmatch(gid)
    if match is None:
        return None
    kind, number = match["kind"], int(match["number"])
    needed = OBJECTS.get(kind)
    if needed and not allows(store.access.scopes, needed):
        raise denied(kind[0].lower() + kind[1:], needed)
    if kind in ("ProductVariant", "InventoryItem"):
        return _variant(store, kind, number)
    if kind not in SHELVES:
        return None
    if kind == "Order" and not any(row.id == number for row in _orders_of(store, number)):
        return None
    return of_kind(kind, store.memory.shelf(SHELVES[kind]).get(number))


def _orders_of(store: Store, number: int) -> list[Row]:
    row = store.memory.orders.row(number)
    return _visible(store, [row]) if row else []


def _visible(store: Store, rows: list[Row]) -> list[Row]:
    if "read_all_orders" in store.access.scopes:
        return rows
    since = store.present() - DAYS_VISIBLE
    return [row for row in rows if row.created >= since]


def _variant(store: Store, kind: str, number: int) -> Body | None:
    name = "id" if kind == "ProductVariant" else "inventory_item_id"
    for variant in _all_variants(store):
        if variant[name] == number:
            return of_kind(kind, variant if name == "id" else inventory_item(variant))
    return None


def _all_variants(store: Store) -> Iterator[Body]:
    for product in store.memory.products.bodies():
        for variant in product["variants"]:
            yield {**variant, "__kind": "ProductVariant"}


def _rows(store: Store, kind: str) -> list[Row]:
    rows = store.memory.shelf(SHELVES[kind]).rows()
    return _visible(store, rows) if kind == "Order" else rows


def _window(kind: str, default: str) -> Resolver:
    """Make the resolver of a searchable, sortable connection."""

    def resolve(source: Any, info: Any, arguments: Body) -> Body:
        rows = _searched(info, kind, SHELVES[kind], arguments)
        return connect(
            rows,
            arguments,
            key=SORTS.get(arguments.get("sortKey") or default, SORTS["ID"]),
            node=lambda row: of_kind(kind, msgspec.json.decode(row.body)),
        )

    return resolve


def _searched(info: Any, kind: str, fields: str, arguments: Body) -> list[Row]:
    rows = _rows(store_of(info), kind)
    if not (query := arguments.get("query")):
        return rows
    search = read(query, SEARCHABLE[fields])
    info.context.searched(search, info.path.key)
    return [row for row in rows if search.matches(row)]


def found_rows(store: Store, name: str, arguments: Body) -> list[Row]:
    """Find what a connection at the root would list in all, in its order."""
    kind = next(kind for kind, shelf in SHELVES.items() if name in (shelf, _camel(kind)))
    rows = _rows(store, kind)
    if query := arguments.get("query"):
        search = read(query, SEARCHABLE[SHELVES[kind]])
        rows = [row for row in rows if search.matches(row)]
    default = "PROCESSED_AT" if kind == "Order" else "ID"
    rows.sort(key=SORTS.get(arguments.get("sortKey") or default, SORTS["ID"]))
    return rows[::-1] if arguments.get("reverse") else rows


def _camel(kind: str) -> str:
    return f"{kind[0].lower()}{kind[1:]}s"


def _count(kind: str, fields: str) -> Resolver:
    def resolve(source: Any, info: Any, arguments: Body) -> Body:
        found = len(_searched(info, kind, fields, arguments))
        limit = arguments.get("limit", COUNT_LIMIT)
        if limit is not None and found > limit:
            return {"count": limit, "precision": "AT_LEAST"}
        return {"count": found, "precision": "EXACT"}

    return resolve


def _one(source: Any, info: Any, arguments: Body) -> Body | None:
    return find(store_of(info), arguments["id"])


def _part(name: str) -> Resolver:
    """Find a refund or a parcel in the orders that hold them."""

    def resolve(source: Any, info: Any, arguments: Body) -> Body | None:
        store = store_of(info)
        match = GID.fullmatch(arguments["id"])
        number = int(match["number"]) if match else 0
        for row in _rows(store, "Order"):
            if str(number).encode() in row.body:
                for part in msgspec.json.decode(row.body)[name]:
                    if part["id"] == number:
                        return dict(part)
        return None

    return resolve


def _nodes(source: Any, info: Any, arguments: Body) -> list[Body | None]:
    return [find(store_of(info), gid) for gid in arguments["ids"]]


def _customer_by(source: Any, info: Any, arguments: Body) -> Body | None:
    wanted = arguments["identifier"]
    if "id" in wanted:
        return find(store_of(info), wanted["id"])
    name, value = (
        ("email", wanted.get("emailAddress"))
        if "emailAddress" in wanted
        else ("phone", wanted.get("phoneNumber"))
    )
    people = store_of(info).memory.customers.bodies()
    return of_kind("Customer", next((p for p in people if p[name] == value), None))


def _shop(source: Any, info: Any, arguments: Body) -> Body:
    store = store_of(info)
    config, memory = store.config, store.memory
    plan = {"publicDisplayName": config.plan.title(), "shopifyPlus": config.plan == "plus",
            "partnerDevelopment": True}  # fmt: skip
    return {
        "id": f"gid://shopify/Shop/{shop_number(config.domain)}",
        "name": config.name,
        "myshopifyDomain": config.domain,
        "email": "owner@mail.alpine-demo.shop",
        "currencyCode": memory.currency,
        "ianaTimezone": memory.timezone,
        "timezoneOffsetMinutes": store.offset_minutes(),
        "enabledPresentmentCurrencies": [memory.currency],
        "primaryDomain": {"host": config.domain, "url": f"https://{config.domain}"},
        "plan": plan,
    }


def shop_number(domain: str) -> int:
    """Derive a shop's number from its name, always the same."""
    return 60_000_000_000 + sum(ord(char) * int(31**place) for place, char in enumerate(domain[:6]))


def _installation(source: Any, info: Any, arguments: Body) -> Body:
    scopes = [{"handle": handle} for handle in store_of(info).access.scopes]
    app = {"id": "gid://shopify/App/1", "handle": "sync-console", "title": "Sync Console"}
    return {"id": "gid://shopify/AppInstallation/1", "accessScopes": scopes, "app": app}


def _variants(source: Any, info: Any, arguments: Body) -> Body:
    return inner(list(_all_variants(store_of(info))), arguments)


def _inventory(source: Any, info: Any, arguments: Body) -> Body:
    items = [inventory_item(variant) for variant in _all_variants(store_of(info))]
    if query := arguments.get("query"):
        search = read(query, SEARCHABLE["inventoryItems"])
        info.context.searched(search, info.path.key)
        items = [item for item in items if search.matches(_as_row(item))]
    return inner(items, arguments)


def _as_row(item: Body) -> Row:
    at = datetime.fromisoformat(item["updated_at"]).timestamp()
    return Row(item["id"], at, at, b"")


VERSIONS = [
    {"handle": handle, "displayName": handle, "supported": handle != "unstable"}
    for handle in ("2026-01", "2026-04", "2026-07", "2026-10", "unstable")
]
FIELDS: dict[str, Resolver] = {
    "QueryRoot.orders": _window("Order", "PROCESSED_AT"),
    "QueryRoot.customers": _window("Customer", "ID"),
    "QueryRoot.products": _window("Product", "ID"),
    "QueryRoot.abandonedCheckouts": _window("AbandonedCheckout", "ID"),
    "QueryRoot.ordersCount": _count("Order", "orders"),
    "QueryRoot.customersCount": _count("Customer", "customersCount"),
    "QueryRoot.productsCount": _count("Product", "products"),
    "QueryRoot.productVariantsCount": lambda s, i, a: {
        "count": sum(1 for _ in _all_variants(store_of(i))),
        "precision": "EXACT",
    },
    "QueryRoot.order": _one,
    "QueryRoot.refund": _part("refunds"),
    "QueryRoot.fulfillment": _part("fulfillments"),
    "QueryRoot.customer": _one,
    "QueryRoot.product": _one,
    "QueryRoot.productVariant": _one,
    "QueryRoot.node": _one,
    "QueryRoot.nodes": _nodes,
    "QueryRoot.customerByIdentifier": _customer_by,
    "QueryRoot.shop": _shop,
    "QueryRoot.currentAppInstallation": _installation,
    "QueryRoot.publicApiVersions": always(VERSIONS),
    "QueryRoot.productVariants": _variants,
    "QueryRoot.inventoryItems": _inventory,
    "QueryRoot.locations": lambda s, i, a: inner([LOCATION], a),
    "Location.id": global_id("Location"),
}
