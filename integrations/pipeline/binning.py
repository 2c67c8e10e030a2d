"""Putting failed records into the bin with a reason, and taking them out again within its term.

What is acted on is what was counted: the records are frozen when somebody confirms their number.
A few go at once, many in the background, a batch in a transaction, so that a crash loses none.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from integrations import queue
from integrations.domain.permissions import MOST_SENT_AGAIN, Capability
from integrations.domain.skips import Skip
from integrations.models import Binning, BinningItem, DeadLetter, Merchant, Store, User
from integrations.models.dead_letters import DeadLetterQuerySet, DeadLetterState

from . import audit, decisions, roles, set_aside
from .audit import Actor
from .decisions import Clock, Selection
from .failed_lists import FailedFilter

# In one transaction: small enough that a batch which settles hardly waits for it. So few move while
# somebody waits for the page; of more, a worker moves all.
AT_ONCE = 1000

_FREEZE = """
INSERT INTO integrations_binningitem (binning_id, dead_letter_id)
SELECT %s, id FROM ({rows}) AS chosen
"""
_TAKE = """
DELETE FROM integrations_binningitem WHERE id = ANY(ARRAY(
  SELECT id FROM integrations_binningitem WHERE binning_id = %s ORDER BY dead_letter_id LIMIT %s))
RETURNING dead_letter_id
"""


class Refused(Exception):
    """It cannot be done as it was asked; the message is a sentence for whoever asked."""


def term() -> timedelta:
    """How long a record can be taken out of the bin again."""
    return timedelta(days=settings.BIN_DAYS)


def count(user: User, wanted: Selection, *, inward: bool = True) -> int:
    """How many records of a selection could be moved now: what somebody is to confirm."""
    return _movable(decisions.chosen(user, wanted), inward).count()


def put(
    user: User,
    wanted: Selection,
    *,
    reason: str,
    confirmed: int,
    by: Actor,
    now: datetime,
    key: UUID | None = None,
) -> Binning:
    """Put failed records into the bin. Raises Refused.

    `confirmed` is the number somebody was shown; the same `key` twice is one decision.
    """
    if not reason.strip():
        raise Refused("Say why these records are not needed, so that others can follow it.")
    return _decide(user, wanted, True, reason.strip()[:500], confirmed, by, now, key or uuid4())


def take_out(
    user: User,
    wanted: Selection,
    *,
    confirmed: int,
    by: Actor,
    now: datetime,
    reason: str = "",
    key: UUID | None = None,
) -> Binning:
    """Take failed records out of the bin: they need a decision again. Raises Refused."""
    return _decide(user, wanted, False, reason.strip()[:500], confirmed, by, now, key or uuid4())


def _decide(
    user: User,
    wanted: Selection,
    inward: bool,
    reason: str,
    confirmed: int,
    by: Actor,
    now: datetime,
    key: UUID,
) -> Binning:
    try:
        made = _made(user, wanted, inward, reason, confirmed, by, now, key)
    except IntegrityError:
        # A second click came while the first was being written down.
        return Binning.objects.get(key=key, asked_by=user)
    if made.total <= AT_ONCE:
        _turn(made.pk, now)
        made.refresh_from_db()
    if made.finished_at is None:
        queue.ask_for(queue.BIN)
    return made


def _made(
    user: User,
    wanted: Selection,
    inward: bool,
    reason: str,
    confirmed: int,
    by: Actor,
    now: datetime,
    key: UUID,
) -> Binning:
    """Freeze the records and write the decision down, or find it made."""
    with transaction.atomic():
        known = Binning.objects.filter(key=key, asked_by=user).first()
        if known is not None:
            return known
        rows = decisions.chosen(user, wanted)
        if not isinstance(wanted, FailedFilter):
            _refuse_under_way(rows, inward)
        merchant = _merchant_of(_movable(rows, inward))
        made = Binning.objects.create(
            key=key,
            merchant=merchant,
            inward=inward,
            reason=reason,
            selection=wanted.to_query() if isinstance(wanted, FailedFilter) else {},
            words=decisions.words(wanted)[:300],
            asked_by=user,
            asked_at=now,
        )
        made.total = decisions.freeze(_FREEZE, made.pk, _movable(rows, inward))
        _check(user, made, confirmed)
        made.save(update_fields=["total"])
        _note(made, by, now)
    return made


def run(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Carry out what is decided, a batch after the other; returns how many batches."""
    unfinished = Binning.objects.unfinished()
    return decisions.carry_out(unfinished, _turn, queue.BIN, clock=clock, stopping=stopping)


