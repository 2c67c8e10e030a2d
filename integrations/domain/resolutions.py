"""Minutes, hours and days of figures: where each begins, how long it is kept, what is closed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Self

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# The longest we wait for rows that are being written while their minute ends.
GRACE = timedelta(seconds=15)
# So much is counted in one transaction; after a pause of hours there are many of them.
PIECE = timedelta(minutes=10)
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class Resolution(IntEnum):
    """How much time one figure stands for."""

    MINUTE = 0
    HOUR = 1
    DAY = 2

    @property
    def step(self) -> timedelta:
        """The length of one."""
        return (MINUTE, HOUR, DAY)[self]

    @property
    def kept(self) -> timedelta:
        """How long its figures are kept."""
        return (timedelta(days=3), timedelta(days=60), timedelta(days=400))[self]

    def floor(self, moment: datetime) -> datetime:
        """The beginning of the one a moment lies in; days are those of UTC."""
        return floor(moment, self.step)


def floor(moment: datetime, step: timedelta) -> datetime:
    """The beginning of the piece of time a moment lies in."""
    return moment - (moment - _EPOCH) % step


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole minutes that are counted together."""

    since: datetime
    until: datetime

    def reaching_back(self, span: timedelta) -> Self:
        """The same with some minutes before it, which are counted once more."""
        return replace(self, since=self.since - span)

    def starts(self, resolution: Resolution) -> list[datetime]:
        """The hours, or days, it touches."""
        start, found = resolution.floor(self.since), []
        while start < self.until:
            found.append(start)
            start += resolution.step
        return found


def to_count(counted_until: datetime | None, now: datetime) -> Iterator[Piece]:
    """The minutes that are over and not closed yet, oldest first, in pieces.

    What is older than minutes are kept is left out: there would be nothing to roll up for long. A
    clock that went back finds nothing to do.
    """
    end = Resolution.MINUTE.floor(now - GRACE)
    # The oldest hour of all must still have all its minutes, also the ones it reaches back to.
    oldest = Resolution.HOUR.floor(end - Resolution.MINUTE.kept) + 2 * HOUR
    start = max(counted_until or oldest, oldest)
    while start < end:
        until = min(start + PIECE, end)
        yield Piece(start, until)
        start = until
