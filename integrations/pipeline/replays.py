"""Sending failed records again, as people steer it: draft, start, agree, pause, go on, cancel.

However many records it is, nobody waits: a worker takes them off the list or puts them back, and
only a few go at once (see `replay_moves`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from integrations import queue
from integrations.domain.operations import Kind
from integrations.domain.permissions import (
    MOST_SENT_AGAIN,
    SECOND_PERSON_FROM,
    Capability,
    Role,
)
from integrations.domain.replaying import FASTEST_RATE, SLOWEST_RATE
from integrations.domain.replays import OVER, ItemState, ReplayState
from integrations.models import DeadLetter, Merchant, Replay, ReplayItem, Store, User
from integrations.models.dead_letters import DeadLetterQuerySet, DeadLetterState

from . import audit, decisions, failed_lists, health, replay_moves, roles
from .audit import Actor
from .failed_lists import FailedFilter

# A draft that nobody has confirmed by then is forgotten.
DRAFTS_KEPT = timedelta(days=7)
# So many are taken off the list, or put back, while somebody waits for the page.
AT_ONCE = 1000
JOINED_LIMIT = 1000


class Refused(Exception):
    """This cannot be done now; the sentence says why."""


def draft(
    user: User, wanted: FailedFilter, *, merchant: Merchant, by: Actor, key: UUID, now: datetime
) -> Replay:
    """Freeze the open records of a selection, without sending any.

    The same `key` finds what it made before, so that a second click makes nothing. Raises Refused.
    """
    rows = failed_lists.rows(user, wanted)
    words = wanted.words()
    return _draft(rows, wanted.to_query(), words, merchant=merchant, by=by, key=key, now=now)


def draft_of(
    letters: Sequence[DeadLetter], *, merchant: Merchant, by: Actor, key: UUID, now: datetime
) -> Replay:
    """Freeze single records, as `draft` does a selection. Raises Refused."""
    rows = DeadLetter.objects.filter(pk__in=[one.pk for one in letters])
    words = "One failed record" if len(letters) == 1 else f"{len(letters)} chosen failed records"
    return _draft(rows, {}, words, merchant=merchant, by=by, key=key, now=now)


def draft_among(
    rows: DeadLetterQuerySet, words: str, *, merchant: Merchant, by: Actor, key: UUID, now: datetime
) -> Replay:
    """Freeze the open ones of some records, however many, as `draft` does. Raises Refused."""
    return _draft(rows, {}, words, merchant=merchant, by=by, key=key, now=now)


# The list is made by the database in one statement, however long it is.
_FREEZE = """
INSERT INTO integrations_replayitem (replay_id, dead_letter_id, position, state, prospect, message)
SELECT %s, chosen.id, row_number() OVER (ORDER BY chosen.id), 'listed', '', '' FROM ({rows}) chosen
"""


def _draft(
    rows: DeadLetterQuerySet,
    selection: dict[str, str],
    words: str,
    *,
    merchant: Merchant,
    by: Actor,
    key: UUID,
    now: datetime,
) -> Replay:
    with transaction.atomic():
        replay, is_new = Replay.objects.get_or_create(
            key=key,
            defaults={
                "merchant": merchant,
                "selection": selection,
                "words": words[:300],
                "asked_by": by.user,
                "asked_at": now,
                "next_turn_at": now,
            },
        )
        if replay.merchant_id != merchant.pk:
            raise Refused("This was begun for somebody else. Open the list again.")
        if not is_new:
            return replay
        found = rows.open().filter(store__merchant=merchant)
        replay.total = decisions.freeze(_FREEZE, replay.pk, found)
        replay.save(update_fields=["total"])
        queue.ask_for(queue.REPLAY)
    return replay


def settings(
    replay: Replay,
    *,
    rate: int,
    most_failures: int,
    silent: bool,
    loud_reason: str,
    by: Actor,
    now: datetime,
) -> None:
    """Say how fast, how many failures stop it, and whether flows may start. Raises Refused.

    Whether flows may start is settled before anything is sent.
    """
    if not SLOWEST_RATE <= rate <= FASTEST_RATE:
        raise Refused(f"Choose {SLOWEST_RATE} to {FASTEST_RATE:,} records a minute.")
    if not 0 <= most_failures <= 100:
        raise Refused("Choose a share of 0 to 100 per cent.")
    reason = loud_reason.strip()
    if not silent and not reason:
        raise Refused("Say why flows may start. Customers could be e-mailed.")
    with transaction.atomic():
        row = _locked(replay)
        if row.state in {*OVER, ReplayState.CANCELLING}:
            raise Refused(f"This is {WORDS[ReplayState(row.state)]}.")
        if row.silent != silent:
            if row.state != ReplayState.DRAFT:
                raise Refused("Whether flows may start cannot be changed after it began.")
            if not _may(by, Capability.REPLAY_LOUD, row.merchant):
                raise Refused("You may not let flows start. Ask an owner.")
        before = _chosen(row)
        row.rate, row.most_failures, row.silent = rate, most_failures, silent
        row.loud_reason = "" if silent else reason[:500]
        row.save(update_fields=["rate", "most_failures", "silent", "loud_reason"])
        if _chosen(row) != before:
            _note("changed", row, by=by, now=now, before=before, after=_chosen(row), reason=reason)
    replay.refresh_from_db()


def start(replay: Replay, *, confirmed: int, by: Actor, user: User, now: datetime) -> None:
    """Begin to send, or ask for the second person a large number needs. Raises Refused.

    `confirmed` is the number the person was shown and agreed to. What was begun already stays
    as it is: a second click, or a second person, begins nothing twice.
    """
    with transaction.atomic():
        row = _locked(replay)
        if row.state != ReplayState.DRAFT:
            raise Refused(f"This is {WORDS[ReplayState(row.state)]}.")
        _one_at_a_time(row.merchant)
        number = open_now(row)
        if number == 0:
            raise Refused("None of these records needs to be sent again any more.")
        if number != confirmed:
            raise Refused(_changed(number, row.total))
        _check_number(user, row, number)
        row.asked_by, row.asked_at = user, now
        if number >= SECOND_PERSON_FROM:
            row.state = ReplayState.AWAITING
            row.save(update_fields=["state", "asked_by", "asked_at"])
            _note("asked", row, by=by, now=now, after={"records": number})
        else:
            row.save(update_fields=["asked_by", "asked_at"])
            _begin(row, number, by=by, now=now)
            if row.total <= AT_ONCE and (taken := counts(row)[ItemState.WAITING]) != number:
                # Somebody settled one of them at this very moment.
                raise Refused(_changed(taken, row.total))
    replay.refresh_from_db()


def approve(replay: Replay, user: User, by: Actor, now: datetime) -> None:
    """Agree as the second person, and begin. Raises Refused."""
    with transaction.atomic():
        row = _locked(replay)
        if row.state != ReplayState.AWAITING:
            raise Refused(f"This is {WORDS[ReplayState(row.state)]}.")
        if row.asked_by_id == user.pk:
            raise Refused("A second person has to agree, and not who asked for it.")
        if not roles.may(user, Capability.APPROVE_REPLAY, row.merchant):
            raise Refused("You may not agree to numbers this large.")
        _one_at_a_time(row.merchant)
        row.approved_by = user
        row.save(update_fields=["approved_by"])
        _begin(row, open_now(row), by=by, now=now, verb="approved")
    replay.refresh_from_db()


def pause(replay: Replay, *, by: Actor, now: datetime) -> None:
    """Let nothing more go; what is on its way ends by itself. Raises Refused."""
    _change(replay, "paused", {ReplayState.RUNNING}, ReplayState.PAUSED, by=by, now=now)


def go_on(replay: Replay, *, by: Actor, now: datetime) -> None:
    """Go on where it was paused or stopped by itself. Raises Refused.

    After a stop, failures are counted anew: somebody has looked at the earlier ones.
    """
    with transaction.atomic():
        row = _locked(replay)
        if row.state == ReplayState.STOPPED:
            done = counts(row)
            row.ended_before, row.failed_before = ended(done), done[ItemState.FAILED]
            row.save(update_fields=["ended_before", "failed_before"])
        _change(
            row,
            "went_on",
            {ReplayState.PAUSED, ReplayState.STOPPED},
            ReplayState.RUNNING,
            by=by,
            now=now,
            next_turn_at=now,
            reason="",
            wait_reason="",
        )
    replay.refresh_from_db()
    ask_for_turn(now=now)


def cancel(replay: Replay, *, by: Actor, now: datetime) -> None:
    """End it: what waits is open again, and what is on its way ends by itself. Raises Refused."""
    states = {one for one in ReplayState if one not in {*OVER, ReplayState.CANCELLING}}
    with transaction.atomic():
        row = _locked(replay)
        to = ReplayState.CANCELLING
        _change(row, "cancelled", states, to, by=by, now=now, next_turn_at=now, wait_reason="")
        if row.total <= AT_ONCE:
            replay_moves.put_back_all(row, now=now)
    replay.refresh_from_db()
    ask_for_turn(now=now)


def counts(replay: Replay) -> dict[ItemState, int]:
    """How many of its records are in which state; together they are its total."""
    rows = ReplayItem.objects.filter(replay=replay).values_list("state").annotate(n=Count("pk"))
    found = dict(rows.order_by())
    return {state: found.get(state, 0) for state in ItemState}


def ended(counted: dict[ItemState, int]) -> int:
    """How many of them were let go and have come to their end."""
    ends = (ItemState.SENT, ItemState.KNOWN, ItemState.SKIPPED, ItemState.FAILED)
    return sum(counted[state] for state in ends)


def open_now(replay: Replay) -> int:
    """How many of what a draft has frozen could still be sent: the number to confirm.

    What another replay is about to take off the list is no longer counted.
    """
    listed = ReplayItem.objects.filter(
        replay=replay,
        state=ItemState.LISTED,
        dead_letter__state=DeadLetterState.OPEN,
        dead_letter__erased_at=None,
    )
    beginning = Replay.objects.filter(merchant=replay.merchant_id, state=ReplayState.BEGINNING)
    others = list(beginning.exclude(pk=replay.pk).values_list("pk", flat=True))
    if others:
        theirs = ReplayItem.objects.filter(replay__in=others, state=ItemState.LISTED)
        listed = listed.exclude(Exists(theirs.filter(dead_letter=OuterRef("dead_letter"))))
    return listed.count()


def joined(replay: Replay) -> int:
    """How many records failed for the same reasons since it began and are none of its own.

    Counted up to JOINED_LIMIT.
    """
    return newcomers(replay).order_by()[:JOINED_LIMIT].count()


def newcomers(replay: Replay) -> DeadLetterQuerySet:
    """The records that `joined` counts, in no order; none before it has begun."""
    if replay.started_at is None:
        return DeadLetter.objects.none()
    stores = Store.objects.filter(merchant=replay.merchant_id)
    # All that stands before the time in the index of lists, so that only what is new is read.
    found = DeadLetter.objects.open().filter(
        cause__in=replay.causes,
        store__in=list(stores.values_list("pk", flat=True)),
        kind__in=["", *Kind],
        failed_at__gte=replay.started_at,
    )
    return found.exclude(replay_items__replay=replay)


def ask_for_turn(*, now: datetime) -> None:
    """Ask for a worker, unless one is at it."""
    if not health.alive(health.REPLAYER, now):
        queue.ask_for(queue.REPLAY)


def prune(*, now: datetime) -> None:
    """Forget drafts that nobody has confirmed."""
    old = Replay.objects.filter(state=ReplayState.DRAFT, asked_at__lt=now - DRAFTS_KEPT)
    for pk in list(old.values_list("pk", flat=True)[:100]):
        Replay.objects.filter(pk=pk, state=ReplayState.DRAFT).delete()


def _changed(number: int, total: int) -> str:
    return (
        f"This has changed since it was counted: {number:,} of {total:,} records still need to be "
        "sent. Look again, and confirm that number."
    )


def _begin(row: Replay, number: int, *, by: Actor, now: datetime, verb: str = "started") -> None:
    row.state, row.started_at, row.next_turn_at = ReplayState.BEGINNING, now, now
    row.save(update_fields=["state", "started_at", "next_turn_at"])
    _note(verb, row, by=by, now=now, after={"records": number}, reason=row.loud_reason)
    if row.total <= AT_ONCE:
        replay_moves.take_all(row, now=now)
    ask_for_turn(now=now)


def _check_number(user: User, row: Replay, number: int) -> None:
    role = roles.role_of(user, row.merchant)
    if not roles.may(user, Capability.SEND_AGAIN, row.merchant):
        raise Refused("You may not send failed records again.")
    most = MOST_SENT_AGAIN[role or Role.MEMBER]
    if number > most:
        raise Refused(
            f"You may send {most:,} failed records in one go, and these are {number:,}. "
            "Choose fewer, or ask somebody who may send more."
        )


def _change(
    replay: Replay,
    verb: str,
    from_states: set[ReplayState],
    to: ReplayState,
    *,
    by: Actor,
    now: datetime,
    **changes: object,
) -> None:
    with transaction.atomic():
        row = _locked(replay)
        if row.state not in from_states:
            raise Refused(f"This is {WORDS[ReplayState(row.state)]}.")
        Replay.objects.filter(pk=row.pk).update(state=to, **changes)
        before = {"state": row.state}
        _note(verb, row, by=by, now=now, before=before, after={"state": to.value})
    replay.refresh_from_db()


def _one_at_a_time(merchant: Merchant) -> None:
    """Let nobody else of a business begin until this has; who comes second finds them taken."""
    Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)


def _locked(replay: Replay) -> Replay:
    rows = Replay.objects.select_related("merchant").select_for_update(of=("self",))
    return rows.get(pk=replay.pk)


def _may(by: Actor, capability: Capability, merchant: Merchant) -> bool:
    return by.user is None or roles.may(by.user, capability, merchant)


def _chosen(row: Replay) -> dict[str, object]:
    return {"rate": row.rate, "most_failures": row.most_failures, "silent": row.silent}


def _note(verb: str, row: Replay, *, by: Actor, now: datetime, **details: object) -> None:
    subject = row.words or "failed records"
    audit.record(f"replay.{verb}", row.merchant, by=by, now=now, subject=subject, **details)


WORDS = {
    ReplayState.DRAFT: "not begun yet",
    ReplayState.AWAITING: "waiting for a second person",
    ReplayState.BEGINNING: "under way already",
    ReplayState.RUNNING: "under way already",
    ReplayState.PAUSED: "paused",
    ReplayState.STOPPED: "stopped",
    ReplayState.CANCELLING: "being cancelled",
    ReplayState.CANCELLED: "cancelled",
    ReplayState.DONE: "done",
}
