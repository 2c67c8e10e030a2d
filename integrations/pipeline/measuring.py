"""Figures by the minute, out of rows that are there anyway; no other part knows that it is counted.

Each run closes the minutes that are over, oldest first and a piece at a time. A piece is one
transaction: the mark, which says how far we are and lets one runner work at a time, the minutes,
and the hours and days they lie in. Counting a minute again replaces what it came to, so that a
run may come twice, late, or after one that was killed (docs/adr/0025).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from integrations.domain.resolutions import Piece, Resolution, to_count
from integrations.models import FigureMark

from . import measuring_calls, measuring_depths, measuring_lags

# A turn ends after this; what it did not reach comes next minute.
TURN = timedelta(seconds=20)
MARK = "figures"


def run(*, clock: Callable[[], datetime], stopping: Callable[[], bool]) -> int:
    """Note what waits, and count what is over; returns how many pieces were counted."""
    begun, done = clock(), 0
    FigureMark.objects.get_or_create(name=MARK)
    _look(begun)
    while not stopping() and clock() - begun < TURN and _count(clock()):
        done += 1
    return done


def _hold() -> FigureMark | None:
    """The mark, locked; None while somebody else has it."""
    return FigureMark.objects.select_for_update(skip_locked=True).filter(name=MARK).first()


@transaction.atomic
def _look(now: datetime) -> None:
    if _hold() is not None:
        minute = Resolution.MINUTE.floor(now)
        measuring_depths.look(minute, now=now)
        measuring_depths.roll_up(Piece(minute, minute + Resolution.MINUTE.step))


@transaction.atomic
def _count(now: datetime) -> bool:
    """Count the next piece, or what has come of minutes that were not finished; False if none."""
    mark = _hold()
    if mark is None:
        return False
    piece = next(to_count(mark.counted_until, now), None)
    if piece is None:
        return _count_again(now)
    measuring_calls.close(piece)
    measuring_lags.close(piece)
    mark.counted_until = piece.until
    mark.save(update_fields=["counted_until"])
    return True


def _count_again(now: datetime) -> bool:
    # Its hour must still have all its minutes to be rolled up.
    oldest = next(to_count(None, now)).since
    found = measuring_lags.changed(oldest)
    if not found:
        return False
    measuring_lags.count_again(found)
    step = Resolution.HOUR.step
    for hour in sorted({Resolution.HOUR.floor(one.minute) for one in found}):
        measuring_lags.roll_up(Piece(hour, hour + step))
    return True
