"""The lines of a bulk export, and the nodes they make: the same shape as a page gives.

Source: shopify.dev, bulk operations, JSONL: lists and objects stand inline, each object of a
connection is a line of its own and names its parent in `__parentId`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError

from .client import Shopify, Told
from .orders import AT_ONCE
from .pages import Row, row_of
from .whole_orders import Pay, unpaid
from .whole_orders import completed as completed_order

PARENT = "__parentId"
# The connection whose objects come as lines, by stream.
CHILDREN = {"orders": "lineItems"}
# Trackings and lines that a page shows of a parcel; with more of them an order is asked for by id.
MOST_TRACKINGS = 5
DETAIL_POINTS = 400.0

_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raws = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


class Line(msgspec.Struct, frozen=True):
    """One line: to which object at the root it belongs, and its bytes without that note."""

    owner: str
    is_root: bool
    body: bytes


class Node(msgspec.Struct, frozen=True):
    """An object with its children; `lacks` says that details must be fetched by its id."""

    row: Row
    lacks: bool


class _Count(msgspec.Struct):
    quantity: int


class _Parcel(msgspec.Struct, rename="camel"):
    total_quantity: int
    tracking_info: list[msgspec.Raw] = []


class _ById(msgspec.Struct):
    nodes: list[msgspec.Raw]


def read_line(raw: bytes) -> Line:
    """Read a line. Raises PlatformError."""
    try:
        found = _raw.decode(raw)
        parent = found.pop(PARENT, None)
        if parent is None:
            return Line(_text.decode(found["id"]), True, raw)
        return Line(_text.decode(parent), False, _encode(found))
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError) as exc:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, "A line of the export cannot be read.", "bulk_line")
        ) from exc


def assembled(stream: str, body: bytes, children: Sequence[bytes]) -> Node:
    """Put a root and its children together as a page shows them. Raises PlatformError."""
    connection = CHILDREN.get(stream)
    if connection is None:
        return Node(row_of(body), lacks=False)
    try:
        node = _raw.decode(body)
        lines = [msgspec.Raw(one) for one in children]
        node[connection] = _whole(lines)
        lacks = _raws.decode(node["refunds"]) != []
        parcels = _raws.decode(node["fulfillments"])
        if parcels and not lacks:
            lacks = not _fill(parcels, node, children)
        return Node(row_of(_encode(node)), lacks)
    except (msgspec.DecodeError, KeyError) as exc:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, f"Shopify's node cannot be read: {exc}", "node_shape")
        ) from exc


def fetch_whole(
    client: Shopify, source_ids: Sequence[str], *, pay: Pay = unpaid
) -> Told[dict[str, Row]]:
    """Orders with the lines of their refunds and parcels, by id; at most AT_ONCE of them.

    Calls besides the first, for what their lists left out, are paid for.

    One that is gone from the shop meanwhile is left out. Raises PlatformError.
    """
    ids = [f"gid://shopify/Order/{one}" for one in source_ids[:AT_ONCE]]
    told = client.ask("orders_by_id", {"ids": ids}, _ById)
    rows = [
        row_of(completed_order(client, bytes(raw), pay=pay))
        for raw in told.data.nodes
        if bytes(raw) != b"null"
    ]
    return Told({row.source_id: row for row in rows}, told.cost)


def completed(own: Row, fetched: Row) -> Row:
    """An order as it was fetched by its id, with the lines of the export, which are never cut."""
    if fetched.version != own.version:
        # It has changed since, and its lines with it.
        return fetched
    node = _raw.decode(fetched.body)
    node["lineItems"] = _raw.decode(own.body)["lineItems"]
    return row_of(_encode(node))


def _fill(
    parcels: list[dict[str, msgspec.Raw]], node: dict[str, msgspec.Raw], children: Sequence[bytes]
) -> bool:
    """Give the one parcel that holds the whole order its lines; False where that is not certain.

    A parcel holds no more of a line than was ordered of it, so one that holds as many things as
    the whole order holds every line in full.
    """
    if len(parcels) != 1:
        return False
    parcel = msgspec.json.decode(_encode(parcels[0]), type=_Parcel)
    counts = [msgspec.json.decode(one, type=_Count).quantity for one in children]
    if parcel.total_quantity != sum(counts) or len(parcel.tracking_info) > MOST_TRACKINGS:
        return False
    lines: list[dict[str, Any]] = [
        {"quantity": count, "lineItem": msgspec.Raw(one)}
        for count, one in zip(counts, children, strict=True)
        if count
    ]
    parcels[0]["fulfillmentLineItems"] = _whole(lines)
    node["fulfillments"] = msgspec.Raw(_encode(parcels))
    return True


def _whole(nodes: Sequence[Any]) -> msgspec.Raw:
    return msgspec.Raw(_encode({"pageInfo": {"hasNextPage": False}, "nodes": nodes}))
