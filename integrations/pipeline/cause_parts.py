"""Moving records to the parts a reason was split into, a bounded stretch at a time."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction

from integrations.models import Cause

# Records looked at in one statement; with it a transaction lasts a fraction of a second.
STRETCH = 10_000
# A turn ends after this; the next one goes on behind the last record that was looked at.
TURN = timedelta(seconds=15)

# The end of the stretch: that many records of any reason on, by the primary key.
_END = """
SELECT max(id) FROM (
  SELECT id FROM integrations_deadletter WHERE id > %s ORDER BY id LIMIT %s) stretch
"""
_MOVE = """
WITH moved AS (
  UPDATE integrations_deadletter SET cause_id = %(part)s
  WHERE id > %(seen)s AND id <= %(end)s AND cause_id = %(whole)s
    AND (%(store)s::bigint IS NULL OR store_id = %(store)s)
    AND (%(text)s = '' OR strpos(lower(message), lower(%(text)s)) > 0)
  RETURNING store_id, failed_at)
SELECT store_id, (failed_at AT TIME ZONE 'UTC')::date, count(*), min(failed_at), max(failed_at)
FROM moved GROUP BY 1, 2 ORDER BY 1, 2
"""
# Their days go with them, as far as each record's last failure; after the counts, in the order in
# which PostgreSQL keeps both.
_DAYS = """
INSERT INTO integrations_causeday AS known (cause_id, store_id, day, failed)
SELECT of_cause.id, day.store, day.day, of_cause.sign * day.failed
FROM unnest(%(stores)s::bigint[], %(days)s::date[], %(failed)s::bigint[]) AS day(store, day, failed)
CROSS JOIN (VALUES (%(part)s::bigint, 1), (%(whole)s::bigint, -1)) AS of_cause(id, sign)
ORDER BY 1, 2, 3
ON CONFLICT (cause_id, store_id, day) DO UPDATE SET failed = known.failed + excluded.failed
"""


def move(*, clock: Callable[[], datetime], stopping: Callable[[], bool]) -> int:
    """Move what belongs to parts; returns how many records were moved."""
    moved, end = 0, clock() + TURN
    for part in Cause.objects.filter(split_seen__isnull=False).order_by("pk"):
        while not stopping() and clock() < end:
            found = _stretch(part.pk)
            if found is None:
                break
            moved += found
    return moved


def _stretch(pk: int) -> int | None:
    """Look at the next stretch of records for one part; None when all were looked at."""
    with transaction.atomic(), connection.cursor() as cursor:
        part = Cause.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
        if part is None or part.split_seen is None:
            return None
        cursor.execute(_END, [part.split_seen, STRETCH])
        end = cursor.fetchone()[0]
        if end is None:
            Cause.objects.filter(pk=pk).update(split_seen=None, figures_of=None)
            Cause.objects.filter(parts=part).update(figures_of=None)
            return None
        values = {
            "part": part.pk,
            "whole": part.split_from_id,
            "store": part.split_store_id,
            "text": part.split_text,
            "seen": part.split_seen,
            "end": end,
        }
        cursor.execute(_MOVE, values)
        found = cursor.fetchall()
        part.split_seen = end
        if found:
            stores, days, failed, first, last = (list(each) for each in zip(*found, strict=True))
            cursor.execute(_DAYS, values | {"stores": stores, "days": days, "failed": failed})
            part.first_seen_at = min(part.first_seen_at, *first)
            part.last_seen_at = max(part.last_seen_at, *last)
        part.save(update_fields=["split_seen", "first_seen_at", "last_seen_at"])
    return sum(int(row[2]) for row in found)
