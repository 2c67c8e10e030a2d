"""Changing many failed records by one rule, as it was previewed and confirmed by its number.

The records are frozen when somebody confirms how many they are. A worker changes them a batch in a
transaction, each by a row of its own like any other repair; the originals stay.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import F, Func, IntegerField, Max

from integrations import queue
from integrations.domain import diffs, recipes
from integrations.domain import repairs as domain
from integrations.domain.permissions import MOST_SENT_AGAIN, Capability
from integrations.domain.recipes import Recipe
from integrations.models import (
    DeadLetter,
    GroupRepair,
    GroupRepairItem,
    Merchant,
    Repair,
    User,
)
from integrations.models.dead_letters import DeadLetterQuerySet, DeadLetterState
from integrations.models.group_repairs import RepairResult

from . import audit, decisions, repairs, roles
from .audit import Actor
from .decisions import Clock, Selection
from .repairs import Refused

# In one transaction: so many records, and so many bytes of theirs, whatever they hold.
AT_ONCE, MOST_BYTES = 500, 8_000_000
# So many are looked at for a preview, and so many of them shown.
LOOKED_AT, SHOWN = 200, 5

_FREEZE = """
INSERT INTO integrations_grouprepairitem (group_id, dead_letter_id, result)
SELECT %s, id, 'waiting' FROM ({rows}) AS chosen
"""


class Sample(msgspec.Struct):
    """One record as a rule would change it."""

    letter: DeadLetter
    before: Any
    after: Any
    changes: list[diffs.Change]


class Preview(msgspec.Struct):
    """What a rule would do to a selection: its number, and what was found among the newest."""

    count: int
    looked_at: int
    applies: int
    samples: list[Sample]


def open_rows(user: User, wanted: Selection) -> DeadLetterQuerySet:
    """The records of a selection that can be changed now, in no order."""
    return decisions.chosen(user, wanted).filter(state=DeadLetterState.OPEN, erased_at=None)


def merchant_of(user: User, wanted: Selection) -> Merchant:
    """Whose records these are: always one merchant's. Raises Refused."""
    found = decisions.merchants_of(open_rows(user, wanted))
    if not found:
        raise Refused("None of these records needs a decision any more.")
    if len(found) > 1:
        raise Refused("These records belong to several businesses. Choose one reason or shop.")
    return found[0]


def preview(user: User, wanted: Selection, recipe: Recipe, value: str) -> Preview:
    """See what a rule would make of the newest records of a selection; nothing is changed."""
    rows = open_rows(user, wanted)
    newest = rows.order_by("-pk").values_list("pk", flat=True)[:LOOKED_AT]
    letters = _within(sorted(newest, reverse=True))
    samples: list[Sample] = []
    applies = 0
    for letter, before, after in _applied(letters, recipe, value):
        if after is None:
            continue
        applies += 1
        if len(samples) < SHOWN:
            samples.append(Sample(letter, before, after, diffs.changes(before, after, limit=20)))
    return Preview(rows.count(), len(letters), applies, samples)


def confirm(
    user: User,
    wanted: Selection,
    recipe: Recipe,
    value: str,
    *,
    confirmed: int,
    by: Actor,
    key: UUID,
    now: datetime,
) -> GroupRepair:
    """Freeze the records and have them changed. Raises Refused.

    `confirmed` is the number somebody was shown; the same `key` twice is one decision.
    """
    if why := recipes.refusal(recipe, value):
        raise Refused(why)
    with transaction.atomic():
        merchant = merchant_of(user, wanted)
        role = roles.role_of(user, merchant)
        if role is None or not roles.may(user, Capability.REPAIR, merchant):
            raise Refused("You may not change records of this business.")
        made, is_new = GroupRepair.objects.get_or_create(
            key=key,
            defaults={
                "merchant": merchant,
                "recipe": recipe.code,
                "value": value[:120],
                "words": recipe.title,
                "asked_by": user,
                "asked_at": now,
            },
        )
        if not is_new:
            return made
        made.total = decisions.freeze(_FREEZE, made.pk, open_rows(user, wanted))
        if made.total > MOST_SENT_AGAIN[role]:
            raise Refused(
                f"These are {made.total:,} records. In your role at most "
                f"{MOST_SENT_AGAIN[role]:,} can be changed in one go."
            )
        if made.total != confirmed:
            raise Refused(
                f"You confirmed {confirmed:,} records, and by now it would be {made.total:,}. "
                "Nothing was changed. Look again and confirm the new number."
            )
        made.save(update_fields=["total"])
        audit.record(
            "records.repaired",
            merchant,
            by=by,
            now=now,
            subject=f"{made.total:,}, {recipe.title.lower()}",
            after={"count": made.total, "rule": recipe.code},
        )
        queue.ask_for(queue.GROUP_REPAIR)
    return made


