"""What one shop holds, as the bodies Shopify would show."""

import threading
from collections.abc import Iterator
from copy import copy
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct


class Row(Struct):
    """One object; its body stays encoded, since a busy shop holds tens of thousands."""

    id: int
    created: float
    updated: float
    body: bytes


class Shelf:
    """All objects of one kind, oldest first."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: int) -> bool:
        return key in self._rows

    def put(self, body: dict[str, Any]) -> None:
        """Keep an object, in place of an earlier version of it."""
        key = int(body["id"])
        self._rows[key] = Row(
            key, _instant(body["created_at"]), _instant(body["updated_at"]), _encode(body)
        )

    def row(self, key: int) -> Row | None:
        """Find the row of an object."""
        return self._rows.get(key)

    def get(self, key: int) -> dict[str, Any] | None:
        """Read one object; changing it changes nothing here until it is put back."""
        row = self._rows.get(key)
        return msgspec.json.decode(row.body) if row else None

    def drop(self, key: int) -> None:
        """Forget an object."""
        self._rows.pop(key, None)

    def rows(self) -> list[Row]:
        """List the rows, oldest first."""
        return list(self._rows.values())

    def bodies(self) -> Iterator[dict[str, Any]]:
        """Read all objects, oldest first."""
        return (msgspec.json.decode(row.body) for row in self.rows())

    def load(self, rows: list[Row]) -> None:
        """Take rows from a snapshot."""
        self._rows = {row.id: row for row in rows}


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


_encode = msgspec.json.Encoder().encode
KINDS = ("customers", "products", "orders", "checkouts")


FACTS = ("currency", "timezone", "sequence", "drawn", "consents")


class ShopSnapshot(Struct):
    """A shop's memory at one moment."""

    currency: str
    timezone: str
    sequence: int
    drawn: int
    consents: dict[int, dict[str, Any]]
    shelves: dict[str, list[Row]]


BLANK = ShopSnapshot("USD", "UTC", 1000, 0, {}, {kind: [] for kind in KINDS})


class ShopMemory:
    """The shelves of one shop behind one lock."""

    def __init__(self, domain: str, *, currency: str = "USD", timezone: str = "UTC") -> None:
        self.domain = domain
        self.currency = currency
        self.timezone = timezone
        self.sequence, self.drawn = 1000, 0
        # customer id -> consent by channel, as the last consent webhook told it
        self.consents: dict[int, dict[str, Any]] = {}
        self.lock = threading.RLock()
        self.customers, self.products = Shelf(), Shelf()
        self.orders, self.checkouts = Shelf(), Shelf()

    def shelf(self, kind: str) -> Shelf:
        """Find where objects of a kind are kept."""
        shelf: Shelf = getattr(self, kind)
        return shelf

    def dump(self) -> ShopSnapshot:
        """Hand out everything for a snapshot."""
        with self.lock:
            return ShopSnapshot(
                **{name: getattr(self, name) for name in FACTS},
                shelves={kind: self.shelf(kind).rows() for kind in KINDS},
            )

    def load(self, kept: ShopSnapshot) -> None:
        """Take back what a snapshot kept."""
        with self.lock:
            for name in FACTS:
                setattr(self, name, copy(getattr(kept, name)))
            for kind, rows in kept.shelves.items():
                self.shelf(kind).load(rows)
