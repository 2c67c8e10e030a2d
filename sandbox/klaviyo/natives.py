"""Metrics of other integrations beside ours, and which metrics the reports are mapped to."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.klaviyo.errors import Refusal, ok
from sandbox.klaviyo.memory import Account, Metric
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

API = {"object": "integration", "id": "0", "key": "api", "name": "API", "category": "API"}
MAPPINGS = (
    "added_to_cart", "cancelled_sales", "ordered_product", "refunded_sales", "revenue",
    "started_checkout", "viewed_product",
)  # fmt: skip


class NativeMetric(Metric):
    """A metric that another integration writes."""

    integration: dict[str, str]


def native_metrics(klaviyo: Klaviyo, account: Account) -> list[NativeMetric]:
    """List what the integrations named in the script write; a name is only theirs beside them."""
    return [
        NativeMetric(_id(account, one.get("key", "shopify"), name), name, 0.0, _integration(one))
        for one in klaviyo.settings.natives
        for name in one.get("metrics", ())
    ]


def integration_of(metric: Metric) -> dict[str, str]:
    """Say who writes a metric."""
    return metric.integration if isinstance(metric, NativeMetric) else API


def get_mapped_metrics(klaviyo: Klaviyo, account: Account, call: Call) -> Reply:
    """GET /api/mapped-metrics: all of them on one page."""
    if unknown := set(filter(None, call.query.get("include", "").split(","))) - {"metric"}:
        raise Refusal(400, f"'{unknown.pop()}' cannot be included.", parameter="include")
    rows = [_mapped(klaviyo, account, mapping) for mapping in MAPPINGS]
    return ok({"data": rows, "links": {"self": f"{klaviyo.url}/api/mapped-metrics"}})


def _mapped(klaviyo: Klaviyo, account: Account, mapping: str) -> dict[str, Any]:
    own = f"{klaviyo.url}/api/mapped-metrics/{mapping}"
    relations: dict[str, Any] = {}
    if metric := _named(klaviyo, account, klaviyo.settings.mapped.get(mapping, "")):
        relations["metric"] = {
            "data": {"type": "metric", "id": metric.id},
            "links": {"self": f"{own}/relationships/metric/", "related": f"{own}/metric/"},
        }
    return {
        "type": "mapped-metric",
        "id": mapping,
        "attributes": {"updated": "2026-01-01T00:00:00+00:00"},
        "relationships": relations,
        "links": {"self": f"{own}/"},
    }


def _named(klaviyo: Klaviyo, account: Account, told: str) -> Metric | None:
    """Find a metric as a script names it: `shopify/Placed Order`, or ours by its name alone."""
    key, _, name = told.rpartition("/")
    if not key:
        return account.metrics.get(name)
    natives = native_metrics(klaviyo, account)
    return next((m for m in natives if m.name == name and m.integration["key"] == key), None)


def _integration(told: dict[str, Any]) -> dict[str, str]:
    key = str(told.get("key", "shopify"))
    return {
        "object": "integration",
        "id": key[:6].upper(),
        "key": key,
        "name": str(told.get("name", key.title())),
        "category": str(told.get("category", "eCommerce")),
    }


def _id(account: Account, key: str, name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{account.id}/{key}/{name}").hex[:6].upper()