def repaired_rows(made: GroupRepair) -> DeadLetterQuerySet:
    """The records that a decision has changed."""
    done = GroupRepairItem.objects.filter(group=made, result=RepairResult.REPAIRED)
    return DeadLetter.objects.filter(pk__in=done.values("dead_letter"))


def run(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Carry out what is decided, a batch after the other; returns how many batches."""
    unfinished = GroupRepair.objects.unfinished()
    task = queue.GROUP_REPAIR
    return decisions.carry_out(unfinished, _turn, task, clock=clock, stopping=stopping)


def wake(*, now: datetime) -> bool:
    """Ask for a worker if a decision is left that nobody carries out."""
    return decisions.wake(GroupRepair.objects.unfinished(), queue.GROUP_REPAIR, now=now)


@transaction.atomic
def _turn(pk: int, now: datetime) -> bool:
    """Change one batch; False when all is done, or somebody else is at it."""
    mine = GroupRepair.objects.unfinished().select_for_update(skip_locked=True, of=("self",))
    made = mine.filter(pk=pk).first()
    if made is None:
        return False
    waiting = GroupRepairItem.objects.filter(group=made, result=RepairResult.WAITING)
    ids = list(waiting.order_by("dead_letter").values_list("dead_letter", flat=True)[:AT_ONCE])
    results = _change(made, ids, now) if ids else {}
    for result in set(results.values()):
        theirs = [key for key, one in results.items() if one == result]
        GroupRepairItem.objects.filter(group=made, dead_letter__in=theirs).update(result=result)
    counted = Counter(results.values())
    left = waiting.exists()
    GroupRepair.objects.filter(pk=pk).update(
        repaired=F("repaired") + counted[RepairResult.REPAIRED],
        unfit=F("unfit") + counted[RepairResult.UNFIT],
        closed=F("closed") + counted[RepairResult.CLOSED],
        finished_at=None if left else now,
    )
    return left


def _change(made: GroupRepair, ids: list[int], now: datetime) -> dict[int, RepairResult]:
    """What became of as many of these as fit into memory, from the first on."""
    held = DeadLetter.objects.select_for_update(of=("self",)).filter(
        pk__in=ids, state=DeadLetterState.OPEN, erased_at=None
    )
    opened = set(held.order_by("pk").values_list("pk", flat=True))
    letters = _within([pk for pk in ids if pk in opened])
    last_in_hand = letters[-1].pk if letters else ids[-1]
    if len(letters) == len(opened):
        last_in_hand = ids[-1]
    results = {pk: RepairResult.CLOSED for pk in ids if pk <= last_in_hand}
    numbers = dict(
        Repair.objects.filter(dead_letter__in=[one.pk for one in letters])
        .values_list("dead_letter")
        .annotate(last=Max("number"))
        .order_by()
    )
    rows = []
    for letter, _, after in _applied(letters, recipes.RECIPES[made.recipe], made.value):
        if after is None:
            results[letter.pk] = RepairResult.UNFIT
            continue
        results[letter.pk] = RepairResult.REPAIRED
        rows.append(
            Repair(
                dead_letter=letter,
                number=numbers.get(letter.pk, 0) + 1,
                content=domain.encode(after),
                recipe=made.recipe,
                made_by_id=made.asked_by_id,
                made_at=now,
            )
        )
    Repair.objects.bulk_create(rows)
    return results


def _within(ids: list[int]) -> list[DeadLetter]:
    """The first of these records, as many as fit into memory together, and one at least."""
    size = Func(F("payload"), function="octet_length", output_field=IntegerField())
    sized = dict(
        DeadLetter.objects.filter(pk__in=ids).annotate(size=size).values_list("pk", "size")
    )
    taken: list[int] = []
    weight = 0
    for pk in ids:
        weight += sized.get(pk, 0)
        if taken and weight > MOST_BYTES:
            break
        taken.append(pk)
    found = DeadLetter.objects.select_related("event", "store").defer("answer", "event__body")
    by_id = found.in_bulk(taken)
    return [by_id[pk] for pk in taken if pk in by_id]


def _applied(
    letters: list[DeadLetter], recipe: Recipe, value: str
) -> list[tuple[DeadLetter, Any, Any]]:
    """Each record, what would be sent of it now, and what a rule makes of that, or None."""
    changed = repairs.current(one.pk for one in letters)
    found = []
    for letter in letters:
        content = changed.get(letter.pk) or bytes(letter.payload)
        before = after = None
        # What could not be read is the shop's own message, which no rule knows the shape of.
        if letter.identity:
            try:
                before = domain.load(content)
                after = recipes.apply(recipe, before, value)
            except (ValueError, RecursionError):
                after = None
        found.append((letter, before, after))
    return found
