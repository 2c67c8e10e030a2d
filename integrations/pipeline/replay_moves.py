"""Taking the records of a replay off the list when it begins, and putting them back when it ends.

A batch in a transaction of its own, so that neither a page nor a batch that settles waits for a
hundred thousand rows. The state of each item says whether it was dealt with: whatever crashes
between two batches, the next goes on where the last one ended.
"""

from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from integrations.domain.replays import ItemState, ReplayState
from integrations.models import CauseCount, DeadLetter, Replay, ReplayItem
from integrations.models.dead_letters import DeadLetterState

# In one transaction: small enough that whoever pauses or cancels hardly waits for it.
BATCH = 1000
NOT_OPEN = "It was no longer open when this began."
TOO_LATE = "It was cancelled before its turn came."


def take(row: Replay, *, now: datetime) -> bool:
    """Take the next records off the list; False when all are, and the replay runs.

    The replay is held by whoever calls. What is no longer open is left out.
    """
    batch = _next(row, ItemState.LISTED)
    if not batch:
        _run(row, now)
        return False
    letters = DeadLetter.objects.filter(pk__in=batch.values())
    # In one order, so that two who begin with the same records never wait in a circle; whoever
    # comes second finds them taken.
    free = dict(
        letters.filter(state=DeadLetterState.OPEN, erased_at=None)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", "cause_id")
    )
    DeadLetter.objects.filter(pk__in=free).update(state=DeadLetterState.SENDING)
    items = ReplayItem.objects.filter(pk__in=batch)
    items.filter(dead_letter__in=free).update(state=ItemState.WAITING)
    _leave_out(items.exclude(dead_letter__in=free), NOT_OPEN, now)
    if new := set(free.values()) - set(row.causes):
        row.causes = sorted(new | set(row.causes))
        row.save(update_fields=["causes"])
    return True


def take_all(row: Replay, *, now: datetime) -> None:
    """Take all records off the list at once: for a few."""
    while take(row, now=now):
        pass


def put_back(row: Replay, *, now: datetime) -> bool:
    """Put the next records back on the list; False when all are, and the replay is cancelled.

    What is on its way ends by itself.
    """
    if batch := _next(row, ItemState.WAITING):
        held = DeadLetter.objects.filter(pk__in=batch.values(), state=DeadLetterState.SENDING)
        ours = list(held.order_by("pk").select_for_update().values_list("pk", flat=True))
        DeadLetter.objects.filter(pk__in=ours).update(state=DeadLetterState.OPEN)
    else:
        # What is only listed holds nothing, and another replay may have it under way.
        batch = _next(row, ItemState.LISTED)
    _leave_out(ReplayItem.objects.filter(pk__in=batch), TOO_LATE, now)
    if not batch:
        Replay.objects.filter(pk=row.pk).update(state=ReplayState.CANCELLED, finished_at=now)
    return bool(batch)


def put_back_all(row: Replay, *, now: datetime) -> None:
    """Put all records back on the list at once: for a few."""
    while put_back(row, now=now):
        pass


def _next(row: Replay, state: ItemState) -> dict[int, int]:
    """The next items in a state, each with its record."""
    rows = ReplayItem.objects.filter(replay=row, state=state).order_by("position")
    return dict(rows.values_list("pk", "dead_letter_id")[:BATCH])


def _leave_out(items: QuerySet[ReplayItem], why: str, now: datetime) -> None:
    undecided = items.filter(Q(state=ItemState.LISTED) | Q(state=ItemState.WAITING))
    undecided.update(state=ItemState.LEFT_OUT, message=why, settled_at=now)


def _run(row: Replay, now: datetime) -> None:
    counted = CauseCount.objects.filter(cause__in=row.causes, state=DeadLetterState.OPEN)
    row.open_before = counted.aggregate(n=Sum("records"))["n"] or 0
    row.state, row.next_turn_at = ReplayState.RUNNING, now
    row.save(update_fields=["state", "next_turn_at", "open_before"])
