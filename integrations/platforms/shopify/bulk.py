"""Bulk operations: begin one, find it again, ask about it, stop it.

Source: shopify.dev, API usage, bulk operations, and the types named BulkOperation (2026-10).
"""

import re
from enum import StrEnum

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.windows import Stretch
from integrations.platforms.downloads import Link

from .client import Shopify, Told, document
from .pages import READINGS, searched

# What the calls cost, by Shopify's formula.
RUN_POINTS, LOOK_POINTS, LIST_POINTS, CANCEL_POINTS = 10.0, 1.0, 10.0, 10.0
# Other runs, ours or another program's, hold all places: wait and ask again.
BUSY = frozenset({"LIMIT_REACHED", "OPERATION_IN_PROGRESS"})
# Shopify will not take this query, now or later.
INVALID = "INVALID"
# The permission for what is in the export is missing.
ACCESS_DENIED = "ACCESS_DENIED"


class Status(StrEnum):
    """Where a run is, in Shopify's words."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


UNDER_WAY = frozenset({Status.CREATED, Status.RUNNING, Status.CANCELING})


class Run(msgspec.Struct, frozen=True):
    """One bulk operation as it stands; numbers come as text. No link to a part is ever read."""

    id: str
    status: Status
    error_code: str = ""
    objects: int = 0
    roots: int = 0
    size: int | None = None
    link: Link | None = None


class _Operation(msgspec.Struct, rename="camel"):
    id: str
    status: Status
    error_code: str | None = None
    object_count: str | int = 0
    root_object_count: str | int = 0
    file_size: str | int | None = None
    url: str | None = None
    query: str = ""

    def __repr__(self) -> str:
        return f"<{self.id} {self.status}>"


class _UserError(msgspec.Struct):
    message: str = ""
    code: str | None = None


class _Answer(msgspec.Struct, rename="camel"):
    bulk_operation: _Operation | None = None
    user_errors: list[_UserError] = []


class _Ran(msgspec.Struct):
    answer: _Answer = msgspec.field(name="bulkOperationRunQuery")


class _Cancelled(msgspec.Struct):
    answer: _Answer = msgspec.field(name="bulkOperationCancel")


class _Looked(msgspec.Struct, rename="camel"):
    bulk_operation: _Operation | None = None


class _Nodes(msgspec.Struct):
    nodes: list[_Operation]


class _Listed(msgspec.Struct, rename="camel"):
    bulk_operations: _Nodes


def query(stream: str, stretch: Stretch, *, name: str, changed: bool = False) -> str:
    """The query of a stretch, to be run in bulk; it bears a name to be found again by."""
    how = READINGS[stream]
    _, sort = how.changed if changed else how.made
    looked_for = msgspec.json.encode(searched(stream, stretch, changed=changed)).decode()
    text = re.sub(r"^#.*\n", "", document(f"{stream}_bulk"), flags=re.MULTILINE)
    text = re.sub(r"^query \w+", f"query {name}", text)
    return text.replace('"SEARCH"', looked_for).replace("sortKey: CREATED_AT", f"sortKey: {sort}")


def run(client: Shopify, text: str) -> Told[Run]:
    """Begin a run. Raises PlatformError; its code is Shopify's, such as LIMIT_REACHED."""
    told = client.ask("bulk_run", {"query": text}, _Ran)
    return Told(_first(told.data.answer), told.cost)


def look(client: Shopify, run_id: str) -> Told[Run | None]:
    """How a run stands; None when Shopify knows nothing of it. Raises PlatformError."""
    told = client.ask("bulk_look", {"id": run_id}, _Looked)
    found = told.data.bulk_operation
    return Told(_run(found) if found else None, told.cost)


def find(client: Shopify, name: str) -> Told[Run | None]:
    """The newest run whose query bears a name: how one is found whose answer was lost.

    That Shopify gives a query back with its name is unconfirmed; where it does not, the run is
    begun once more, and the lost one holds one of five places until it ends. Raises PlatformError.
    """
    told = client.ask("bulk_list", {}, _Listed)
    nodes = told.data.bulk_operations.nodes
    return Told(next((_run(one) for one in nodes if name in one.query), None), told.cost)


def cancel(client: Shopify, run_id: str) -> Told[Run | None]:
    """Stop a run; one that has ended already stays as it is. Raises PlatformError."""
    told = client.ask("bulk_cancel", {"id": run_id}, _Cancelled)
    found = told.data.answer.bulk_operation
    return Told(_run(found) if found else None, told.cost)


def _first(answer: _Answer) -> Run:
    if answer.user_errors:
        raise PlatformError(_refusal(answer.user_errors[0]))
    if answer.bulk_operation is None:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, "Shopify began no export and did not say why.", "bulk")
        )
    return _run(answer.bulk_operation)


def _refusal(error: _UserError) -> Failure:
    code = error.code or "bulk_refused"
    kinds = dict.fromkeys(BUSY, FailureKind.TRANSIENT) | {INVALID: FailureKind.REJECTED}
    return Failure(kinds.get(code, FailureKind.UNEXPECTED), error.message[:500], code)


def _run(found: _Operation) -> Run:
    return Run(
        id=found.id,
        status=found.status,
        error_code=found.error_code or "",
        objects=int(found.object_count),
        roots=int(found.root_object_count),
        size=None if found.file_size is None else int(found.file_size),
        link=Link(found.url) if found.url else None,
    )
