"""Where the bars of a chart stand. Plain numbers; the template draws them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from integrations.pipeline.figures import Figures

HEIGHT = 100.0
STEP = 10.0
BAR = 7.6
# From the ground up, so that what was delivered always stands on the axis.
PARTS = ("delivered", "skipped", "waiting", "dead")


class Part(msgspec.Struct):
    """One coloured piece of a bar."""

    kind: str
    x: float
    y: float
    height: float


class Chart(msgspec.Struct):
    """A drawing of what arrived in a range."""

    parts: list[Part]
    width: float
    height: float
    bar: float
    top: int
    marks: list[datetime]
    bars: Sequence[Figures]

    @property
    def middle(self) -> int:
        """The value of the line half-way up."""
        return self.top // 2


def draw(bars: Sequence[Figures], *, marks: int = 5) -> Chart:
    """Lay out one bar for each piece of time, and the marks under them."""
    top = nice(max(bar.arrived for bar in bars))
    parts = []
    for number, bar in enumerate(bars):
        ground = HEIGHT
        for kind in PARTS:
            height = HEIGHT * bar.of(kind) / top
            if height:
                ground -= height
                parts.append(Part(kind, round(number * STEP + 1.2, 1), _r(ground), _r(height)))
    last = len(bars) - 1
    return Chart(
        parts=parts,
        width=len(bars) * STEP,
        height=HEIGHT,
        bar=BAR,
        top=top,
        marks=[bars[round(last * number / (marks - 1))].since for number in range(marks)],
        bars=bars,
    )


def nice(value: int) -> int:
    """The next even round number, for the top of the axis."""
    size = 1
    while True:
        # From ten on, halves of three and five are whole numbers too.
        for step in (2, 3, 4, 5, 6, 8, 10) if size > 1 else (2, 4, 6, 8, 10):
            if step * size >= value:
                return step * size
        size *= 10


def _r(value: float) -> float:
    return round(value, 2)
