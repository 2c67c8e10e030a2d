"""Whom a reason touches and how much money: worked out in the background, since it reads rows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection

from integrations.models import Cause

# A turn ends after this; what it did not reach comes next minute, the oldest figures first.
TURN = timedelta(seconds=20)
AT_ONCE = 500

# Groups of which another number of records waits than when they were worked out, or that have
# failed since: both are in rows kept by PostgreSQL.
_CHANGED = f"""
SELECT head.id, coalesce(sum(kept.records), 0) AS waiting
FROM integrations_cause part
JOIN integrations_cause head ON head.id = coalesce(part.merged_into_id, part.id)
LEFT JOIN integrations_causecount kept ON kept.cause_id = part.id AND kept.state = 'open'
GROUP BY head.id
HAVING head.figures_of IS DISTINCT FROM coalesce(sum(kept.records), 0)
  OR max(part.last_seen_at) > head.figures_at
ORDER BY head.figures_at NULLS FIRST, head.id LIMIT {AT_ONCE}
"""
_PEOPLE = """
SELECT count(DISTINCT letter.person) FROM integrations_deadletter letter
WHERE letter.cause_id = ANY(ARRAY(SELECT id FROM integrations_cause
  WHERE id = %(cause)s OR merged_into_id = %(cause)s))
  AND letter.state = 'open' AND letter.person <> ''
"""
_AMOUNTS = """
SELECT letter.currency, sum(letter.amount) FROM integrations_deadletter letter
WHERE letter.cause_id = ANY(ARRAY(SELECT id FROM integrations_cause
  WHERE id = %(cause)s OR merged_into_id = %(cause)s))
  AND letter.state = 'open' AND letter.amount IS NOT NULL AND letter.currency <> ''
  AND letter.kind = 'placed_order'
GROUP BY 1 ORDER BY 1
"""


def work_out(*, clock: Callable[[], datetime], stopping: Callable[[], bool]) -> int:
    """Work the figures out of reasons that changed; returns of how many."""
    begun, done = clock(), 0
    for pk, waiting in _changed():
        if stopping() or clock() - begun > TURN:
            break
        _work_out(pk, waiting, now=clock())
        done += 1
    return done


def _changed() -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED)
        return [(pk, int(waiting)) for pk, waiting in cursor.fetchall()]


def _work_out(pk: int, waiting: int, *, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, {"cause": pk})
        people = int(cursor.fetchone()[0])
        cursor.execute(_AMOUNTS, {"cause": pk})
        amounts = {currency: _written(amount) for currency, amount in cursor.fetchall()}
    Cause.objects.filter(pk=pk).update(
        people=people, amounts=amounts, figures_at=now, figures_of=waiting
    )


def _written(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01")))
