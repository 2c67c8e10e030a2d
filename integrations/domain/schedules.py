"""Whether what should run every so often did."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)


def patience(interval: timedelta) -> timedelta:
    """How long after one run the next may begin without being missed."""
    return 2 * interval + MINUTE


def is_missed(last_began: datetime | None, *, interval: timedelta, now: datetime) -> bool:
    """Whether a run is overdue; one that never ran has nothing it could be late for."""
    return last_began is not None and now - last_began > patience(interval)


def missed(
    began: Iterable[datetime], *, interval: timedelta, now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The spans in which runs were missed, oldest first, out of when runs began, in order."""
    last = None
    for one in [*began, now]:
        if is_missed(last, interval=interval, now=one):
            yield (last or one), one
        last = one
