"""Bulk operations: begin, look at, list, stop."""

from datetime import UTC, datetime
from typing import Any

from sandbox.shop.memory import Row
from sandbox.shopify.bulk import RUNNING, Run
from sandbox.shopify.bulk_rules import Refused
from sandbox.shopify.connections import connect
from sandbox.shopify.resolving import Resolver, store_of
from sandbox.shopify.search import Getter, read
from sandbox.shopify.store import Store

Body = dict[str, Any]


class _Field:
    """Reads one searchable value of a run; `kind` says how it is compared."""

    def __init__(self, kind: str, read: Any) -> None:
        self.kind, self._read = kind, read

    def __call__(self, run: Row) -> Any:
        """Read the value."""
        return self._read(run)


SEARCHABLE: dict[str, Getter] = {
    "created_at": _Field("instant", lambda run: run.created),
    "id": _Field("number", lambda run: run.id),
    "operation_type": _Field("text", lambda run: "query"),
    "status": _Field("text", lambda run: run.status),
}


def shown(run: Run, store: Store) -> Body:
    """Write a run as GraphQL does: numbers as text, a link where there is something to fetch."""
    link = store.bulk.link(run) if run.export.roots and run.status != "EXPIRED" else None
    whole = run.status == "COMPLETED"
    return {
        "__kind": "BulkOperation",
        "id": run.gid,
        "type": "QUERY",
        "status": run.status,
        "errorCode": run.error,
        "createdAt": _instant(run.created),
        "completedAt": _instant(run.ended) if run.ended is not None else None,
        "objectCount": str(run.export.objects),
        "rootObjectCount": str(run.export.roots),
        "fileSize": str(run.file.stat().st_size) if whole and link else None,
        "url": link if whole else None,
        "partialDataUrl": link if run.is_partial else None,
        "query": run.query,
    }


def _instant(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _run(source: Any, info: Any, arguments: Body) -> Body:
    store = store_of(info)
    try:
        run = store.bulk.submit(info.schema, arguments["query"])
    except Refused as exc:
        message, code = (*exc.args, "INVALID")[:2]
        return _refused({"field": ["query"] if code == "INVALID" else None,
                         "message": message, "code": code})  # fmt: skip
    return {"bulkOperation": shown(run, store), "userErrors": []}


def _refused(error: Body) -> Body:
    return {"bulkOperation": None, "userErrors": [error]}


def _one(source: Any, info: Any, arguments: Body) -> Body | None:
    store = store_of(info)
    run = store.bulk.find(arguments["id"])
    return shown(run, store) if run else None


def _list(source: Any, info: Any, arguments: Body) -> Body:
    store = store_of(info)
    store.bulk.advance(store.present())
    rows: list[Any] = list(store.bulk.runs.values())
    if query := arguments.get("query"):
        search = read(query, SEARCHABLE)
        info.context.searched(search, info.path.key)
        rows = [run for run in rows if search.matches(run)]
    return connect(
        rows,
        arguments,
        key=lambda run: (run.created, run.id),
        node=lambda run: shown(run, store),
    )


def _cancel(source: Any, info: Any, arguments: Body) -> Body:
    store = store_of(info)
    run = store.bulk.find(arguments["id"])
    if run is None:
        return _refused({"field": ["id"], "message": "Bulk operation does not exist"})
    if run.status not in RUNNING:
        message = f"A bulk operation cannot be canceled when it is {run.status.lower()}"
        error = {"field": None, "message": message}
        return {"bulkOperation": shown(run, store), "userErrors": [error]}
    store.bulk.cancel(run)
    return {"bulkOperation": shown(run, store), "userErrors": []}


FIELDS: dict[str, Resolver] = {
    "QueryRoot.bulkOperation": _one,
    "QueryRoot.bulkOperations": _list,
    "Mutation.bulkOperationRunQuery": _run,
    "Mutation.bulkOperationCancel": _cancel,
}
