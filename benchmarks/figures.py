"""Percentiles, medians, and how they are written."""

from collections.abc import Sequence
from statistics import median

import msgspec


class Spread(msgspec.Struct):
    """A sample in three numbers, in milliseconds."""

    p50: float
    p99: float
    longest: float
    count: int

    def __str__(self) -> str:
        return f"{self.p50:.0f} / {self.p99:.0f} / {self.longest:.0f} ms"


def spread(sample: Sequence[float]) -> Spread:
    """Sum a sample up."""
    if not sample:
        return Spread(float("nan"), float("nan"), float("nan"), 0)
    ordered = sorted(sample)
    return Spread(
        p50=median(ordered),
        p99=ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        longest=ordered[-1],
        count=len(ordered),
    )


def shares(cpu: dict[str, float], seconds: float) -> str:
    """Processor time as parts of a core."""
    rows = sorted(cpu.items(), key=lambda row: -row[1])
    return ", ".join(f"{name} {used / seconds:.2f}" for name, used in rows if used / seconds > 0.02)
