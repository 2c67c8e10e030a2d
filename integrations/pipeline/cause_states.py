"""Each minute: what is parked and has reached its end comes back, and so does what fails again."""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection, transaction

from integrations.domain import causes as rules
from integrations.domain.causes import CauseState, Parking, Standing
from integrations.models import Cause

from . import causes

# Groups whose state, or whose being settled, may have to change: a handful, found by one pass
# over the counts, which are a few rows for each group.
_STANDING = """
SELECT head.id, coalesce(sum(kept.records) FILTER (WHERE kept.state = 'open'), 0) AS open,
  coalesce(sum(kept.records) FILTER (WHERE kept.state = 'sending'), 0) AS sending,
  max(part.last_seen_at) AS last_failed_at
FROM integrations_cause part
JOIN integrations_cause head ON head.id = coalesce(part.merged_into_id, part.id)
LEFT JOIN integrations_causecount kept ON kept.cause_id = part.id
WHERE part.id = ANY(%(only)s) OR part.merged_into_id = ANY(%(only)s) OR %(all)s
GROUP BY head.id, head.state, head.settled_at
HAVING head.state = 'parked' OR (head.settled_at IS NULL)
  = (coalesce(sum(kept.records) FILTER (WHERE kept.state IN ('open', 'sending')), 0) = 0)
"""


def wake(*, now: datetime) -> int:
    """Move every group that moves by itself; returns how many came back."""
    back = 0
    for pk, _ in list(_standings()):
        with transaction.atomic():
            back += _move(pk, now)
    return back


def _move(pk: int, now: datetime) -> int:
    """Judge one group under its lock, so that nobody's decision is overwritten."""
    one = Cause.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk).first()
    if one is None or one.merged_into_id:
        return 0
    standing = next((found for _, found in _standings(one)), None)
    moved = rules.move(standing, now=now) if standing else None
    if moved is None:
        return 0
    one.settled_at = moved.settled_at
    if not moved.why:
        one.save(update_fields=["settled_at"])
        return 0
    one.state, one.state_at = moved.state, now
    one.parked_until = one.parked_count = one.parked_growth = one.parked_at_count = None
    one.save()
    causes.came_back(one, moved.why, now=now)
    return 1


def _standings(only: Cause | None = None) -> Iterator[tuple[int, Standing]]:
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"only": [only.pk] if only else [], "all": only is None})
        found = cursor.fetchall()
    heads = Cause.objects.in_bulk([row[0] for row in found])
    for pk, waiting, sending, last_failed_at in found:
        head = heads[pk]
        yield (
            pk,
            Standing(
                state=CauseState(head.state),
                open=int(waiting),
                sending=int(sending),
                last_failed_at=last_failed_at,
                settled_at=head.settled_at,
                parking=Parking(head.parked_until, head.parked_count, head.parked_growth),
                parked_at_count=head.parked_at_count or 0,
            ),
        )