def wake(*, now: datetime) -> bool:
    """Ask for a worker if a decision is left that nobody carries out."""
    return decisions.wake(Binning.objects.unfinished(), queue.BIN, now=now)


def _movable(rows: DeadLetterQuerySet, inward: bool) -> DeadLetterQuerySet:
    """Those that need a decision; or those in the bin that still have their content."""
    if inward:
        return rows.filter(state=DeadLetterState.OPEN)
    return rows.filter(state=DeadLetterState.BINNED, erased_at=None)


def _refuse_under_way(rows: DeadLetterQuerySet, inward: bool) -> None:
    sending = rows.filter(state=DeadLetterState.SENDING).count()
    if sending and inward:
        verb = "is" if sending == 1 else "are"
        raise Refused(
            f"{sending} of these {verb} on the way to Klaviyo again. Stop that, or wait for its "
            "end, and then put into the bin what is left."
        )


def _merchant_of(rows: DeadLetterQuerySet) -> Merchant:
    """Whose records these are: always one merchant's, so that one role decides."""
    found = decisions.merchants_of(rows)
    if not found:
        raise Refused("None of these records is there any more as it was shown. Look again.")
    if len(found) > 1:
        raise Refused("These records belong to several businesses. Choose one shop first.")
    return found[0]


def _check(user: User, made: Binning, confirmed: int) -> None:
    """Refuse what this person may not do, and a number that is not the one they saw."""
    role = roles.role_of(user, made.merchant)
    if role is None or not roles.may(user, Capability.BIN, made.merchant):
        raise Refused("You may not move records of this business.")
    if made.total > MOST_SENT_AGAIN[role]:
        raise Refused(
            f"These are {made.total:,} records. In your role at most {MOST_SENT_AGAIN[role]:,} "
            "can be moved in one go. Narrow the list, or ask somebody who may move more."
        )
    if made.total != confirmed:
        raise Refused(
            f"You confirmed {confirmed:,} records, and by now it would be {made.total:,}. "
            "Nothing was moved. Look again and confirm the new number."
        )


def _note(made: Binning, by: Actor, now: datetime) -> None:
    stores = DeadLetter.objects.filter(
        pk__in=BinningItem.objects.filter(binning=made).values("dead_letter")
    )
    only = list(Store.objects.filter(pk__in=stores.values("store")).order_by("pk")[:2])
    audit.record(
        "bin.put" if made.inward else "bin.taken_out",
        only[0] if len(only) == 1 else made.merchant,
        by=by,
        now=now,
        subject=f"{made.total:,} {'record' if made.total == 1 else 'records'}",
        reason=made.reason,
        after={"selection": made.words, "count": made.total},
    )


@transaction.atomic
def _turn(pk: int, now: datetime) -> bool:
    """Move one batch of a decision; False when it is carried out, or somebody else is at it."""
    mine = Binning.objects.unfinished().select_for_update(skip_locked=True, of=("self",))
    made = mine.filter(pk=pk).first()
    if made is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [pk, AT_ONCE])
        ids = sorted(row[0] for row in cursor.fetchall())
    moved = _move(made, ids, now) if ids else 0
    left = BinningItem.objects.filter(binning=pk).exists()
    Binning.objects.filter(pk=pk).update(
        moved=F("moved") + moved,
        left_out=F("left_out") + len(ids) - moved,
        finished_at=None if left else now,
    )
    return left


def _move(made: Binning, ids: list[int], now: datetime) -> int:
    """Messages first, then their figures, then the records: the order in which batches settle."""
    events = set_aside.lock(ids)
    rows = _movable(DeadLetter.objects.filter(pk__in=ids), made.inward).order_by("pk")
    moving = list(rows.select_for_update().values_list("pk", "event_id"))
    keys = [pk for pk, _ in moving]
    theirs = [events[event] for event in sorted({event for _, event in moving})]
    if made.inward:
        set_aside.end(theirs, leaving=keys, rule=Skip.SET_ASIDE, now=now)
        changes = {
            "state": DeadLetterState.BINNED,
            # The term begins when somebody decided.
            "binned_at": made.asked_at,
            "binned_by": made.asked_by_id,
            "bin_reason": made.reason,
        }
    else:
        set_aside.revive(theirs, now=now)
        changes = {
            "state": DeadLetterState.OPEN,
            "binned_at": None,
            "binned_by": None,
            "bin_reason": "",
        }
    return DeadLetter.objects.filter(pk__in=keys).update(**changes)
