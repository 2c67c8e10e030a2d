"""How many calls past data takes and how long: whose limit binds, and when a job will be done."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from math import ceil

import msgspec

from .budgets import Limits
from .bulk import AT_ONCE

# A lane hands over at most this many records at once, and bodies of this many bytes together.
MOST_RECORDS, MOST_BYTES = 500, 6_000_000
# An export is begun, written and fetched in a minute or two (unconfirmed: Shopify names no time),
# and asked about meanwhile.
EXPORT_SECONDS, EXPORT_CALLS = 120.0, 6
# Below this many ended records a pace says nothing.
ENOUGH = 20


class Binds(StrEnum):
    """What decides how long it takes."""

    NOTHING = "nothing"  # there is nothing to do
    SHOP_POINTS = "shop_points"  # the shop's query limit
    SHOP_PACE = "shop_pace"  # how quickly the shop answers, one page after another
    SHOP_EXPORT = "shop_export"  # how quickly the shop writes large exports
    KLAVIYO_BURST = "klaviyo_burst"  # calls a second
    KLAVIYO_STEADY = "klaviyo_steady"  # calls a minute


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """How one stream is read: measured on its first pages, or the published price."""

    records: int
    size: float
    points: float
    seconds: float = 0
    measured: bool = True


class Bucket(msgspec.Struct, frozen=True):
    """A shop's query points: how many there are for us at once, and how many come back a second."""

    room: float
    restore_rate: float


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What one stream sends: records, operations and bytes by endpoint."""

    records: int
    # Bytes of a record as it was read; batches are cut by it.
    body_bytes: float
    operations: Mapping[str, float]
    sent_bytes: Mapping[str, float]


class Door(msgspec.Struct, frozen=True):
    """An endpoint: what it allows our lane, and how much goes into one call."""

    limits: Limits
    most: int
    most_bytes: int


class Need(msgspec.Struct, frozen=True):
    """Calls to one endpoint of one platform, and how long its limits make them take."""

    platform: str
    endpoint: str
    calls: int
    seconds: float
    binds: Binds


class Estimate(msgspec.Struct, frozen=True):
    """How long a job takes, and why."""

    seconds: float
    binds: Binds
    endpoint: str
    needs: list[Need]
    points: float
    # Whether the pages were measured, or the published prices had to do.
    measured: bool

    def calls(self, platform: str) -> int:
        """How many calls one platform gets."""
        return sum(one.calls for one in self.needs if one.platform == platform)


def estimate(
    pages: Mapping[str, Pages],
    sending: Mapping[str, Sending],
    *,
    bucket: Bucket,
    doors: Mapping[str, Door],
    exports: int = 0,
) -> Estimate:
    """Say what takes longest. Reading and sending go side by side, so the slowest decides."""
    needs = [*_reading(pages, bucket), *_exporting(exports), *_sending(sending, doors)]
    slowest = max(needs, key=lambda one: one.seconds, default=None)
    if slowest is None:
        return Estimate(0, Binds.NOTHING, "", needs, 0, True)
    return Estimate(
        slowest.seconds,
        slowest.binds,
        slowest.endpoint,
        needs,
        sum(ceil(one.records / one.size) * one.points for one in pages.values()),
        not exports and all(one.measured for one in pages.values()),
    )


def within(calls: int, limits: Limits) -> tuple[float, Binds]:
    """How long so many calls take under a second's limit and a minute's."""
    if calls <= limits.burst:
        return 0.0, Binds.KLAVIYO_BURST
    minutes, rest = divmod(calls, limits.steady)
    if rest == 0:
        minutes, rest = minutes - 1, limits.steady
    seconds = minutes * 60 + rest / limits.burst
    return seconds, Binds.KLAVIYO_STEADY if minutes else Binds.KLAVIYO_BURST


def left(limits: Limits, kept: Limits) -> Limits:
    """What a lane may use of an endpoint when so much is kept free for the lanes above it."""
    return Limits(max(1, limits.burst - kept.burst), max(1, limits.steady - kept.steady))


def _reading(pages: Mapping[str, Pages], bucket: Bucket) -> list[Need]:
    wanted = [one for one in pages.values() if one.records]
    calls = [max(1, ceil(one.records / one.size)) for one in wanted]
    if not calls:
        return []
    total = sum(number * one.points for number, one in zip(calls, wanted, strict=True))
    # What is in the bucket is spent at once; the rest comes back second by second.
    limited = max(0.0, total - bucket.room) / max(bucket.restore_rate, 1.0)
    answering = sum(number * one.seconds for number, one in zip(calls, wanted, strict=True))
    binds = Binds.SHOP_POINTS if limited > answering else Binds.SHOP_PACE
    return [Need("shopify", "graphql", sum(calls), max(limited, answering), binds)]


def _exporting(exports: int) -> list[Need]:
    if not exports:
        return []
    seconds = ceil(exports / AT_ONCE) * EXPORT_SECONDS
    return [Need("shopify", "exports", exports * EXPORT_CALLS, seconds, Binds.SHOP_EXPORT)]


def _sending(sending: Mapping[str, Sending], doors: Mapping[str, Door]) -> list[Need]:
    calls: dict[str, int] = {}
    for one in sending.values():
        if not one.records:
            continue
        batches = ceil(
            one.records / max(1, min(MOST_RECORDS, int(MOST_BYTES / max(one.body_bytes, 1))))
        )
        for endpoint, operations in one.operations.items():
            door = doors[endpoint]
            each = operations / batches
            by_bytes = one.sent_bytes.get(endpoint, 0) / batches / door.most_bytes
            calls[endpoint] = calls.get(endpoint, 0) + batches * max(
                1, ceil(each / door.most), ceil(by_bytes)
            )
    return [
        Need("klaviyo", endpoint, number, *within(number, doors[endpoint].limits))
        for endpoint, number in calls.items()
    ]


# --- while it runs ----------------------------------------------------------------------------


class Basis(StrEnum):
    """What a finish estimate rests on."""

    NONE = "none"
    TOO_EARLY = "too_early"
    RECENT = "recent"  # the pace of the last minutes
    OVERALL = "overall"  # the pace since the start
    STANDS = "stands"  # nothing has ended for a while, so no time can be named


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a running job is."""

    # None when the shop has not said how many there are.
    total: int | None
    ended: int
    # Since it was started, and how many ended within the last so many seconds.
    seconds: float
    recent: int
    recent_seconds: float


class Remaining(msgspec.Struct, frozen=True):
    """How long a job will still take, and how we know."""

    records: int | None
    time: timedelta | None
    per_minute: float
    basis: Basis


def remaining(progress: Progress) -> Remaining:
    """Say how long is left at the pace that was measured, and name no time without one."""
    left = None if progress.total is None else max(0, progress.total - progress.ended)
    if left == 0:
        return Remaining(0, timedelta(0), 0.0, Basis.NONE)
    pace, basis = _pace(progress)
    if left is None or not pace:
        return Remaining(left, None, pace * 60, basis)
    return Remaining(left, timedelta(seconds=left / pace), pace * 60, basis)


def _pace(progress: Progress) -> tuple[float, Basis]:
    if progress.recent >= ENOUGH and progress.recent_seconds > 0:
        return progress.recent / progress.recent_seconds, Basis.RECENT
    if progress.ended < ENOUGH or progress.seconds <= 0:
        return 0.0, Basis.TOO_EARLY
    if progress.recent == 0:
        return 0.0, Basis.STANDS
    return progress.ended / progress.seconds, Basis.OVERALL
