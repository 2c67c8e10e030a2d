"""Putting aside what needs a person, under the cause it shares with others."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache, partial
from typing import Any

from django.db import connection

from integrations.domain.failures import Failure
from integrations.models import DeadLetter, Store

from .items import Item, Outcome
from .reading import Reading

_CAUSE = """
INSERT INTO integrations_cause AS known
  (merchant_id, platform, code, field, rule, first_seen_at, last_seen_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (merchant_id, platform, code, field, rule)
DO UPDATE SET last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)
RETURNING id
"""
# Platform, code, field and rule to the id of their cause.
FindCause = Callable[[str, str, str, str], int]

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
    find = cache(partial(cause, store, now=now))
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
    DeadLetter.objects.bulk_create(rows, ignore_conflicts=True)


def of_worker_death(store: Store, event_id: int, attempts: int, *, now: datetime) -> DeadLetter:
    """The dead letter of an event that ended the worker each time it was tried."""
    message = f"Work on this stopped without a word {attempts} times."
    return DeadLetter(
        store=store,
        klaviyo_account_id=store.klaviyo_account_id,
        event_id=event_id,
        cause_id=cause(store, "console", "worker_died", "", "", now=now),
        message=message,
        attempts=attempts,
        created_at=now,
    )


def cause(store: Store, platform: str, code: str, field: str, rule: str, *, now: datetime) -> int:
    """The id of the group for this cause, made when it is new."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CAUSE, [store.merchant_id, platform, code[:80], field[:160], rule[:80], now, now]
        )
        return int(cursor.fetchone()[0])


def field_of(pointer: str) -> str:
    """The field a pointer is about, the same for every record: positions and wrappers fall away.

    `/data/attributes/profiles/data/17/attributes/email` becomes `email`.
    """
    parts = [part for part in pointer.replace("$.", "/").replace(".", "/").split("/") if part]
    noise = {"data", "attributes", "events-bulk-create", "profiles", "items", "variants", "events"}
    kept = [part for part in parts if part not in noise and not _POSITION.fullmatch(part)]
    return ".".join(re.sub(r"\[\d*\.*\]", "[]", part) for part in kept)


def _of_item(store: Store, find: FindCause, item: Item, attempts: int, now: datetime) -> DeadLetter:
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
        ),
        identity=item.identity,
        kind=item.operation.kind,
        source_id=getattr(item.operation, "source_id", ""),
        payload=item.content.content,
        message=failure.message,
        pointer=failure.pointer,
        status=failure.status,
        answer=failure.answer,
        attempts=attempts,
        created_at=now,
    )


def _unreadable(store: Store, find: FindCause, reading: Reading, now: datetime) -> DeadLetter:
    found = reading.unreadable
    assert found is not None  # noqa: S101 - the caller has looked
    place = re.sub(r"\[\d+\]", "[]", found.field).removeprefix("$.")
    return DeadLetter(
        store=store,
        klaviyo_account_id=store.klaviyo_account_id,
        event_id=reading.event.pk,
        cause_id=find(store.platform, "unreadable", place, found.rule),
        message=found.message[:500].replace("\x00", ""),
        pointer=found.field[:300],
        attempts=reading.event.attempts + 1,
        created_at=now,
    )


def _given_up(
    store: Store, find: FindCause, reading: Reading, failure: Failure, now: datetime
) -> DeadLetter:
    # What failed while reading is the store's; what failed while sending is Klaviyo's.
    platform = store.platform if reading.failure is failure else "klaviyo"
    unknown = failure.code == "order_unknown"
    return DeadLetter(
        store=store,
        klaviyo_account_id=store.klaviyo_account_id,
        event_id=reading.event.pk,
        cause_id=find(
            platform, "order_unknown" if unknown else "gave_up", "", "" if unknown else failure.code
        ),
        message=failure.message,
        status=failure.status,
        answer=failure.answer,
        attempts=reading.event.attempts + 1,
        created_at=now,
    )
