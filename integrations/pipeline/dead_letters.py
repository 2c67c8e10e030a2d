"""Putting aside what needs a person, under the cause it shares with others."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db.models import Q

from integrations.domain.failures import Failure
from integrations.domain.operations import TrackEvent, UpsertProfile, identity_of
from integrations.domain.replays import ItemState
from integrations.models import DeadLetter, DeadLetterTry, ReplayItem, Store
from integrations.models.dead_letters import DeadLetterState
from integrations.platforms.klaviyo.bodies import document

from . import replay_results
from .grouping import Grouping
from .items import Item, Outcome
from .reading import Reading

# Platform, code, field, rule and message to the id of their cause.
Find = Callable[..., int]

_POSITION = re.compile(r"\d+")


def keep(
    store: Store,
    readings: list[Reading],
    items: list[Item],
    endings: Iterable[Any],
    *,
    now: datetime,
    names: Mapping[tuple[int, str], str] = MappingProxyType({}),
) -> None:
    """Make a dead letter of each event and operation that cannot go on by itself.

    `names` says what a record is called, by event and identity, where a repair had it sent under
    another.
    """
    # Many records of a batch may share a cause, and it is looked up once.
    find = Grouping(store, now=now).find
    events = {reading.event.pk: reading.event for reading in readings}
    rows = [
        _of_item(store, find, item, events[item.event_id].attempts + 1, now)
        for item in items
        if item.outcome is Outcome.DEAD
    ]
    for row in rows:
        row.identity = names.get((row.event_id, row.identity), row.identity)
    for ending in endings:
        reading: Reading = ending.reading
        if ending.state == "dead" and reading.unreadable is not None:
            rows.append(_unreadable(store, find, reading, now))
        elif ending.state == "dead" and ending.failure is not None:
            rows.append(_given_up(store, find, reading, ending.failure, now))
    put_aside(rows, now=now)


def put_aside(rows: Iterable[DeadLetter], *, now: datetime) -> None:
    """Keep dead letters; one that was settled before and fails again is open again.

    What was said the time before becomes a row of its own. One that is open already stays as it
    is: its event was only tried again for the sake of another operation. What fails of a whole
    event, failed for those of its records that were on their way.
    """
    wanted = {(row.event_id, row.identity): row for row in rows}
    if not wanted:
        return
    events = [event_id for event_id, _ in wanted]
    known = DeadLetter.objects.filter(event_id__in=events).select_for_update().order_by("pk")
    letters = list(known.annotate(is_bare=Q(payload=b"")).defer("payload"))
    on_way = _on_way(letters)
    again, answered = [], set()
    for one in letters:
        row = wanted.get((one.event_id, one.identity))
        if row is None and one.pk in on_way:
            row = wanted.get((one.event_id, ""))
        if row is not None:
            answered.add((row.event_id, row.identity))
            if one.state != DeadLetterState.OPEN:
                again.append((one, row))
    fresh = [row for place, row in wanted.items() if place not in answered]
    DeadLetter.objects.bulk_create(fresh, ignore_conflicts=True)
    if again:
        _fail_again(again, now)


def _on_way(letters: list[DeadLetter]) -> set[int]:
    """Which of these are on their way again at this moment."""
    sending = [one.pk for one in letters if one.state == DeadLetterState.SENDING]
    if not sending:
        return set()
    items = ReplayItem.objects.filter(dead_letter__in=sending, state=ItemState.ON_WAY)
    return set(items.values_list("dead_letter_id", flat=True))


# What a new failure says anew, and what it says of the record. What was sent again may have been
# repaired, and the original stays.
_SAID = ("cause_id", "message", "pointer", "status", "answer", "attempts")
_ORIGINAL = ("payload", "kind", "source_id", "person", "amount", "currency")


def _fail_again(again: list[tuple[DeadLetter, DeadLetter]], now: datetime) -> None:
    DeadLetterTry.objects.bulk_create(
        (
            DeadLetterTry(
                dead_letter=one,
                number=one.times,
                at=one.failed_at,
                cause_id=one.cause_id,
                message=one.message,
                pointer=one.pointer,
                status=one.status,
                answer=one.answer,
            )
            for one, _ in again
        ),
        ignore_conflicts=True,
    )
    anew: list[DeadLetter] = []
    kept: list[DeadLetter] = []
    for one, row in again:
        is_same = one.identity == row.identity and bool(row.payload)
        is_new = is_same and (one.state != DeadLetterState.SENDING or one.is_bare)  # type: ignore[attr-defined]
        for name in (*_SAID, *(_ORIGINAL if is_new else ())):
            setattr(one, name, getattr(row, name))
        one.state, one.failed_at, one.times = DeadLetterState.OPEN, now, one.times + 1
        one.settled_at, one.settled_as, one.binned_at = None, "", None
        (anew if is_new else kept).append(one)
    changed = [*_SAID, "state", "failed_at", "times", "settled_at", "settled_as", "binned_at"]
    DeadLetter.objects.bulk_update(kept, changed)
    DeadLetter.objects.bulk_update(anew, [*changed, *_ORIGINAL])
    replay_results.fail({one.pk: row.message for one, row in again}, now=now)


def of_worker_death(store: Store, event_id: int, attempts: int, *, now: datetime) -> DeadLetter:
    """The dead letter of an event that ended the worker each time it was tried."""
    message = f"Work on this stopped without a word {attempts} times."
    return DeadLetter(
        store=store,
        klaviyo_account_id=store.klaviyo_account_id,
        event_id=event_id,
        cause_id=cause(store, "console", "worker_died", "", "", message=message, now=now),
        message=message,
        attempts=attempts,
        created_at=now,
        failed_at=now,
    )


def cause(
    store: Store,
    platform: str,
    code: str,
    field: str,
    rule: str,
    *,
    message: str = "",
    now: datetime,
) -> int:
    """The id of the group for this cause, made when it is new."""
    return Grouping(store, now=now).find(platform, code, field, rule, message=message)


def field_of(pointer: str) -> str:
    """The field a pointer is about, the same for every record: positions and wrappers fall away.

    `/data/attributes/profiles/data/17/attributes/email` becomes `email`.
    """
    parts = [part for part in pointer.replace("$.", "/").replace(".", "/").split("/") if part]
    noise = {"data", "attributes", "events-bulk-create", "profiles", "items", "variants", "events"}
    kept = [part for part in parts if part not in noise and not _POSITION.fullmatch(part)]
    return ".".join(re.sub(r"\[\d*\.*\]", "[]", part) for part in kept)


def _of_item(store: Store, find: Find, item: Item, attempts: int, now: datetime) -> DeadLetter:
    failure = item.failure
    assert failure is not None  # noqa: S101 - an item never dies without one
    own_rule = failure.code.startswith("rule_")
    return DeadLetter(
        store=store,
        klaviyo_account_id=store.klaviyo_account_id,
        event_id=item.event_id,
        cause_id=find(
            "klaviyo",
            "invalid" if own_rule else failure.code,
            field_of(failure.pointer),
            failure.code.removeprefix("rule_") if own_rule else "",
            message=failure.message,
        ),
        identity=item.identity,
        kind=item.operation.kind,
        source_id=getattr(item.operation, "source_id", ""),
        payload=document(item.content),
        **_touched(item),
        message=failure.message,
        pointer=failure.pointer,
        status=failure.status,
        answer=failure.answer,
        attempts=attempts,
        created_at=now,
        failed_at=now,
    )


def _touched(item: Item) -> dict[str, Any]:
    """Whose record it is and how much it is worth, for the figures of its cause."""
    operation = item.operation
    if isinstance(operation, TrackEvent):
        worth = {"amount": operation.value, "currency": (operation.currency or "")[:3]}
        return {"person": identity_of(operation.profile)} | worth
    return {"person": operation.identity} if isinstance(operation, UpsertProfile) else {}


def _unreadable(store: Store, find: Find, reading: Reading, now: datetime) -> DeadLetter:
    found = reading.unreadable
    assert found is not None  # noqa: S101 - the caller has looked
    place = re.sub(r"\[\d+\]", "[]", found.field).removeprefix("$.")
    return DeadLetter(
        store=store,
        klaviyo_account_id=store.klaviyo_account_id,
        event_id=reading.event.pk,
        cause_id=find(store.platform, "unreadable", place, found.rule, message=found.message),
        message=found.message[:500].replace("\x00", ""),
        pointer=found.field[:300],
        attempts=reading.event.attempts + 1,
        created_at=now,
        failed_at=now,
    )


def _given_up(
    store: Store, find: Find, reading: Reading, failure: Failure, now: datetime
) -> DeadLetter:
    # What failed while reading is the store's; what failed while sending is Klaviyo's.
    platform = store.platform if reading.failure is failure else "klaviyo"
    unknown = failure.code == "order_unknown"
    return DeadLetter(
        store=store,
        klaviyo_account_id=store.klaviyo_account_id,
        event_id=reading.event.pk,
        cause_id=find(
            platform,
            "order_unknown" if unknown else "gave_up",
            "",
            "" if unknown else failure.code,
            message=failure.message,
        ),
        message=failure.message,
        status=failure.status,
        answer=failure.answer,
        attempts=reading.event.attempts + 1,
        created_at=now,
        failed_at=now,
    )
