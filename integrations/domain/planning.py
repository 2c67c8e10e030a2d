"""What the ledger already holds decides what is sent."""

from datetime import datetime
from enum import StrEnum

import msgspec

from .operations import DeleteCatalogItem, Operation, TrackEvent


class Held(msgspec.Struct, frozen=True, gc=False):
    """What the ledger knows of one identity."""

    source_id: str
    fingerprint: bytes
    version: datetime
    present: bool


class Verdict(StrEnum):
    """What to do with one operation."""

    SEND = "send"
    UNCHANGED = "unchanged"
    STALE = "stale"
    ABSENT = "absent"


def judge(operation: Operation, content: bytes, held: Held | None) -> Verdict:
    """Compare an operation with what Klaviyo has been told; `content` is its fingerprint."""
    if isinstance(operation, TrackEvent):
        # A row that is not present only keeps the id for its owner until it has been sent.
        return Verdict.UNCHANGED if held and held.present else Verdict.SEND
    if isinstance(operation, DeleteCatalogItem):
        if held is None or not held.present:
            return Verdict.ABSENT
        return Verdict.STALE if held.version > operation.version else Verdict.SEND
    if held is None:
        return Verdict.SEND
    if held.version > operation.version:
        return Verdict.STALE
    if held.present and held.fingerprint == content:
        return Verdict.UNCHANGED
    return Verdict.SEND


def settle_unique_id(event: TrackEvent, held: Held | None) -> TrackEvent:
    """Give a sibling its own id when the order's id is already taken by another one.

    Klaviyo's own rule is that the first refund of an order carries the order's id. Which refund
    is first is decided once, in the ledger and before anything is sent, and never changes: an
    answer that got lost must not lead to another choice.
    """
    if event.fallback_id is None or held is None or held.source_id == event.source_id:
        return event
    return msgspec.structs.replace(event, unique_id=event.fallback_id, fallback_id=None)
