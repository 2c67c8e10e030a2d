"""Putting aside what needs a person, under the cause it shares with others."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from integrations.domain.failures import Failure
from integrations.domain.operations import TrackEvent, UpsertProfile, identity_of
from integrations.models import DeadLetter, DeadLetterTry, Store
from integrations.models.dead_letters import DeadLetterState
from integrations.platforms.klaviyo.bodies import document

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
) -> None:
    """Make a dead letter of each event and operation that cannot go on by itself."""
    # Many records of a batch may share a cause, and it is looked up once.
    find = Grouping(store, now=now).find
    events = {reading.event.pk: reading.event for reading in readings}
    rows = [
        _of_item(store, find, item, events[item.event_id].attempts + 1, now)
        for item in items
        if item.outcome is Outcome.DEAD
    ]
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
    is: its event was only tried again for the sake of another operation.
    """
    wanted = {(row.event_id, row.identity): row for row in rows}
    if not wanted:
        return
    events = [event_id for event_id, _ in wanted]
    known = DeadLetter.objects.filter(event_id__in=events).select_for_update().order_by("pk")
    again = []
    for one in known.defer("payload"):
        row = wanted.pop((one.event_id, one.identity), None)
        if row is not None and one.state != DeadLetterState.OPEN:
            again.append((one, row))
    DeadLetter.objects.bulk_create(wanted.values(), ignore_conflicts=True)
    if again:
        _fail_again(again, now)


# What a new failure says anew.
_SAID = ("cause_id", "payload", "message", "pointer", "status", "answer", "attempts", "kind",
         "source_id", "person", "amount", "currency")  # fmt: skip


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
    for one, row in again:
        for name in _SAID:
            setattr(one, name, getattr(row, name))
        one.state, one.failed_at, one.times = DeadLetterState.OPEN, now, one.times + 1
        one.settled_at, one.settled_as, one.binned_at = None, "", None
    changed = [*_SAID, "state", "failed_at", "times", "settled_at", "settled_as", "binned_at"]
    DeadLetter.objects.bulk_update([one for one, _ in again], changed)


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
