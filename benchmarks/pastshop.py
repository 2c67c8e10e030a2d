"""The sandbox's Shopify with a long past, made quickly: `python -m benchmarks.pastshop --port …`.

A thousand orders at most are made up and answered by the sandbox itself; each is then shown many
times over, as a different order of a different person: ids and addresses are changed in the bytes
of the answer. Prices, the bucket of points, counts, bulk operations and their files are the
sandbox's own. What is left out is only the time that a simulation of every order would take.
"""

import argparse
import re
import threading
from bisect import bisect_left
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from graphql import DocumentNode, execute_sync

from sandbox.config import ShopConfig
from sandbox.messages import Call, Drop, Reply
from sandbox.shopify import Shopify, bulk
from sandbox.shopify.app import MAX_COST
from sandbox.shopify.bulk_export import Export
from sandbox.shopify.bulk_export import export as write_sample
from sandbox.shopify.cost import actual_cost, requested_cost
from sandbox.shopify.graph import field_resolver, schema
from sandbox.shopify.resolving import Request
from sandbox.shopify.store import Store

MOST_MADE_UP = 1000
# Larger than any id the sandbox draws, and two hundred of it still fit into an id of 64 bits.
STEP = 4 * 10**16
_IDS = re.compile(
    rb"(gid://shopify/(?:Order|LineItem|Refund|RefundLineItem|Fulfillment|FulfillmentLineItem)/"
    rb'|"legacyResourceId":")(\d+)'
)
_ADDRESSES = re.compile(rb'("(?:email|emailAddress)":"[^"@]+)@')
_RANGE = re.compile(r"created_at:>='([^']+)' AND created_at:<'([^']+)'")
# Klaviyo would take one number for one person, so only the order itself has it.
_NUMBERS = re.compile(rb'"(phone|phoneNumber)":"[^"]*"')
# One person has about this many orders.
ORDERS_EACH = 3


