"""What Klaviyo has recorded for good because of a job, as a file, given out as it is read."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from integrations.domain.operations import Kind
from integrations.domain.undo import RECORDED
from integrations.models import SyncJob, SyncWindow, statements

from . import audit
from .audit import Actor
from .history_export import Echo, safe

# Rows that are in memory at once.
BATCH = 1000
COLUMNS = (
    "Metric",
    "Order id",
    "Unique id",
    "Profile",
    "Version (UTC)",
    "Accepted (UTC)",
    "Kept from flows",
)
_PAGE = """
SELECT id, kind, source_id, identity, profile, version, accepted_at
FROM integrations_delivery
WHERE window_id = %s AND kind = %s AND id > %s AND present
ORDER BY id LIMIT %s
"""


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSON_LINES = "jsonl"


class Recorded(NamedTuple):
    """One event at Klaviyo."""

    metric: str
    source_id: str
    unique_id: str
    profile: str
    version: datetime
    accepted_at: datetime


def export(job: SyncJob, format: Format, *, by: Actor, now: datetime) -> Iterator[str]:
    """Give out every event that Klaviyo recorded because of a job, a few rows in memory at a time.

    That it is taken away is written down before the first line is given out: it names people.
    """
    audit.record(
        "undo.exported",
        job.store,
        by=by,
        now=now,
        subject=str(job),
        after={"format": format.value},
    )
    return _csv(job) if format is Format.CSV else _json_lines(job)


def recorded(job: SyncJob) -> Iterator[Recorded]:
    """The events themselves, newest part of the range first."""
    names = job.store.translation.metrics
    windows = SyncWindow.objects.filter(job=job).order_by("position").values_list("pk", flat=True)
    for window in list(windows):
        for kind in RECORDED:
            yield from _of(window, kind, getattr(names, kind.value))


def _of(window: int, kind: Kind, metric: str) -> Iterator[Recorded]:
    last = 0
    while rows := statements.run(_PAGE, (window, kind.value, last, BATCH)).fetchall():
        for _, _, source_id, identity, profile, version, accepted_at in rows:
            unique_id = identity.split(":", 2)[2]
            yield Recorded(metric, source_id, unique_id, profile, version, accepted_at)
        last = rows[-1][0]


def _csv(job: SyncJob) -> Iterator[str]:
    writer = csv.writer(Echo())
    # The mark by which a spreadsheet knows that letters are in UTF-8.
    yield "\ufeff" + writer.writerow(COLUMNS)
    silent = "yes" if job.silent else "no"
    for one in recorded(job):
        cells = (*one[:4], _utc(one.version), _utc(one.accepted_at), silent)
        yield writer.writerow([safe(cell) for cell in cells])


def _json_lines(job: SyncJob) -> Iterator[str]:
    for one in recorded(job):
        row = one._asdict() | {
            "version": _utc(one.version),
            "accepted_at": _utc(one.accepted_at),
            "backfill": job.silent,
        }
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
