"""Where the line of a trend runs. Plain numbers; the template draws them."""

from collections.abc import Sequence

import msgspec

from integrations.pipeline.cause_pages import Day

HEIGHT, STEP = 36.0, 10.0


class Trend(msgspec.Struct):
    """A line over the last days, what it shows in words, and the same as numbers."""

    points: str
    width: float
    height: float
    total: int
    most: Day | None
    days: Sequence[Day]


def draw(days: Sequence[Day]) -> Trend:
    """Lay the line out, nought at the bottom and the worst day at the top."""
    top = max([day.failed for day in days], default=0)
    places = (
        f"{number * STEP:.0f},{HEIGHT - HEIGHT * max(day.failed, 0) / (top or 1):.1f}"
        for number, day in enumerate(days)
    )
    return Trend(
        points=" ".join(places),
        width=max(1, len(days) - 1) * STEP,
        height=HEIGHT,
        total=sum(day.failed for day in days),
        most=next((day for day in days if top and day.failed == top), None),
        days=days,
    )
