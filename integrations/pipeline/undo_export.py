"""What Klaviyo has recorded for good because of a job, as a file, given out as it is read."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from integrations.domain.operations import Kind
from integrations.domain.undo import RECORDED
from integrations.models import SyncJob, SyncWindow, statements

from . import audit
from .audit import Actor
from .spreadsheets import Format, lines, utc

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
    return lines(COLUMNS, _rows(job)) if format is Format.CSV else _json_lines(job)


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


def _rows(job: SyncJob) -> Iterator[tuple[str, ...]]:
    silent = "yes" if job.silent else "no"
    for one in recorded(job):
        yield (*one[:4], utc(one.version), utc(one.accepted_at), silent)


def _json_lines(job: SyncJob) -> Iterator[str]:
    for one in recorded(job):
        row = one._asdict() | {
            "version": utc(one.version),
            "accepted_at": utc(one.accepted_at),
            "backfill": job.silent,
        }
        yield json.dumps(row, ensure_ascii=False) + "\n"
