"""Pages of a shop's past: what is in a range, as the bytes Shopify wrote, one node each."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.windows import Stretch

from . import variants, whole_orders
from .client import Cost, Shopify
from .orders import AT_ONCE
from .whole_orders import Pay, unpaid


class Reading(msgspec.Struct, frozen=True):
    """How one stream is searched and read."""

    connection: str
    document: str
    # The search field and sort key for when a thing was made, and for when it last changed.
    made: tuple[str, str]
    changed: tuple[str, str]
    # Shopify compares this field by whole days only, so the edges are looked at here.
    by_day: frozenset[str] = frozenset()


READINGS: dict[str, Reading] = {
    "orders": Reading(
        "orders", "orders_window", ("created_at", "CREATED_AT"), ("updated_at", "UPDATED_AT")
    ),
    # Shopify, `customers`: a creation date is searched for as `customer_date`, and `updated_at`
    # matches whole days. Whether `customer_date` does is unconfirmed; looking again costs little.
    "customers": Reading(
        "customers",
        "customers_window",
        ("customer_date", "CREATED_AT"),
        ("updated_at", "UPDATED_AT"),
        frozenset({"customer_date", "updated_at"}),
    ),
    "products": Reading(
        "products", "products_window", ("created_at", "CREATED_AT"), ("updated_at", "UPDATED_AT")
    ),
}
DAY = timedelta(days=1)
# Shopify: at most 250 nodes a page; we begin small and follow what a page really costs.
FIRST_SIZE, MOST_NODES = 25, 250
# A single query may ask for 1,000 points on every plan.
MOST_POINTS = 900
# A page of one customer or product, lists included, asks for less.
ONE_RECORD = 60.0


class Row(msgspec.Struct, frozen=True):
    """One node: which it is, in which version, and its bytes."""

    source_id: str
    made_at: datetime
    version: datetime
    body: bytes


class Page(msgspec.Struct, frozen=True):
    """Some nodes, where to go on (empty at the end), and what that cost."""

    rows: list[Row]
    cursor: str
    cost: Cost | None


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


class _Connection(msgspec.Struct, rename="camel"):
    page_info: _PageInfo
    nodes: list[msgspec.Raw]


class _Node(msgspec.Struct, rename="camel"):
    legacy_resource_id: str | int
    created_at: datetime
    updated_at: datetime


class _ById(msgspec.Struct):
    nodes: list[msgspec.Raw]


def read(
    client: Shopify,
    stream: str,
    stretch: Stretch,
    *,
    cursor: str,
    size: int,
    changed: bool = False,
    pay: Pay = unpaid,
) -> Page:
    """Read one page of a stream's half-open stretch, oldest first. Raises PlatformError.

    Nodes whose own lists came cut short get the rest of them, by calls that are paid for first;
    what cannot be completed says so when it is parsed, and is never taken for whole.
    """
    how = READINGS[stream]
    sort = (how.changed if changed else how.made)[1]
    variables: dict[str, Any] = {
        "first": size,
        "after": cursor or None,
        "search": searched(stream, stretch, changed=changed),
        "sort": sort,
    }
    told = client.ask(how.document, variables, dict[str, _Connection])
    page = told.data[how.connection]
    following = (page.page_info.end_cursor or "") if page.page_info.has_next_page else ""
    if following and following == cursor:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, "Shopify gave the same page twice.", "cursor_repeats")
        )
    rows = [row_of(bytes(raw)) for raw in page.nodes]
    rows = [row for row in rows if is_within(stream, row, stretch, changed=changed)]
    return Page(_whole(client, stream, rows, pay), following, told.cost)


def one(client: Shopify, stream: str, source_id: str, *, pay: Pay) -> Row | None:
    """Read one record by its number; None where the shop has none. Raises PlatformError.

    Every call is paid for first.
    """
    how = READINGS[stream]
    if stream == "orders":
        # By its own id: a search leaves out what is not indexed yet.
        return next(orders_by_id(client, [source_id], pay), None)
    pay(ONE_RECORD)
    variables = {"first": 1, "after": None, "search": f"id:{source_id}", "sort": how.made[1]}
    told = client.ask(how.document, variables, dict[str, _Connection])
    rows = [row_of(bytes(raw)) for raw in told.data[how.connection].nodes]
    rows = [row for row in rows if row.source_id == source_id]
    return _whole(client, stream, rows, pay)[0] if rows else None


def searched(stream: str, stretch: Stretch, *, changed: bool = False) -> str:
    """What to search a stream for; where Shopify compares whole days, more than is wanted."""
    how = READINGS[stream]
    field, _ = how.changed if changed else how.made
    return search(field, _widened(stretch) if field in how.by_day else stretch)


def is_within(stream: str, row: Row, stretch: Stretch, *, changed: bool = False) -> bool:
    """Whether a node that was found belongs to the stretch; always, where the search is exact."""
    how = READINGS[stream]
    field, _ = how.changed if changed else how.made
    moment = row.version if changed else row.made_at
    return field not in how.by_day or stretch.since <= moment < stretch.until


def _widened(stretch: Stretch) -> Stretch:
    # Days of the shop or of UTC, that is unconfirmed: with a day to spare it is the same.
    since, until = stretch.since.astimezone(UTC), stretch.until.astimezone(UTC)
    floor = since.replace(hour=0, minute=0, second=0, microsecond=0) - DAY
    return Stretch(floor, until.replace(hour=0, minute=0, second=0, microsecond=0) + 2 * DAY)


def search(field: str, stretch: Stretch) -> str:
    """Shopify's search for a half-open range; unquoted times would break at their colons."""
    return f"{field}:>='{_utc(stretch.since)}' AND {field}:<'{_utc(stretch.until)}'"


