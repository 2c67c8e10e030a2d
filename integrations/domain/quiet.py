"""Quiet hours: when a warning may wait until somebody is awake."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def ends_at(now: datetime, start: time | None, end: time | None, zone: str) -> datetime | None:
    """When the quiet hours that hold at this moment end; None outside of them.

    `start` and `end` are times of day in `zone`; they may go over midnight, and equal ones are
    none. The answer is in UTC.
    """
    if start is None or end is None or start == end:
        return None
    try:
        here = now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        here = now.astimezone(UTC)
    clock = here.time().replace(tzinfo=None)
    over_midnight = start > end
    is_quiet = clock >= start or clock < end if over_midnight else start <= clock < end
    if not is_quiet:
        return None
    day = here.date() + timedelta(days=1 if over_midnight and clock >= start else 0)
    return datetime.combine(day, end, tzinfo=here.tzinfo).astimezone(UTC)
