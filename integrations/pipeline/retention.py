"""How long content is kept: erased when its term is over, a little at a time, by the hourly prune.

The ledger, every row and every count stay; only what was in messages and failed records goes.
"""

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Min

from integrations.domain.lanes import Lane
from integrations.models import Event, FailedImport, Store, User
from integrations.models.dead_letters import DeadLetterQuerySet

from . import binning, contents, failed_lists
from .failed_lists import FailedFilter

AT_ONCE = 1000
# A part of the hourly prune; what is left comes an hour later.
LONGEST = 20.0
# So long before its content goes, an open record is mentioned.
NOTICE = timedelta(days=7)
# A file that somebody handed in and did not import.
FILES_KEPT = timedelta(days=1)
A_MOMENT = timedelta(milliseconds=1)

# What is being sent again keeps its content until that is over.
OVER_TERM = f"""
SELECT id FROM integrations_deadletter
WHERE erased_at IS NULL AND created_at < %s AND state <> 'sending'
ORDER BY created_at LIMIT {AT_ONCE}
"""
OVER_BIN = f"""
SELECT id FROM integrations_deadletter
WHERE state = 'binned' AND erased_at IS NULL AND binned_at < %s
ORDER BY binned_at LIMIT {AT_ONCE}
"""
# Live and past messages have an index each.
SLICE_END = """
SELECT received_at FROM integrations_event
WHERE store_id = %s AND {lane} AND received_at >= %s AND received_at < %s
ORDER BY received_at OFFSET %s LIMIT 1
"""
# What still has a failed record with content goes with that record.
BODIES = """
UPDATE integrations_event event SET body = ''
WHERE store_id = %s AND {lane} AND received_at >= %s AND received_at < %s
  AND body <> '' AND state <> 'waiting' AND NOT EXISTS (
    SELECT 1 FROM integrations_deadletter letter
    WHERE letter.event_id = event.id AND letter.erased_at IS NULL)
"""
LANES = (f"lane < {int(Lane.BACKFILL)}", f"lane = {int(Lane.BACKFILL)}")
LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def term() -> timedelta:
    """How long content is kept."""
    return timedelta(days=settings.PAYLOAD_DAYS)


def leaving(
    user: User, *, store: Store | None = None, cause: int | None = None, now: datetime
) -> tuple[int, FailedFilter]:
    """How many open records lose their content within a week, and the list that shows them."""
    wanted = FailedFilter(
        store=store.public_id if store else None,
        cause=cause,
        first_until=now + NOTICE - term(),
    )
    rows: DeadLetterQuerySet = failed_lists.rows(user, wanted)
    return rows.count(), wanted


def prune(*, now: datetime) -> int:
    """Erase what has served its term; returns how many records and messages lost their content."""
    until = time.monotonic() + LONGEST
    erased = _letters(OVER_BIN, now - binning.term(), now, until)
    erased += _letters(OVER_TERM, now - term(), now, until)
    for store in Store.objects.order_by("pk").iterator():
        if time.monotonic() > until:
            break
        erased += _bodies(store, now - term(), until)
    FailedImport.objects.filter(asked_at__lt=now - FILES_KEPT, finished_at=None).delete()
    return erased


def _letters(statement: str, before: datetime, now: datetime, until: float) -> int:
    erased = 0
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(statement, [before])
            keys = [row[0] for row in cursor.fetchall()]
        if not keys:
            break
        erased += contents.erase(keys, now=now)
    return erased


def _bodies(store: Store, before: datetime, until: float) -> int:
    """Go on where the store's messages have their content, as far as the term allows."""
    waiting = Event.objects.waiting().filter(store=store)
    oldest = waiting.aggregate(at=Min("received_at"))["at"]
    # What waits has to be sent yet; we come back to its time when it is.
    end = min(before, oldest) if oldest else before
    since, erased = store.bodies_erased_before or LONG_AGO, 0
    while since < end and time.monotonic() < until:
        to = min([end, *(_slice_end(store, lane, since, end) for lane in LANES)])
        to = max(to, since + A_MOMENT)
        with connection.cursor() as cursor:
            for lane in LANES:
                cursor.execute(BODIES.format(lane=lane), [store.pk, since, min(to, end)])
                erased += cursor.rowcount
        since = min(to, end)
        Store.objects.filter(pk=store.pk).update(bodies_erased_before=since)
    return erased


def _slice_end(store: Store, lane: str, since: datetime, end: datetime) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute(SLICE_END.format(lane=lane), [store.pk, since, end, AT_ONCE])
        row = cursor.fetchone()
    return row[0] if row else end
