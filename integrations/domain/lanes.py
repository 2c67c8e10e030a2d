"""Which work goes first: live orders before everything else."""

from enum import IntEnum


class Lane(IntEnum):
    """The four lanes, in order of preference."""

    LIVE = 0
    REPLAY = 1
    BACKFILL = 2
    REPORT = 3


# The part of a platform's allowance each lane may use, so that a lower one leaves room above it.
SHARES: dict[Lane, float] = {
    Lane.LIVE: 1.0,
    Lane.REPLAY: 0.8,
    Lane.BACKFILL: 0.6,
    Lane.REPORT: 0.4,
}
