"""What somebody decided about many failed records: which they are, frozen, then dealt with in turn.

The filter is the selection: what is acted on is what was counted when its number was confirmed. The
rows are copied by PostgreSQL in one statement, and a worker deals with them a batch at a time.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet

from integrations import queue
from integrations.models import DeadLetter, Merchant, Store, User
from integrations.models.dead_letters import DeadLetterQuerySet

from . import failed_lists
from .failed_lists import FailedFilter

Clock = Callable[[], datetime]
Selection = FailedFilter | Sequence[DeadLetter]
Decision = TypeVar("Decision", bound=Model)

# Below the task's own timeout.
LONGEST = 45.0
# So many decisions are looked at in one round.
AT_ONCE = 50


def chosen(user: User, wanted: Selection) -> DeadLetterQuerySet:
    """The records of a selection that a person may see, whatever their state, in no order."""
    if isinstance(wanted, FailedFilter):
        return failed_lists.rows(user, wanted)
    everything = failed_lists.rows(user, FailedFilter(state=""))
    return everything.filter(pk__in=[one.pk for one in wanted])


def words(wanted: Selection) -> str:
    """Say what was chosen, in a line."""
    return wanted.words() if isinstance(wanted, FailedFilter) else "Records chosen one by one"


def merchants_of(rows: DeadLetterQuerySet) -> list[Merchant]:
    """Whose records these are, as far as two: one role decides about one merchant's."""
    stores = Store.objects.filter(pk__in=rows.order_by().values("store"))
    return list(Merchant.objects.filter(stores__in=stores).distinct()[:2])


def freeze(statement: str, decision: int, rows: DeadLetterQuerySet) -> int:
    """Copy the keys of a selection to the list of a decision; returns how many they are.

    `statement` inserts them: its `{rows}` stands for a query with one column `id`, its value for
    the decision. Nothing is asked where nothing can match.
    """
    try:
        query, values = rows.order_by().values("id").query.sql_with_params()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(statement.format(rows=query), [decision, *values])
        return int(cursor.rowcount)


def carry_out(
    unfinished: QuerySet[Decision],
    turn: Callable[[int, datetime], bool],
    task: str,
    *,
    clock: Clock,
    stopping: Callable[[], bool],
) -> int:
    """Take turns at decisions until they are carried out; returns how many turns left some over.

    A turn says whether its decision has more to do and was ours to take.
    """
    began, turns = time.monotonic(), 0
    while not stopping() and time.monotonic() - began < LONGEST:
        waiting = unfinished.order_by("pk").values_list("pk", flat=True)
        moved = [pk for pk in waiting[:AT_ONCE] if turn(pk, clock())]
        turns += len(moved)
        if not moved:
            return turns
    if unfinished.exists():
        queue.ask_for(task)
    return turns


def wake(unfinished: QuerySet[Decision], task: str, *, now: datetime) -> bool:
    """Ask for a worker if a decision is left that nobody carries out."""
    left = unfinished.filter(asked_at__lt=now).exists()
    if left:
        queue.ask_for(task)
    return left