def next_size(size: int, cost: Cost | None) -> int:
    """How long the next page may be, from what this one was priced at.

    Shopify prices a connection by the logarithm of its size, so twice the page costs little more.
    """
    if cost is None or cost.requested <= 0:
        return size
    if cost.requested > MOST_POINTS:
        return max(1, size // 2)
    room = min(MOST_POINTS, cost.maximum * 0.8) - cost.requested
    return min(MOST_NODES, size * 2) if room > cost.requested * 0.25 else size


def _utc(moment: datetime) -> str:
    # A part of a second would be cut off; the range is cut at whole ones.
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def row_of(raw: bytes) -> Row:
    """One node as a row. Raises PlatformError."""
    try:
        node = msgspec.json.decode(raw, type=_Node)
    except msgspec.DecodeError as exc:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, f"Shopify's node cannot be read: {exc}", "node_shape")
        ) from exc
    return Row(str(node.legacy_resource_id), node.created_at, node.updated_at, raw)


def _whole(client: Shopify, stream: str, rows: list[Row], pay: Pay) -> list[Row]:
    most = whole_orders.MOST_BY_PAGE
    short = [row for row in rows if whole_orders.may_be_short(row.body, most=most)]
    if not short:
        return rows
    if stream == "products":
        longer = {row.source_id: variants.completed(client, row.body, pay=pay) for row in short}
        return [
            msgspec.structs.replace(row, body=longer.get(row.source_id, row.body)) for row in rows
        ]
    ids = [row.source_id for row in short]
    found = {row.source_id: row for row in orders_by_id(client, ids, pay)}
    return [found.get(row.source_id, row) for row in rows]


def orders_by_id(client: Shopify, wanted: list[str], pay: Pay) -> Iterator[Row]:
    """Orders once more, with every list to its end; one that is gone is left out.

    Raises PlatformError.
    """
    for start in range(0, len(wanted), AT_ONCE):
        part = [f"gid://shopify/Order/{number}" for number in wanted[start : start + AT_ONCE]]
        pay(whole_orders.ORDER_POINTS * len(part))
        for raw in client.query("orders_by_id", {"ids": part}, _ById).nodes:
            if bytes(raw) != b"null":
                yield row_of(whole_orders.completed(client, bytes(raw), pay=pay))
