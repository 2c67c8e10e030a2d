"""A selection of failed records as a file: for a spreadsheet, or to be imported elsewhere.

Given out as it is read: the keys come from a cursor at the server, so the selection is the one that
was counted, and contents are read a few megabytes at a time, however large they are.
"""

import base64
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
from django.db.models import Count, QuerySet
from django.db.models.functions import Length

from integrations.domain.masking import mask_text, masked
from integrations.domain.permissions import CAPABILITIES, Capability, Role
from integrations.models import DeadLetter, Merchant, Store, User
from integrations.models.dead_letters import DeadLetterQuerySet
from integrations.platforms.shopify.topics import title

from . import audit, decisions
from .decisions import Selection
from .spreadsheets import Format, lines, utc

# Keys that are in memory at once, and bytes of contents.
KEYS = 500
BYTES = 4_000_000
VERSION = 1
COLUMNS = (
    "Failed (UTC)",
    "First failed (UTC)",
    "Shop",
    "State",
    "What",
    "Record",
    "What went wrong",
    "What to do",
    "Field",
    "Message",
    "Status",
    "Tries",
    "Value",
    "Currency",
    "Why in the bin",
    "Reference",
)


def may_export(user: User, *, clear: bool = False) -> bool:
    """Whether there is any merchant whose failed records a person may take away."""
    return user.is_staff or _exportable(user, clear=clear).exists()


def count(user: User, wanted: Selection, *, clear: bool = False) -> int:
    """How many records the file would hold."""
    return _rows(user, wanted, clear).count()


def export(
    user: User, wanted: Selection, format: Format, *, clear: bool, now: datetime
) -> Iterator[str]:
    """Give out the selection line by line; with personal data only where `clear` and allowed.

    That it is taken away is written down before the first line is given out.
    """
    rows = _rows(user, wanted, clear)
    _note(user, wanted, rows, format, clear, now)
    if format is Format.CSV:
        return lines(COLUMNS, (_cells(one, clear) for one in _read_all(rows)))
    return (msgspec.json.encode(_line(one, clear)).decode() + "\n" for one in _read_all(rows))


def _rows(user: User, wanted: Selection, clear: bool) -> DeadLetterQuerySet:
    rows = decisions.chosen(user, wanted)
    if user.is_staff:
        return rows
    stores = Store.objects.filter(merchant__in=_exportable(user, clear=clear))
    return rows.filter(store__in=list(stores.values_list("pk", flat=True)))


def _exportable(user: User, *, clear: bool) -> QuerySet[Merchant]:
    needed = {Capability.EXPORT_FAILED} | ({Capability.REVEAL} if clear else set())
    able = [role for role in Role if needed <= CAPABILITIES[role]]
    return Merchant.objects.filter(memberships__user=user, memberships__role__in=able)


def _note(
    user: User,
    wanted: Selection,
    rows: DeadLetterQuerySet,
    format: Format,
    clear: bool,
    now: datetime,
) -> None:
    by_store = Counter(dict(rows.order_by().values_list("store").annotate(n=Count("pk"))))
    stores = Store.objects.select_related("merchant").in_bulk(list(by_store))
    by_merchant: Counter[Merchant] = Counter()
    for pk, found in by_store.items():
        by_merchant[stores[pk].merchant] += found
    only = next(iter(stores.values())) if len(stores) == 1 else None
    for merchant, found in by_merchant.items():
        audit.record(
            "failed.exported",
            only or merchant,
            by=audit.person(user, merchant),
            now=now,
            after={
                "selection": decisions.words(wanted),
                "count": found,
                "format": format.value,
                "with_personal_data": clear,
            },
        )


def _read_all(rows: DeadLetterQuerySet) -> Iterator[DeadLetter]:
    return chain.from_iterable(_in_batches(rows))


def _in_batches(rows: DeadLetterQuerySet) -> Iterator[list[DeadLetter]]:
    """The records newest first, as many at a time as their contents allow."""
    size = Length("payload") + Length("event__body")
    keys = rows.order_by("-pk").annotate(size=size).values_list("pk", "size")
    batch: list[int] = []
    weight = 0
    for pk, size_of in keys.iterator(chunk_size=KEYS):
        if batch and (weight + (size_of or 0) > BYTES or len(batch) >= KEYS):
            yield _read(batch)
            batch, weight = [], 0
        batch.append(pk)
        weight += size_of or 0
    if batch:
        yield _read(batch)


def _read(keys: list[int]) -> list[DeadLetter]:
    rows = DeadLetter.objects.filter(pk__in=keys).select_related("store", "cause", "event")
    return list(rows.order_by("-pk"))


def _cells(one: DeadLetter, clear: bool) -> tuple[str, ...]:
    words = one.cause.words
    cells = (
        utc(one.failed_at),
        utc(one.created_at),
        one.store.name,
        one.get_state_display(),
        title(one.event.topic),
        one.source_id,
        words.sentence,
        words.suggestion,
        one.cause.field,
        one.message if clear else mask_text(one.message),
        str(one.status or ""),
        str(one.attempts),
        "" if one.amount is None else f"{one.amount.normalize():f}",
        one.currency,
        one.bin_reason,
        str(one.public_id),
    )
    return tuple(cell.replace("\x00", "") for cell in cells)


def _line(one: DeadLetter, clear: bool) -> dict[str, Any]:
    """All that is needed to import a record elsewhere."""
    event, cause = one.event, one.cause
    return {
        "version": VERSION,
        "id": str(one.public_id),
        "store": one.store.domain,
        "state": one.state,
        "topic": event.topic,
        "webhook_id": event.webhook_id,
        "api_version": event.api_version,
        "received_at": utc(event.received_at),
        "triggered_at": utc(event.triggered_at),
        "first_failed_at": utc(one.created_at),
        "failed_at": utc(one.failed_at),
        "record": one.source_id,
        "kind": one.kind,
        "cause": {
            "platform": cause.platform,
            "code": cause.code,
            "field": cause.field,
            "rule": cause.rule,
        },
        "error": one.message if clear else mask_text(one.message),
        "pointer": one.pointer,
        "status": one.status,
        "attempts": one.attempts,
        # Somebody else's integration must not take hidden names and addresses for real ones.
        "masked": not clear,
    } | _contents(one, clear)


def _contents(one: DeadLetter, clear: bool) -> dict[str, Any]:
    body, payload = bytes(one.event.body), bytes(one.payload)
    if not body and one.erased_at:
        return {"body": None, "erased_at": utc(one.erased_at)}
    contents = {"body": _document(body, clear)}
    return contents | ({"would_send": _document(payload, clear)} if payload else {})


def _document(body: bytes, clear: bool) -> Any:
    """Bytes as JSON where they are, and otherwise in base64; hidden parts cannot be in base64."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if not clear:
            return None
        return {"base64": base64.b64encode(body).decode("ascii")}
    if not clear:
        return masked(found)
    # To the last digit as it came, unless it would break the line.
    return msgspec.Raw(body) if b"\n" not in body and b"\r" not in body else found
