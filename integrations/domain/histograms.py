"""Percentiles without keeping every value: counts in fixed buckets, which are merged by adding."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

# Each bucket ends at this many times the one before it: no percentile is further off than that.
GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Scale:
    """Where buckets end; the last one has no end."""

    bounds: tuple[float, ...]

    @property
    def size(self) -> int:
        """How many buckets there are."""
        return len(self.bounds) + 1

    def bucket(self, value: float) -> int:
        """The place of the bucket a value falls into; PostgreSQL's `width_bucket` says the same."""
        return bisect_right(self.bounds, value)

    def count(self, values: Iterable[float]) -> list[int]:
        """Put values into buckets."""
        counts = [0] * self.size
        for value in values:
            counts[self.bucket(value)] += 1
        return counts

    def merge(self, many: Iterable[Sequence[int]]) -> list[int]:
        """Put several histograms together."""
        merged = [0] * self.size
        for counts in many:
            for place, count in enumerate(counts):
                merged[place] += count
        return merged

    def quantile(self, counts: Sequence[int], share: float) -> float | None:
        """The value that this share does not exceed; None of nothing.

        What lies beyond the last bound is said to be that bound: it is at least so much.
        """
        total = sum(counts)
        if not total:
            return None
        left = max(1, ceil(share * total))
        place = 0
        while left > counts[place]:
            left -= counts[place]
            place += 1
        return self._within(place, left / counts[place])

    def _within(self, place: int, part: float) -> float:
        """The value at a part of the way through a bucket, whose ends are a ratio apart."""
        if place == 0:
            return self.bounds[0] * part
        if place == len(self.bounds):
            return self.bounds[-1]
        low, high = self.bounds[place - 1], self.bounds[place]
        return float(low * (high / low) ** part)


def _scale(first: float, buckets: int) -> Scale:
    return Scale(tuple(round(first * GROWTH**place, 4) for place in range(buckets - 1)))


# Milliseconds of a call: from a hundredth of a second to more than a minute.
LATENCY = _scale(10, 24)
# Seconds from arrival to Klaviyo: from a tenth of a second to more than a day.
LAG = _scale(0.1, 36)
