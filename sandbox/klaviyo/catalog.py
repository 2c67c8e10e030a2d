"""The custom catalog: bulk jobs that change it, and pages that show it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from sandbox.klaviyo.catalog_rules import KINDS, Kind, compound, fault
from sandbox.klaviyo.errors import Refusal, not_found, ok, too_large
from sandbox.klaviyo.filters import clauses
from sandbox.klaviyo.jobs import Job, due_after, unfinished
from sandbox.klaviyo.memory import Account
from sandbox.klaviyo.paging import page
from sandbox.klaviyo.times import iso
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

ACTIONS = ("create", "update", "delete")
FILTERS: dict[str, dict[str, set[str]]] = {
    "item": {"ids": {"any"}},
    "variant": {"ids": {"any"}, "item.id": {"equals"}},
    "category": {"ids": {"any"}},
}
LIMIT = 100
# The smaller of the two meanings of MB: whoever keeps to it is right either way.
BODY_LIMIT = 5_000_000


def submit(klaviyo: "Klaviyo", account: Account, call: Call, *, kind: Kind, action: str) -> Reply:
    """POST /api/catalog-…-bulk-…-jobs"""
    if len(call.body) > BODY_LIMIT:
        raise too_large("The body is larger than 5 MB.")
    name = job_name(kind, action)
    objects = _objects(call, kind, name)
    _refuse_if_full(klaviyo, account)
    now = klaviyo.clock()
    due = due_after(account.jobs.values(), now, klaviyo.settings.job_seconds)
    job = Job(uuid4().hex, name, now, due, objects, len(objects))
    account.jobs[job.id] = job
    return ok({"data": _job(klaviyo, job)}, 202)


def job_name(kind: Kind, action: str) -> str:
    """Name the resource of a job."""
    return f"catalog-{kind.name}-bulk-{action}-job"


def _objects(call: Call, kind: Kind, name: str) -> list[dict[str, Any]]:
    at = f"/data/attributes/{kind.plural}/data"
    try:
        data = call.json["data"]
        objects: list[dict[str, Any]] = data["attributes"][kind.plural]["data"]
    except (KeyError, TypeError, msgspec.DecodeError):
        raise Refusal(400, f"{kind.plural} are required.", pointer=at) from None
    if data.get("type") != name:
        raise Refusal(400, f"The type must be {name}.", pointer="/data/type")
    if not isinstance(objects, list) or not 1 <= len(objects) <= LIMIT:
        raise Refusal(400, f"Between 1 and {LIMIT} {kind.plural} are allowed.", pointer=at)
    _refuse_misfits(objects, kind, name, at)
    return objects


def _refuse_misfits(objects: list[Any], kind: Kind, name: str, at: str) -> None:
    action = name.rsplit("-", 2)[1]
    for number, written in enumerate(objects):
        if found := fault(written, kind, action):
            where, detail = found
            raise Refusal(400, detail, pointer=f"{at}/{number}{where}")


def _refuse_if_full(klaviyo: "Klaviyo", account: Account) -> None:
    running = unfinished(job for job in account.jobs.values() if job.kind.startswith("catalog"))
    if running >= klaviyo.settings.max_jobs:
        detail = f"At most {klaviyo.settings.max_jobs} jobs may be in progress."
        raise Refusal(400, detail, code="too_many_jobs", title="Too many jobs in progress.")


def run(account: Account, job: Job) -> None:
    """Do one job, object by object; each may fail on its own."""
    _, name, _, action, _ = job.kind.split("-")
    kind = KINDS[name]
    for number, written in enumerate(job.work):
        error = _apply(account, kind, action, written, job.due)
        if error is None:
            job.completed += 1
        else:
            job.failed += 1
            job.errors.append(_job_error(kind, number, *error))


def shelf(account: Account, kind: Kind) -> dict[str, dict[str, Any]]:
    """Find where objects of a kind are kept."""
    shelves: dict[str, dict[str, Any]] = getattr(account, kind.shelf)
    return shelves


def _apply(
    account: Account, kind: Kind, action: str, written: dict[str, Any], now: float
) -> tuple[str, str] | None:
    kept = shelf(account, kind)
    own = compound(written["attributes"]["external_id"]) if action == "create" else written["id"]
    if action == "create" and own in kept:
        return "duplicate", f"A {kind.label} with id {own} already exists."
    if action != "create" and own not in kept:
        return "not_found", f"A {kind.label} with id {own} does not exist."
    if missing := _missing_relation(account, kind, written):
        return "not_found", missing
    if action == "delete":
        _delete(account, kind, own)
    else:
        _write(kept, own, written, now)
    return None


def _missing_relation(account: Account, kind: Kind, written: dict[str, Any]) -> str | None:
    for name, related in (written.get("relationships") or {}).items():
        other = KINDS["item" if name in ("item", "items") else "category"]
        data = related.get("data") or []
        for target in data if isinstance(data, list) else [data]:
            if target["id"] not in shelf(account, other):
                return f"A {other.label} with id {target['id']} does not exist."
    return None


def _write(kept: dict[str, Any], own: str, written: dict[str, Any], now: float) -> None:
    row = kept.setdefault(own, {"attributes": {}, "relationships": {}, "created": now})
    row["attributes"] |= written.get("attributes") or {}
    row["relationships"] |= written.get("relationships") or {}
    row["updated"] = now


def _delete(account: Account, kind: Kind, own: str) -> None:
    del shelf(account, kind)[own]
    if kind.name == "item":
        gone = [key for key, row in account.variants.items() if item_of(row) == own]
        for key in gone:
            del account.variants[key]


def item_of(row: dict[str, Any]) -> str | None:
    """Name the item a variant belongs to."""
    data = row["relationships"].get("item", {}).get("data")
    return data["id"] if data else None


def _job_error(kind: Kind, number: int, code: str, detail: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "code": code,
        "title": "Invalid input.",
        "detail": detail,
        "source": {"pointer": f"/data/attributes/{kind.plural}/data/{number}"},
    }


def get_job(klaviyo: "Klaviyo", account: Account, call: Call, job_id: str, *, name: str) -> Reply:
    """GET /api/catalog-…-bulk-…-jobs/{id}"""
    job = account.jobs.get(job_id)
    if job is None or job.kind != name:
        raise not_found(f"A job with id {job_id}")
    return ok({"data": _job(klaviyo, job)})


def get_jobs(klaviyo: "Klaviyo", account: Account, call: Call, *, name: str) -> Reply:
    """GET /api/catalog-…-bulk-…-jobs"""
    jobs = [_job(klaviyo, job) for job in account.jobs.values() if job.kind == name]
    return ok(page(klaviyo, call, jobs, size=100, largest=100))


def _job(klaviyo: "Klaviyo", job: Job) -> dict[str, Any]:
    return {
        "type": job.kind,
        "id": job.id,
        "attributes": {**job.attributes(klaviyo.clock()), "errors": job.errors},
        "links": {"self": f"{klaviyo.url}/api/{job.kind}s/{job.id}/"},
    }


def get_rows(klaviyo: "Klaviyo", account: Account, call: Call, *, kind: Kind) -> Reply:
    """GET /api/catalog-items, -variants, -categories"""
    until = klaviyo.clock() - klaviyo.settings.visible_after
    kept = shelf(account, kind).items()
    rows = [_row(klaviyo, kind, key, row) for key, row in kept if row["created"] <= until]
    for clause in clauses(call.query.get("filter", ""), FILTERS[kind.name]):
        own = item_of if clause.field == "item.id" else _own_id
        rows = [row for row in rows if own(row) in clause.values]
    return ok(page(klaviyo, call, rows, size=100, largest=100))


def _own_id(row: dict[str, Any]) -> str:
    return str(row["id"])


def _row(klaviyo: "Klaviyo", kind: Kind, key: str, row: dict[str, Any]) -> dict[str, Any]:
    times = {"created": iso(row["created"]), "updated": iso(row["updated"])}
    hidden = ("integration_type", "catalog_type")
    known = {name: value for name, value in row["attributes"].items() if name not in hidden}
    shown: dict[str, Any] = {"type": kind.type, "id": key, "attributes": {**known, **times}}
    own = f"{klaviyo.url}/api/{kind.path}/{key}"
    if kind.name == "variant" and (item := item_of(row)):
        places = {"self": f"{own}/relationships/item/", "related": f"{own}/item/"}
        data = {"type": "catalog-item", "id": item}
        shown["relationships"] = {"item": {"data": data, "links": places}}
    return {**shown, "links": {"self": f"{own}/"}}


def _routes() -> dict[str, Callable[..., Reply]]:
    routes: dict[str, Callable[..., Reply]] = {}
    for kind in KINDS.values():
        routes[f"GET /api/{kind.path}"] = _bound(get_rows, kind=kind)
        for action in ACTIONS:
            name = job_name(kind, action)
            routes[f"POST /api/{name}s"] = _bound(submit, kind=kind, action=action)
            routes[f"GET /api/{name}s"] = _bound(get_jobs, name=name)
            routes[f"GET /api/{name}s/{{id}}"] = _bound(get_job, name=name)
    return routes


def _bound(endpoint: Callable[..., Reply], **fixed: Any) -> Callable[..., Reply]:
    return lambda *given: endpoint(*given, **fixed)


ROUTES = _routes()
