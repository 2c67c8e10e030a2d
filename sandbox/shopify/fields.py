"""What can be searched for among the rows of each kind."""

from datetime import datetime
from typing import Any

import msgspec

from sandbox.shop.memory import Row
from sandbox.shopify.search import Getter


class Field:
    """Reads one searchable value; `kind` says how it is compared."""

    def __init__(self, name: str, kind: str = "text") -> None:
        self.name, self.kind = name, kind

    def __call__(self, row: Row) -> Any:
        """Read the value."""
        value = msgspec.json.decode(row.body).get(self.name)
        if self.kind == "instant" and value is not None:
            return datetime.fromisoformat(value).timestamp()
        return str(value).lower() if isinstance(value, bool) else value


class Own(Field):
    """Reads what the row knows without its body."""

    def __call__(self, row: Row) -> Any:
        """Read the value."""
        return getattr(row, self.name)


class Day(Own):
    """Reads the day of an instant: what compares it looks at whole days only."""

    def __call__(self, row: Row) -> Any:
        """Read the value."""
        return getattr(row, self.name) // 86_400


class Status(Field):
    """Tells open orders from closed and cancelled ones."""

    def __call__(self, row: Row) -> str:
        """Read the value."""
        body = msgspec.json.decode(row.body)
        if body["cancelled_at"]:
            return "cancelled"
        return "closed" if body["closed_at"] else "open"


class CustomerId(Field):
    """Finds the customer of an order."""

    def __call__(self, row: Row) -> Any:
        """Read the value."""
        return (msgspec.json.decode(row.body).get("customer") or {}).get("id")


_TIMES: dict[str, Getter] = {
    "created_at": Own("created", "instant"),
    "updated_at": Own("updated", "instant"),
    "id": Own("id", "number"),
}
FIELDS: dict[str, dict[str, Getter]] = {
    "orders": {
        **_TIMES,
        "processed_at": Field("processed_at", "instant"),
        "name": Field("name"),
        "email": Field("email"),
        "test": Field("test"),
        "source_name": Field("source_name"),
        "financial_status": Field("financial_status"),
        "fulfillment_status": Field("fulfillment_status"),
        "status": Status("status"),
        "customer_id": CustomerId("customer_id", "number"),
    },
    "customers": {
        # The one instant that Shopify documents as "matching a whole day".
        "updated_at": Day("updated", "day"),
        "id": _TIMES["id"],
        "customer_date": _TIMES["created_at"],
        "email": Field("email"),
        "phone": Field("phone"),
        "state": Field("state"),
    },
    "products": {
        **_TIMES,
        "title": Field("title"),
        "handle": Field("handle"),
        "status": Field("status"),
        "vendor": Field("vendor"),
        "product_type": Field("product_type"),
    },
    "checkouts": dict(_TIMES),
    "inventoryItems": {"updated_at": _TIMES["updated_at"], "id": _TIMES["id"]},
    # A count takes fewer filters than the list it counts.
    "customersCount": {name: _TIMES[name] for name in ("created_at", "id", "updated_at")},
}
