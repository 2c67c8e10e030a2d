"""Groups of failed records: what somebody has decided about one, and when it comes back."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec


class CauseState(StrEnum):
    """What people have decided about a group; the value is kept, the label is on pages."""

    NEW = "new"
    KNOWN = "known"
    FIXING = "fixing"
    PARKED = "parked"
    BACK = "back"


LABELS = {
    CauseState.NEW: "New",
    CauseState.KNOWN: "Known",
    CauseState.FIXING: "Being repaired",
    CauseState.PARKED: "Parked",
    CauseState.BACK: "Back again",
}


class Parking(msgspec.Struct, frozen=True):
    """How long a group stays parked: until the first of these, of which at least one is set."""

    until: datetime | None = None
    # So many records wait for a decision.
    count: int | None = None
    # So many per cent more wait than when it was parked.
    growth: int | None = None


class Standing(msgspec.Struct, frozen=True):
    """What a group is judged by."""

    state: str
    # Records that wait for a decision, and those on their way again.
    open: int
    sending: int
    last_failed_at: datetime
    settled_at: datetime | None = None
    parking: Parking = Parking()
    parked_at_count: int = 0


class Move(msgspec.Struct, frozen=True):
    """What becomes of a group by itself."""

    state: str
    settled_at: datetime | None
    # Why it is back again, for its history; empty where people need not hear of it.
    why: str = ""


def move(standing: Standing, *, now: datetime) -> Move | None:
    """Say what becomes of a group by itself; None when it stays as it is."""
    if why := _awake(standing, now):
        return Move(CauseState.BACK, None, why)
    if not standing.open and not standing.sending:
        return None if standing.settled_at else Move(standing.state, now)
    if standing.settled_at is None:
        return None
    if standing.last_failed_at > standing.settled_at and standing.state != CauseState.PARKED:
        why = "All its records were settled, and then records failed for it again."
        return Move(CauseState.BACK, None, why)
    # Somebody took records out of the bin, or it fails while it is parked.
    return Move(standing.state, None)


def _awake(standing: Standing, now: datetime) -> str:
    """Why a parked group comes back, or nothing."""
    parking, count = standing.parking, standing.open
    if standing.state != CauseState.PARKED:
        return ""
    if parking.until and now >= parking.until:
        return "The date it was parked until has come."
    if parking.count and count >= parking.count:
        return f"{count:,} records wait; it was parked until there were {parking.count:,}."
    if parking.growth and count > 0 and count >= _grown(standing.parked_at_count, parking.growth):
        before = standing.parked_at_count
        return f"{count:,} records wait, {parking.growth} per cent more than the {before:,} before."
    return ""


def _grown(count: int, growth: int) -> float:
    return count * (100 + growth) / 100


def parking_fault(parking: Parking, *, open_now: int, now: datetime) -> str:
    """Say why a group cannot be parked like this, or nothing."""
    if not (parking.until or parking.count or parking.growth):
        return "Say until when: a date, a number of records, or a growth."
    if parking.until and parking.until <= now:
        return "The date lies in the past."
    if parking.count and parking.count <= open_now:
        return f"{open_now:,} records wait already; enter a larger number."
    return ""


class Part(msgspec.Struct, frozen=True):
    """A group that was split off another: of one shop, of a text in the message, or of both."""

    cause: int
    store: int | None = None
    text: str = ""

    def holds(self, store: int, message: str) -> bool:
        """Whether a failure belongs here."""
        return (self.store is None or self.store == store) and (
            self.text.casefold() in message.casefold()
        )


def part_for(parts: Iterable[Part], *, store: int, message: str) -> int | None:
    """The first part a failure belongs to; None when it stays with the group itself."""
    return next((part.cause for part in parts if part.holds(store, message)), None)
