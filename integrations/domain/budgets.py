"""How many calls a platform still allows: two sliding windows that every process shares.

A lane may use everything but what the lanes above it need: a small part that is always kept free,
and as much as those lanes used in their busiest minute of late. Where they are idle, a lane has the
whole limit to itself; where they are at work, it spreads its calls, so that room comes free all
the time and theirs never wait for a minute to pass.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil

import msgspec

from .lanes import RESERVES, Lane

SLOT_MS = 250
BURST_SLOTS = 1000 // SLOT_MS
STEADY_SLOTS = 60_000 // SLOT_MS
# What has left the burst window is counted by whole seconds, so that a row stays small.
COARSE = 1000 // SLOT_MS
# What each lane used is remembered in parts of a quarter minute, for so many parts: long enough
# that orders which come every minute or two find their room kept.
PART_MS = 15_000
PARTS_A_MINUTE = 60_000 // PART_MS
PARTS = 5 * PARTS_A_MINUTE
# So much more than they used is kept for the lanes above, since their work may be growing.
GROWTH = 4
# While lanes above are at work, a lane takes of any ten seconds a little more than their part of
# the minute.
PACE_SLOTS = 10_000 // SLOT_MS
PACE = 1.1 * PACE_SLOTS / STEADY_SLOTS
# The part of a second's allowance that lower lanes leave. It costs them nothing: a minute allows
# far less than sixty such seconds at every published limit, so the minute is what binds.
BURST_RESERVE = 0.2


class Limits(msgspec.Struct, frozen=True):
    """Calls a platform allows in any one second and in any one minute."""

    burst: int
    steady: int


class Usage(msgspec.Struct):
    """Calls made lately, counted in slots of a quarter second since the epoch."""

    slots: dict[int, int] = msgspec.field(default_factory=dict)
    blocked_until: datetime | None = None
    # {lane: {quarter minute since the epoch: calls}}
    lanes: dict[int, dict[int, int]] = msgspec.field(default_factory=dict)

    def spent(self, now: datetime, slots: int) -> int:
        """Count the calls of the last `slots` slots, and one more for the edge of the window."""
        first = slot_of(now) - slots
        return sum(count for slot, count in self.slots.items() if slot >= first)


class Grant(msgspec.Struct, frozen=True):
    """Calls that may be made now; when none, the earliest time to ask again."""

    calls: int
    retry_at: datetime | None = None


def slot_of(now: datetime) -> int:
    """The number of the slot a moment falls into."""
    return int(now.timestamp() * 1000) // SLOT_MS


def part_of(now: datetime) -> int:
    """The number of the quarter minute a moment falls into."""
    return int(now.timestamp() * 1000) // PART_MS


def take(usage: Usage, limits: Limits, *, wanted: int, lane: Lane, now: datetime) -> Grant:
    """Spend up to `wanted` calls within both windows and write them into `usage`."""
    forget(usage, now)
    if usage.blocked_until and usage.blocked_until > now:
        return Grant(0, usage.blocked_until)
    rooms = {
        slots: limit - usage.spent(now, slots)
        for slots, limit in _allowed(usage, limits, lane, now).items()
    }
    calls = max(0, min(wanted, *rooms.values()))
    if not calls:
        full = [slots for slots, room in rooms.items() if room <= 0]
        return Grant(0, max((_room_at(usage, now, slots) for slots in full), default=now))
    slot = slot_of(now)
    usage.slots[slot] = usage.slots.get(slot, 0) + calls
    _remember(usage, lane, calls, now)
    return Grant(calls)


def reserve(usage: Usage, limits: Limits, *, lane: Lane, now: datetime) -> Limits:
    """How many calls of a second and of a minute this lane leaves to the lanes above it."""
    if lane is Lane.LIVE:
        return Limits(0, 0)
    busiest = _busiest(usage, lane, now)
    # What they have spent of it already is in the windows, and need not be kept free again.
    spent = sum(_last_minute(parts, now) for parts in _above(usage, lane))
    steady = ceil(limits.steady * RESERVES[lane]) + max(0, busiest + busiest // GROWTH - spent)
    return Limits(ceil(limits.burst * BURST_RESERVE), min(limits.steady, steady))


def _allowed(usage: Usage, limits: Limits, lane: Lane, now: datetime) -> dict[int, int]:
    """How many calls each window may hold when this lane asks."""
    kept = reserve(usage, limits, lane=lane, now=now)
    allowed = {
        BURST_SLOTS: max(1, limits.burst - kept.burst),
        STEADY_SLOTS: max(1, limits.steady - kept.steady),
    }
    if lane > Lane.LIVE and _busiest(usage, lane, now):
        allowed[PACE_SLOTS] = ceil(limits.steady * PACE)
    return allowed


def _above(usage: Usage, lane: Lane) -> list[dict[int, int]]:
    return [usage.lanes.get(int(one), {}) for one in Lane if one < lane]


def _busiest(usage: Usage, lane: Lane, now: datetime) -> int:
    """What the lanes above this one used in their busiest minute of late."""
    return sum(_busiest_minute(parts, now) for parts in _above(usage, lane))


def forget(usage: Usage, now: datetime) -> None:
    """Drop slots that no window looks at any more, and put old ones together."""
    current = slot_of(now)
    fine = current - BURST_SLOTS
    kept: dict[int, int] = {}
    for slot, count in usage.slots.items():
        if slot < current - STEADY_SLOTS:
            continue
        # Under the last slot of its second, so that nothing leaves the window too early; not
        # later than the burst window begins, which must not see it again.
        place = slot if slot >= fine else min(slot - slot % COARSE + COARSE, fine) - 1
        kept[place] = kept.get(place, 0) + count
    usage.slots = kept


def _remember(usage: Usage, lane: Lane, calls: int, now: datetime) -> None:
    part = part_of(now)
    parts = usage.lanes.setdefault(int(lane), {})
    parts[part] = parts.get(part, 0) + calls
    usage.lanes = {
        one: recent
        for one, parts in usage.lanes.items()
        if (recent := {at: count for at, count in parts.items() if at > part - PARTS})
    }


def _busiest_minute(parts: Mapping[int, int], now: datetime) -> int:
    """The most calls of any minute that the parts remember."""
    recent = [at for at in parts if at > part_of(now) - PARTS]
    return max(
        (sum(parts.get(first + n, 0) for n in range(PARTS_A_MINUTE)) for first in recent),
        default=0,
    )


def _last_minute(parts: Mapping[int, int], now: datetime) -> int:
    current = part_of(now)
    return sum(count for at, count in parts.items() if at > current - PARTS_A_MINUTE)


def _room_at(usage: Usage, now: datetime, slots: int) -> datetime:
    """The moment at which the oldest counted slot leaves the window."""
    first = slot_of(now) - slots
    oldest = min(slot for slot in usage.slots if slot >= first)
    wait = (oldest + slots + 1 - slot_of(now)) * SLOT_MS
    return now + timedelta(milliseconds=max(wait, 20))
