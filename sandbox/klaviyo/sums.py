"""Metric aggregates: counts and sums per day or hour of event time."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from sandbox.klaviyo.errors import Refusal, not_found, ok
from sandbox.klaviyo.filters import clauses
from sandbox.klaviyo.memory import Account, StoredEvent
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

AT = "/data/attributes"
LONGEST = timedelta(days=366)
MEASUREMENTS = ("count", "sum_value", "unique")
GROUPINGS: dict[str, Callable[[StoredEvent], str]] = {"$value_currency": lambda e: e.currency or ""}
FILTERS = {"datetime": {"greater-or-equal", "less-than"}}


def query_sums(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """POST /api/metric-aggregates"""
    wanted = _attributes(call)
    zone = _zone(wanted.get("timezone", "UTC"))
    start, end = _span(wanted["filter"], zone)
    if account.metric_by_id(wanted["metric_id"]) is None:
        raise not_found(f"A metric with id {wanted['metric_id']}")
    starts = list(_buckets(start, end, wanted.get("interval", "day"), zone))
    rows = _rows(klaviyo, account, wanted, starts, start.timestamp(), end.timestamp())
    attributes = {"dates": [moment.isoformat() for moment in starts], "data": rows}
    here = {"self": f"{klaviyo.url}{call.path}"}
    data = {"type": "metric-aggregate", "id": str(uuid4()), "attributes": attributes, "links": here}
    return ok({"data": data, "links": {**here, "next": None, "prev": None}})


def _attributes(call: Call) -> dict[str, Any]:
    try:
        wanted: dict[str, Any] = call.json["data"]["attributes"]
        missing = [n for n in ("metric_id", "measurements", "filter") if not wanted.get(n)]
    except (KeyError, TypeError, AttributeError, msgspec.DecodeError):
        raise Refusal(400, "The body is not a metric aggregate query.") from None
    if missing:
        raise Refusal(400, f"{missing[0]} is required.", pointer=f"{AT}/{missing[0]}")
    if unknown := set(wanted["measurements"]) - set(MEASUREMENTS):
        raise Refusal(400, f"Unknown measurement {unknown.pop()}.", pointer=f"{AT}/measurements")
    if unknown := set(wanted.get("by") or ()) - set(GROUPINGS):
        raise Refusal(400, f"Cannot group by {unknown.pop()}.", pointer=f"{AT}/by")
    return wanted


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Refusal(400, f"Unknown timezone {name}.", pointer=f"{AT}/timezone") from None


def _span(written: list[str] | str, zone: tzinfo) -> tuple[datetime, datetime]:
    texts = [written] if isinstance(written, str) else written
    found = [clause for text in texts for clause in clauses(text, FILTERS)]
    ends = {clause.op: _moment(clause.value, zone) for clause in found}
    if len(ends) != 2:
        raise Refusal(400, "A start and an end in datetime are needed.", pointer=f"{AT}/filter")
    start, end = ends["greater-or-equal"], ends["less-than"]
    if not start < end <= start + LONGEST:
        raise Refusal(400, "The range must be at most one year.", pointer=f"{AT}/filter")
    return start, end


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, f"Invalid date {text}.", pointer=f"{AT}/filter") from None
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def _buckets(start: datetime, end: datetime, interval: str, zone: tzinfo) -> Iterator[datetime]:
    at = _floor(start, interval)
    while at < end:
        yield at
        at = _after(at, interval)


def _floor(moment: datetime, interval: str) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    match interval:
        case "hour":
            return hour
        case "day":
            return hour.replace(hour=0)
        case "week":
            return hour.replace(hour=0) - timedelta(days=moment.weekday())
        case "month":
            return hour.replace(hour=0, day=1)
    raise Refusal(400, f"Unknown interval {interval}.", pointer=f"{AT}/interval")


def _after(moment: datetime, interval: str) -> datetime:
    if interval == "month":
        return (moment + timedelta(days=32)).replace(day=1)
    # Wall-clock arithmetic on purpose: a local day may have 23 or 25 hours.
    return moment + {"hour": timedelta(hours=1), "day": timedelta(days=1)}.get(
        interval, timedelta(days=7)
    )


def _rows(
    klaviyo: "Klaviyo",
    account: Account,
    wanted: dict[str, Any],
    starts: list[datetime],
    start: float,
    end: float,
) -> list[dict[str, Any]]:
    groups: dict[tuple[str, ...], list[list[StoredEvent]]] = {}
    by = [GROUPINGS[name] for name in wanted.get("by") or ()]
    if not by:
        groups[()] = [[] for _ in starts]
    edges = [max(moment.timestamp(), start) for moment in starts]
    until = klaviyo.clock() - klaviyo.settings.visible_after
    timeline = account.timelines.get(wanted["metric_id"])
    for number, edge in enumerate(edges):
        stop = edges[number + 1] if number + 1 < len(edges) else end
        for event in timeline.between(edge, stop) if timeline else ():
            if event.accepted <= until:
                cells = groups.setdefault(tuple(g(event) for g in by), [[] for _ in starts])
                cells[number].append(event)
    return [
        {"dimensions": list(key), "measurements": _measured(cells, wanted["measurements"])}
        for key, cells in groups.items()
    ]


def _measured(cells: list[list[StoredEvent]], names: list[str]) -> dict[str, list[float]]:
    return {name: [_measure(name, events) for events in cells] for name in names}


def _measure(name: str, events: list[StoredEvent]) -> float:
    match name:
        case "count":
            return float(len(events))
        case "sum_value":
            return round(math.fsum(event.value or 0.0 for event in events), 4)
    return float(len({event.profile_id for event in events}))
