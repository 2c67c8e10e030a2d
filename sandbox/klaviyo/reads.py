"""Reading back: accounts, metrics, events and sums over them."""

from typing import TYPE_CHECKING, Any

import msgspec

from sandbox.klaviyo.errors import Refusal, not_found, ok
from sandbox.klaviyo.filters import clauses, span
from sandbox.klaviyo.memory import Account, Metric, StoredEvent
from sandbox.klaviyo.natives import integration_of, native_metrics
from sandbox.klaviyo.paging import cursor, links, page, page_size
from sandbox.klaviyo.profiles import resource as profile_resource
from sandbox.klaviyo.times import iso
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

RANGE = {"greater-or-equal", "greater-than", "less-than", "less-or-equal"}
EVENT_FILTERS = {
    "metric_id": {"equals"},
    "profile_id": {"equals"},
    "profile": {"has"},
    "metric": {"has"},
    "datetime": RANGE,
    "timestamp": RANGE,
}


def get_accounts(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """GET /api/accounts"""
    contact = {
        "default_sender_name": account.name,
        "default_sender_email": "hello@mail.alpine-demo.shop",
        "website_url": "https://alpine-demo.shop",
        "organization_name": account.name,
        "street_address": {
            "address1": "1 Sandbox Way", "address2": None, "city": "Lyon", "region": None,
            "country": "FR", "zip": "69001",
        },
    }  # fmt: skip
    attributes = {
        "test_account": account.test,
        "contact_information": contact,
        "industry": "Ecommerce",
        "timezone": account.timezone,
        "preferred_currency": account.currency,
        "public_api_key": account.id,
        "locale": "en-US",
    }
    data = {"type": "account", "id": account.id, "attributes": attributes,
            "links": {"self": f"{klaviyo.url}/api/accounts/{account.id}/"}}  # fmt: skip
    return ok({"data": [data], "links": links(klaviyo, call, None)})


def get_metrics(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """GET /api/metrics"""
    wanted = clauses(
        call.query.get("filter", ""),
        {"integration.name": {"equals"}, "integration.category": {"equals"}},
    )
    found: list[Metric] = [
        *visible_metrics(klaviyo, account),
        *native_metrics(klaviyo, account),
    ]
    for clause in wanted:
        part = clause.field.removeprefix("integration.")
        asked = clause.value.upper()
        found = [one for one in found if integration_of(one)[part].upper() == asked]
    rows = [_metric(klaviyo, metric) for metric in found]
    return ok(page(klaviyo, call, rows, size=200, largest=200))


def visible_metrics(klaviyo: "Klaviyo", account: Account) -> list[Metric]:
    """List the metrics that readers can see by now."""
    until = klaviyo.clock() - klaviyo.settings.visible_after
    return [metric for metric in account.metrics.values() if metric.created <= until]


def get_metric(klaviyo: "Klaviyo", account: Account, call: Call, metric_id: str) -> Reply:
    """GET /api/metrics/{id}"""
    return ok({"data": _metric(klaviyo, _find(klaviyo, account, metric_id))})


def get_flow_triggers(klaviyo: "Klaviyo", account: Account, call: Call, metric_id: str) -> Reply:
    """GET /api/metrics/{id}/flow-triggers"""
    metric = _find(klaviyo, account, metric_id)
    # A script names a metric of another integration as `shopify/Placed Order`.
    own = metric.id in {one.id for one in account.metrics.values()}
    named = metric.name if own else f"{integration_of(metric)['key']}/{metric.name}"
    flows = klaviyo.settings.flow_triggers.get(named, [])
    return ok(page(klaviyo, call, [_flow(klaviyo, flow) for flow in flows], size=50, largest=50))


def _flow(klaviyo: "Klaviyo", flow: dict[str, Any]) -> dict[str, Any]:
    flow_id = flow.get("id", "FLOW01")
    attributes = {
        "name": flow.get("name", "Flow"),
        "status": flow.get("status", "live"),
        "archived": bool(flow.get("archived", False)),
        "trigger_type": flow.get("trigger_type", "Metric"),
        "created": flow.get("created", "2026-01-01T00:00:00+00:00"),
        "updated": flow.get("updated", "2026-01-01T00:00:00+00:00"),
    }
    return {"type": "flow", "id": flow_id, "attributes": attributes,
            "links": {"self": f"{klaviyo.url}/api/flows/{flow_id}/"}}  # fmt: skip


def _find(klaviyo: "Klaviyo", account: Account, metric_id: str) -> Metric:
    natives = native_metrics(klaviyo, account)
    if metric := account.metric_by_id(metric_id):
        return metric
    if native := next((one for one in natives if one.id == metric_id), None):
        return native
    raise not_found(f"A metric with id {metric_id}")


def _metric(klaviyo: "Klaviyo", metric: Metric) -> dict[str, Any]:
    return {
        "type": "metric",
        "id": metric.id,
        "attributes": {
            "name": metric.name,
            "created": iso(metric.created),
            "updated": iso(metric.created),
            "integration": integration_of(metric),
        },
        "links": {"self": f"{klaviyo.url}/api/metrics/{metric.id}/"},
    }


def get_events(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """GET /api/events, newest first unless sorted otherwise."""
    wanted = clauses(call.query.get("filter", ""), EVENT_FILTERS)
    events = _events(klaviyo, account, wanted)
    if call.query.get("sort", "-datetime") == "-datetime":
        events.reverse()
    if (after := cursor(call)) is not None:
        places = [number for number, event in enumerate(events) if event.id == after]
        events = events[places[0] + 1 :] if places else []
    size = page_size(call, 200, 1000)
    shown = events[:size]
    body: dict[str, Any] = {
        "data": [_event(klaviyo, event) for event in shown],
        "links": links(klaviyo, call, shown[-1].id if len(events) > size else None),
    }
    if "include" in call.query:
        body["included"] = _included(klaviyo, account, shown, call.query["include"].split(","))
    return ok(body)


def _events(klaviyo: "Klaviyo", account: Account, wanted: list[Any]) -> list[StoredEvent]:
    start, end = span(wanted, ("datetime", "timestamp"))
    equal = {clause.field: clause.value for clause in wanted if clause.op == "equals"}
    metrics = [equal["metric_id"]] if "metric_id" in equal else list(account.timelines)
    until = klaviyo.clock() - klaviyo.settings.visible_after
    found = [
        event
        for metric_id in metrics
        if metric_id in account.timelines
        for event in account.timelines[metric_id].between(start, end)
        if event.accepted <= until and equal.get("profile_id") in (None, event.profile_id)
    ]
    if len(metrics) > 1:
        found.sort(key=lambda event: (event.time, event.id))
    return found


def _event(klaviyo: "Klaviyo", event: StoredEvent) -> dict[str, Any]:
    own = f"{klaviyo.url}/api/events/{event.id}"
    properties = msgspec.json.decode(event.properties)
    if event.value is not None:
        properties["$value"] = event.value
    return {
        "type": "event",
        "id": event.id,
        "attributes": {
            "timestamp": int(event.time),
            "datetime": iso(event.time),
            "uuid": event.id,
            "event_properties": properties,
        },
        "relationships": {
            "metric": _pointer(own, "metric", event.metric_id),
            "profile": _pointer(own, "profile", event.profile_id),
        },
        "links": {"self": f"{own}/"},
    }


def _pointer(own: str, kind: str, target: str) -> dict[str, Any]:
    places = {"self": f"{own}/relationships/{kind}/", "related": f"{own}/{kind}/"}
    return {"data": {"type": kind, "id": target}, "links": places}


def _included(
    klaviyo: "Klaviyo", account: Account, events: list[StoredEvent], kinds: list[str]
) -> list[dict[str, Any]]:
    if unknown := set(kinds) - {"metric", "profile", "attributions"}:
        raise Refusal(400, f"'{unknown.pop()}' cannot be included.", parameter="include")
    included: list[dict[str, Any]] = []
    if "metric" in kinds:
        ids = dict.fromkeys(event.metric_id for event in events)
        included += [_metric(klaviyo, _find(klaviyo, account, metric_id)) for metric_id in ids]
    if "profile" in kinds:
        people = {event.profile_id: account.profile_of(event) for event in events}
        included += [profile_resource(p, p.fields, klaviyo.url) for p in people.values() if p]
    return included
