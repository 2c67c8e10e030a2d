"""How many calls a platform still allows: two sliding windows that every process shares."""

from datetime import datetime, timedelta

import msgspec

SLOT_MS = 250
BURST_SLOTS = 1000 // SLOT_MS
STEADY_SLOTS = 60_000 // SLOT_MS
# What has left the burst window is counted by whole seconds, so that a row stays small.
COARSE = 1000 // SLOT_MS


class Limits(msgspec.Struct, frozen=True):
    """Calls a platform allows in any one second and in any one minute."""

    burst: int
    steady: int


class Usage(msgspec.Struct):
    """Calls made lately, counted in slots of a quarter second since the epoch."""

    slots: dict[int, int] = msgspec.field(default_factory=dict)
    blocked_until: datetime | None = None

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


def take(usage: Usage, limits: Limits, *, wanted: int, share: float, now: datetime) -> Grant:
    """Spend up to `wanted` calls within both windows and write them into `usage`.

    A lane with a share below 1 stops earlier and leaves the rest to the lanes above it.
    """
    forget(usage, now)
    if usage.blocked_until and usage.blocked_until > now:
        return Grant(0, usage.blocked_until)
    burst = max(1, int(limits.burst * share)) - usage.spent(now, BURST_SLOTS)
    steady = max(1, int(limits.steady * share)) - usage.spent(now, STEADY_SLOTS)
    calls = max(0, min(wanted, burst, steady))
    if not calls:
        return Grant(0, _room_at(usage, now, BURST_SLOTS if steady > 0 else STEADY_SLOTS))
    slot = slot_of(now)
    usage.slots[slot] = usage.slots.get(slot, 0) + calls
    return Grant(calls)


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


def _room_at(usage: Usage, now: datetime, slots: int) -> datetime:
    """The moment at which the oldest counted slot leaves the window."""
    first = slot_of(now) - slots
    oldest = min(slot for slot in usage.slots if slot >= first)
    wait = (oldest + slots + 1 - slot_of(now)) * SLOT_MS
    return now + timedelta(milliseconds=max(wait, 20))
