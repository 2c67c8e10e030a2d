"""Landing past data: a page's nodes become events of the backfill lane, and the cursor moves on.

Both in one transaction, so that a window resumes exactly behind what it has landed. From there
on past data takes the same road as a webhook: the same lanes, ledger, dead letters and retries.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import F

from integrations.domain.lanes import Lane
from integrations.domain.windows import WindowState
from integrations.models import SyncWindow, statements
from integrations.models.sync_jobs import WINDOW_LEASE, WindowClaim
from integrations.platforms.shopify import past
from integrations.platforms.shopify.pages import Row

from . import completeness, health, windows

# Read ahead of what is sent by at most so many records of a store, so that no payload waits long.
MOST_AHEAD = 5000

_LAND = """
INSERT INTO integrations_event (public_id, store_id, lane, topic, webhook_id, event_id,
  api_version, body, triggered_at, received_at, next_attempt_at, state, skip, note, attempts,
  failures, crashes, last_error, window_id, loud)
SELECT public_id, %s, %s, %s, webhook_id, '', '', body, version, %s, %s, 'waiting', '', '', 0, 0,
  0, '', %s, %s
FROM unnest(%b::uuid[], %b::text[], %b::bytea[], %b::timestamptz[])
  AS row(public_id, webhook_id, body, version)
ON CONFLICT (store_id, webhook_id) DO NOTHING
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
    with transaction.atomic():
        found = _insert(window, rows, now) if rows else 0
        moved = SyncWindow.objects.owned(claim).update(
            cursor=cursor,
            found=F("found") + found,
            left_out=F("left_out") + left_out,
            calls=F("calls") + 1,
            page_size=page_size or window.page_size,
            state=WindowState.SENDING if is_last else WindowState.READING,
            read_at=now if is_last else None,
            last_progress_at=now,
            lease_until=None if is_last else now + WINDOW_LEASE,
            failures=0,
            wait_reason="",
            last_error="",
            error_code="",
        )
        if not moved:
            raise LostWindow(f"window {claim.pk} is past epoch {claim.epoch}")
        if is_last and completeness.holds(claim, window, now=now):
            windows.finish_if_over([claim.pk], now=now)
    if found:
        health.ask_for_past(now=now)
    return found


def is_far_ahead(store_id: int) -> bool:
    """Whether enough of a store's past is landed and not yet sent."""
    found = statements.run(
        "SELECT count(*) FROM (SELECT 1 FROM integrations_event WHERE state = 'waiting'"
        " AND store_id = %s AND lane = %s LIMIT %s) ahead",
        (store_id, int(Lane.BACKFILL), MOST_AHEAD),
    ).fetchone()
    return bool(found and found[0] >= MOST_AHEAD)


def _insert(window: SyncWindow, rows: Sequence[Row], now: datetime) -> int:
    job = window.job
    # The version is part of the id: a thing that changed while its window is read comes again.
    ids = [
        f"{window.public_id.hex}:{window.run}:{row.source_id}:{int(row.version.timestamp())}"
        for row in rows
    ]
    values = (
        job.store_id,
        int(Lane.BACKFILL),
        past.topic(window.stream),
        now,
        now,
        window.pk,
        not job.silent,
        [uuid4() for _ in rows],
        ids,
        [row.body for row in rows],
        [row.version for row in rows],
    )
    return statements.run(_LAND, values).rowcount
