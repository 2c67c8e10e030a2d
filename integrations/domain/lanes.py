"""Which work goes first: live orders before everything else."""

from enum import IntEnum


class Lane(IntEnum):
    """The four lanes, in order of preference."""

    LIVE = 0
    REPLAY = 1
    BACKFILL = 2
    REPORT = 3


# The part of a minute's allowance that each lane never touches, so that the first work of a lane
# above it finds room. What those lanes really use is kept free besides (domain/budgets.py).
RESERVES: dict[Lane, float] = {
    Lane.LIVE: 0.0,
    Lane.REPLAY: 0.01,
    Lane.BACKFILL: 0.02,
    Lane.REPORT: 0.05,
}
