"""What people decide about a reason: own it, note it, park it, merge it, split it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum

from integrations import queue
from integrations.domain import causes as rules
from integrations.domain.causes import CauseState, Parking
from integrations.models import AuditEntry, Cause, CauseCount, Store
from integrations.models.dead_letters import DeadLetterState

from . import audit
from .audit import Actor
from .failed_lists import group_ids as group_ids_of

MOST_PARTS = 20
SHORTEST_TEXT = 4
HISTORY = 30


class NotNow(Exception):
    """What was asked for cannot be done; the text says why, for whoever asked."""


def group_ids(cause: Cause) -> list[int]:
    """The keys of a reason and of those that were merged into it."""
    return group_ids_of(cause.pk)


def open_count(cause: Cause) -> int:
    """How many records of a reason, and of those merged into it, wait for a decision."""
    kept = CauseCount.objects.filter(cause__in=group_ids(cause), state=DeadLetterState.OPEN)
    return kept.aggregate(records=Sum("records"))["records"] or 0


def name_of(cause: Cause) -> str:
    """What the history calls a reason; its number tells it from others with the same words."""
    return f"No. {cause.pk}: {cause.words.sentence}"[:200]


def history(cause: Cause) -> list[AuditEntry]:
    """What was decided about a reason, newest first."""
    decided = AuditEntry.objects.filter(
        merchant=cause.merchant_id, subject=name_of(cause), action__startswith="cause."
    )
    return list(decided.order_by("-at", "-id")[:HISTORY])


def take(cause: Cause, state: CauseState, *, by: Actor, now: datetime) -> None:
    """Own a reason: it is known, or being repaired."""

    def change(one: Cause) -> None:
        _unpark(one)
        one.owner, one.state, one.state_at = by.user, state, now

    _decide(cause, "cause.taken", change, by=by, now=now)


def let_go(cause: Cause, *, by: Actor, now: datetime) -> None:
    """Own a reason no longer; it stays known."""

    def change(one: Cause) -> None:
        one.owner, one.state_at = None, now
        if one.state == CauseState.FIXING:
            one.state = CauseState.KNOWN

    _decide(cause, "cause.let_go", change, by=by, now=now)


def write_note(cause: Cause, note: str, *, by: Actor, now: datetime) -> None:
    """Keep a note for whoever reads about this reason next."""

    def change(one: Cause) -> None:
        one.note = note

    _decide(cause, "cause.noted", change, by=by, now=now)


def park(cause: Cause, parking: Parking, *, by: Actor, now: datetime, reason: str = "") -> None:
    """Fold a reason away until a date, a number of records, or a growth."""

    def change(one: Cause) -> None:
        waiting = open_count(one)
        if fault := rules.parking_fault(parking, open_now=waiting, now=now):
            raise NotNow(fault)
        one.state, one.state_at = CauseState.PARKED, now
        one.parked_until, one.parked_count = parking.until, parking.count
        one.parked_growth, one.parked_at_count = parking.growth, waiting

    _decide(cause, "cause.parked", change, by=by, now=now, reason=reason)


def bring_back(cause: Cause, *, by: Actor, now: datetime) -> None:
    """Take a parked reason up again before its time."""

    def change(one: Cause) -> None:
        if one.state != CauseState.PARKED:
            raise NotNow("This reason is not parked any more.")
        _unpark(one)
        one.state, one.state_at = CauseState.BACK, now

    _decide(cause, "cause.brought_back", change, by=by, now=now)


def merge(cause: Cause, into: Cause, *, by: Actor, now: datetime) -> None:
    """Show a reason as one with another of the same merchant; its new records are counted there."""

    def change(one: Cause) -> None:
        # Read under the lock of its merchant's reasons: two merges must not close a circle.
        target = Cause.objects.select_for_update().get(pk=into.pk)
        if target.pk == one.pk or target.merchant_id != one.merchant_id:
            raise NotNow("Choose another reason of the same business.")
        if target.merged_into_id:
            raise NotNow("That reason was itself merged into another one meanwhile.")
        if one.merged_into_id:
            raise NotNow("This reason is merged into another one already.")
        one.merged_into = target
        Cause.objects.filter(merged_into=one).update(merged_into=target)
        Cause.objects.filter(pk=target.pk).update(state_at=now, figures_of=None)

    _decide(cause, "cause.merged", change, by=by, now=now, reason=f"Into {name_of(into)}")


def take_back(cause: Cause, *, by: Actor, now: datetime) -> None:
    """Take a merge back: the reason stands for itself again."""

    def change(one: Cause) -> None:
        if not one.merged_into_id:
            raise NotNow("This reason stands for itself already.")
        Cause.objects.filter(pk=one.merged_into_id).update(state_at=now, figures_of=None)
        one.merged_into, one.state_at, one.figures_of = None, now, None

    _decide(cause, "cause.taken_apart", change, by=by, now=now)


def split(
    cause: Cause, *, store: Store | None = None, text: str = "", by: Actor, now: datetime
) -> Cause:
    """Make a reason of its own of one shop's records, or of those whose message has a text.

    New records go there from now on; those that are there already are moved in the background.
    """
    text = text.strip()[:200]
    if store is None and len(text) < SHORTEST_TEXT:
        raise NotNow(f"Choose a shop, or enter a text of at least {SHORTEST_TEXT} letters.")
    if store is not None and store.merchant_id != cause.merchant_id:
        raise NotNow("Choose a shop of the same business.")
    with transaction.atomic():
        whole = _locked(cause)
        if whole.split_from_id:
            raise NotNow("This is a part already. Split the reason it is a part of.")
        if whole.parts.count() >= MOST_PARTS:
            raise NotNow(f"A reason has at most {MOST_PARTS} parts. Merge some first.")
        part, made = Cause.objects.get_or_create(
            merchant_id=whole.merchant_id,
            platform=whole.platform,
            code=whole.code,
            field=whole.field,
            rule=whole.rule,
            part=_part_name(store, text),
            defaults={
                "first_seen_at": now,
                # Both are corrected by the records that are moved here.
                "last_seen_at": whole.first_seen_at,
                "state_at": now,
                "split_from": whole,
                "split_store": store,
                "split_text": text,
                "split_seen": 0,
            },
        )
        if not made:
            raise NotNow("There is such a part already.")
        parted = {"split_shop": store.name if store else "", "split_text": text}
        _record("cause.split", whole, by=by, now=now, after=parted)
        _record("cause.split", part, by=by, now=now, after=parted)
        queue.ask_for(queue.CAUSES)
    return part


def _part_name(store: Store | None, text: str) -> str:
    """What tells a part from its siblings; short, since it is in a unique index."""
    shop = f"shop {store.pk}" if store else ""
    words = f"“{text.casefold()[:80]}”" if text else ""
    return " ".join(filter(None, [shop, words]))


def _unpark(one: Cause) -> None:
    one.parked_until = one.parked_count = one.parked_growth = one.parked_at_count = None


def _locked(cause: Cause) -> Cause:
    return Cause.objects.select_for_update().select_related("merchant").get(pk=cause.pk)


_SHOWN = ("state", "owner", "note", "parked_until", "parked_count", "parked_growth", "merged_into")


def _decide(
    cause: Cause,
    action: str,
    change: Callable[[Cause], None],
    *,
    by: Actor,
    now: datetime,
    reason: str = "",
) -> None:
    """Change a reason and write down what was so before and after."""
    with transaction.atomic():
        one = Cause.objects.select_for_update(of=("self",)).get(pk=cause.pk)
        before = _seen(one)
        change(one)
        one.save()
        after = _seen(one)
        changed = [name for name in _SHOWN if before[name] != after[name]]
        _record(
            action,
            one,
            by=by,
            now=now,
            reason=reason,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
    cause.refresh_from_db()


def _seen(one: Cause) -> dict[str, Any]:
    return {
        "state": rules.LABELS[CauseState(one.state)],
        "owner": one.owner.email if one.owner else "",
        "note": one.note,
        "parked_until": one.parked_until.isoformat() if one.parked_until else "",
        "parked_count": one.parked_count,
        "parked_growth": one.parked_growth,
        "merged_into": one.merged_into_id,
    }


def _record(action: str, one: Cause, *, by: Actor, now: datetime, **details: Any) -> None:
    audit.record(action, one.merchant, by=by, now=now, subject=name_of(one), **details)


def came_back(one: Cause, why: str, *, now: datetime) -> None:
    """Write down that a reason came back by itself; inside the caller's transaction."""
    _record("cause.came_back", one, by=audit.AUTOMATIC, now=now, reason=why)