def another(raw: bytes, number: int) -> bytes:
    """The same order as somebody else's; nought is the order itself."""
    if not number:
        return raw
    shift = number * STEP
    raw = _IDS.sub(lambda m: m[1] + str(int(m[2]) + shift).encode(), raw)
    raw = _NUMBERS.sub(rb'"\1":null', raw)
    return _ADDRESSES.sub(rb"\1.%d@" % (number // ORDERS_EACH), raw)


class PastShop(Shopify):
    """One shop whose orders are shown `times` over."""

    def __init__(self, *, times: int, **options: Any) -> None:
        super().__init__(**options)
        self.times = times
        self._nodes: dict[str, dict[int, bytes]] = {}
        self._points: dict[str, float] = {}
        self.spent = 0

    def handle(self, call: Call) -> Reply | Drop:
        """Answer, with a back door for what queries have cost."""
        if call.path == "/spent":
            return Reply(200, {"points": self.spent})
        return super().handle(call)

    def _graphql(self, store: Store, call: Call) -> dict[str, Any]:
        asked = call.json
        query, variables = asked["query"], asked.get("variables") or {}
        if "query OrdersWindow(" in query:
            return self._window(store, self._document(query), variables)
        if "query OrdersById(" in query:
            return self._by_id(store, self._document(query), variables)
        answer = super()._graphql(store, call)
        if "query OrdersCount(" in query and answer.get("data"):
            answer["data"]["ordersCount"]["count"] *= self.times
        return answer

    def _window(
        self, store: Store, document: DocumentNode, variables: dict[str, Any]
    ) -> dict[str, Any]:
        cost, refusal = self._take(store, document, variables)
        if refusal:
            return refusal
        rows = sorted(store.memory.orders.rows(), key=lambda row: (row.created, row.id))
        since, until = _instants(variables["search"])
        times = [row.created for row in rows]
        low, high = bisect_left(times, since) * self.times, bisect_left(times, until) * self.times
        at = int(variables["after"]) if variables.get("after") else low
        end = min(high, at + variables["first"])
        places = [divmod(place, self.times) for place in range(at, end)]
        ids = [rows[row].id for row, _ in places]
        nodes = self._made(store, document, "OrdersWindow", set(ids))
        chosen = [
            msgspec.Raw(another(nodes[known], number))
            for known, (_, number) in zip(ids, places, strict=True)
        ]
        page = {"hasNextPage": end < high, "endCursor": str(end) if chosen else None}
        extension = {"search": [{"path": ["orders"], "query": variables["search"], "warnings": []}]}
        told = {"orders": {"pageInfo": page, "nodes": chosen}}
        return self._priced(store, told, cost, self._points["OrdersWindow"] * len(ids), extension)

    def _by_id(
        self, store: Store, document: DocumentNode, variables: dict[str, Any]
    ) -> dict[str, Any]:
        cost, refusal = self._take(store, document, variables)
        if refusal:
            return refusal
        places = [divmod(int(gid.rpartition("/")[2]), STEP) for gid in variables["ids"]]
        nodes = self._made(store, document, "OrdersById", {known for _, known in places})
        told = {"nodes": [msgspec.Raw(another(nodes[known], n)) for n, known in places]}
        return self._priced(store, told, cost, self._points["OrdersById"] * len(places), {})

    def _take(
        self, store: Store, document: DocumentNode, variables: dict[str, Any]
    ) -> tuple[int, dict[str, Any] | None]:
        cost = requested_cost(schema(), document, None, variables)
        if cost > MAX_COST:
            return cost, {"errors": [{"message": "too dear"}]}
        if store.bucket.spend(cost, self.clock()):
            return cost, None
        errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
        return cost, {"errors": errors, "extensions": {"cost": self._cost(store, cost, None)}}

    def _priced(
        self, store: Store, data: Any, cost: int, points: float, extension: dict[str, Any]
    ) -> dict[str, Any]:
        used = min(cost, round(points))
        self.spent += used
        store.bucket.refund(cost - used, self.clock())
        return {"data": data, "extensions": {"cost": self._cost(store, cost, used), **extension}}

    def _made(
        self, store: Store, document: DocumentNode, name: str, ids: set[int]
    ) -> dict[int, bytes]:
        """The sandbox's own answers about these orders, made once."""
        known = self._nodes.setdefault(name, {})
        for number in ids - known.keys():
            known[number] = self._one(store, document, name, number)
        return known

    def _one(self, store: Store, document: DocumentNode, name: str, number: int) -> bytes:
        if name == "OrdersById":
            variables: dict[str, Any] = {"ids": [f"gid://shopify/Order/{number}"]}
        else:
            search = f"id:{number}"
            variables = {"first": 1, "after": None, "search": search, "sort": "CREATED_AT"}
        result = execute_sync(
            schema(),
            document,
            context_value=Request(store),
            variable_values=variables,
            field_resolver=field_resolver,
        )
        data: Any = result.data
        node = data["nodes"][0] if name == "OrdersById" else data["orders"]["nodes"][0]
        seen = len(self._nodes[name])
        mean = self._points.get(name, 0.0)
        self._points[name] = (mean * seen + actual_cost(node)) / (seen + 1)
        return msgspec.json.encode(node)


def export_many(times: int) -> Any:
    """The sandbox's file of a bulk operation, with every order in it so many times."""

    def export(store: Any, known: Any, root: Any, file: Path, told: Export) -> None:
        sample = file.with_suffix(".sample")
        write_sample(store, known, root, sample, told)
        lines = sample.read_bytes().splitlines(keepends=True)
        with file.open("wb") as out:
            for number in range(times):
                if told.stop.is_set():
                    return
                out.write(another(b"".join(lines), number))
        sample.unlink()
        told.roots, told.objects = told.roots * times, told.objects * times

    return export


def _instants(search: str) -> list[float]:
    match = _RANGE.search(search)
    assert match, search
    times = (datetime.fromisoformat(one.replace("Z", "+00:00")) for one in match.groups())
    return [one.astimezone(UTC).timestamp() for one in times]


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--plan", default="plus", help="or `none`, for no limits")
    parser.add_argument("--domain", required=True)
    chosen = parser.parse_args()
    made_up = min(MOST_MADE_UP, chosen.orders)
    times = -(-chosen.orders // made_up)
    config = ShopConfig(
        domain=chosen.domain,
        token="shpat_bench",
        plan="plus" if chosen.plan == "none" else chosen.plan,
        past_orders=made_up,
        past_days=355,
    )
    bulk.export = export_many(times)
    shop = PastShop(times=times, port=chosen.port, shops=[config])
    for store in shop.stores.values() if chosen.plan == "none" else ():
        store.bucket.restore_rate = store.bucket.maximum = float(10**9)
    shop.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
