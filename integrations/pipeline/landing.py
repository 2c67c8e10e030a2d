"""Landing past data: a page's nodes become events of the backfill lane, and the cursor moves on.

Both in one transaction, so that a window resumes exactly behind what it has landed. From there
on past data takes the same road as a webhook: the same lanes, ledger, dead letters and retries.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from django.db import transaction

from integrations.domain.lanes import Lane
from integrations.domain.windows import WindowState
from integrations.models import SyncWindow, statements
from integrations.models.sync_jobs import WINDOW_LEASE, WindowClaim
from integrations.platforms.shopify import past
from integrations.platforms.shopify.pages import Row

from . import completeness, health, windows

# Read ahead of what is sent by at most so many records of a store, so that no payload waits long.
MOST_AHEAD = 5000

# One statement, so that rows and cursor go together or not at all; whoever lost the window lands
# nothing, since its row is not found any more.
_LAND = """
WITH mine AS (
  SELECT id FROM integrations_syncwindow WHERE id = %(id)s AND epoch = %(epoch)s FOR UPDATE
), landed AS (
  INSERT INTO integrations_event (public_id, store_id, lane, topic, webhook_id, event_id,
    api_version, body, triggered_at, received_at, next_attempt_at, state, skip, note, attempts,
    failures, crashes, last_error, window_id, loud)
  SELECT public_id, %(store)s, %(lane)s, %(topic)s, webhook_id, '', '', body, version, %(now)s,
    %(now)s, 'waiting', '', '', 0, 0, 0, '', mine.id, %(loud)s
  FROM mine CROSS JOIN unnest(%(public_ids)b::uuid[], %(webhook_ids)b::text[],
    %(bodies)b::bytea[], %(versions)b::timestamptz[]) AS row(public_id, webhook_id, body, version)
  ON CONFLICT (store_id, webhook_id) DO NOTHING
  RETURNING 1
), counted AS (SELECT count(*)::int AS number FROM landed)
UPDATE integrations_syncwindow win
SET cursor = %(cursor)s, found = found + counted.number, left_out = left_out + %(left_out)s,
  calls = calls + 1, page_size = %(page_size)s, state = %(state)s, read_at = %(read_at)s,
  last_progress_at = %(now)s, lease_until = %(lease_until)s, failures = 0, wait_reason = '',
  last_error = '', error_code = ''
FROM counted WHERE win.id = %(id)s AND win.epoch = %(epoch)s
RETURNING counted.number
"""


class LostWindow(Exception):
    """Somebody else reads this window now; nothing of this page was landed."""


def land(
    claim: WindowClaim,
    window: SyncWindow,
    rows: Sequence[Row],
    *,
    cursor: str,
    is_last: bool,
    left_out: int = 0,
    page_size: int | None = None,
    now: datetime,
) -> int:
    """Land rows and move the cursor; returns how many were new. Raises LostWindow.

    `window` comes with its job and store. A row that was landed before, by a run that did not
    get to moving the cursor, is not landed again.
    """
    job = window.job
    values = {
        "id": claim.pk,
        "epoch": claim.epoch,
        "store": job.store_id,
        "lane": int(Lane.BACKFILL),
        "topic": past.topic(window.stream),
        "now": now,
        "loud": not job.silent,
        "public_ids": [uuid4() for _ in rows],
        "webhook_ids": _ids(window, rows),
        "bodies": [row.body for row in rows],
        "versions": [row.version for row in rows],
        "cursor": cursor,
        "left_out": left_out,
        "page_size": page_size or window.page_size,
        "state": (WindowState.SENDING if is_last else WindowState.READING).value,
        "read_at": now if is_last else None,
        "lease_until": None if is_last else now + WINDOW_LEASE,
    }
    found = _finish(claim, window, values, now) if is_last else _run(claim, values)
    if found:
        health.ask_for_past(now=now)
    return found


def _finish(claim: WindowClaim, window: SyncWindow, values: dict[str, Any], now: datetime) -> int:
    with transaction.atomic():
        found = _run(claim, values)
        if completeness.holds(claim, window, now=now):
            windows.finish_if_over([claim.pk], now=now)
    return found


def _run(claim: WindowClaim, values: dict[str, Any]) -> int:
    moved = statements.run(_LAND, values).fetchone()
    if moved is None:
        raise LostWindow(f"window {claim.pk} is past epoch {claim.epoch}")
    return int(moved[0])


class Standing(NamedTuple):
    """What a reader must know before each page."""

    # Nobody paused or cancelled the job, or the shop, meanwhile.
    is_wanted: bool
    # Enough of the shop's past is landed and not yet sent.
    is_far_ahead: bool


_STANDING = """
SELECT EXISTS (
    SELECT 1 FROM integrations_syncwindow win
    JOIN integrations_syncjob job ON job.id = win.job_id
    JOIN integrations_store store ON store.id = job.store_id
    WHERE win.id = %s AND win.state = 'reading' AND job.state = 'running'
      AND store.paused_at IS NULL),
  (SELECT count(*) FROM (
    SELECT 1 FROM integrations_event WHERE state = 'waiting' AND store_id = %s AND lane = %s
    LIMIT %s) ahead) >= %s
"""


def standing(window: SyncWindow) -> Standing:
    """Look, in one statement, whether to read on."""
    values = (window.pk, window.job.store_id, int(Lane.BACKFILL), MOST_AHEAD, MOST_AHEAD)
    return Standing(*statements.run(_STANDING, values).fetchone())  # type: ignore[misc]


def _ids(window: SyncWindow, rows: Sequence[Row]) -> list[str]:
    # The version is part of the id: a thing that changed while its window is read comes again.
    return [
        f"{window.public_id.hex}:{window.run}:{row.source_id}:{int(row.version.timestamp())}"
        for row in rows
    ]
