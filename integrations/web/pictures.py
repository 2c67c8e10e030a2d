"""Charts of figures: where bars and lines stand, and the same as a table; a template draws them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from integrations.domain.resolutions import Resolution
from integrations.pipeline.figure_pages import Point, StoreFigures
from integrations.pipeline.figures import Figures

from .charts import HEIGHT, STEP, Part, draw, nice
from .templatetags.console import counted, lag, lasting, zone_of

MARKS = 5


class Line(msgspec.Struct):
    """One unbroken part of a line."""

    kind: str
    points: str


class Picture(msgspec.Struct):
    """A chart: what it shows in one sentence, its drawing, and its numbers."""

    name: str
    finding: str
    unit: str
    scale: list[str]
    marks: list[str]
    width: float
    # How they look, and what they are called.
    legend: list[tuple[str, str]]
    columns: list[str]
    rows: list[tuple[str, list[str]]]
    height: float = HEIGHT
    bar: float = 0
    parts: list[Part] = []
    lines: list[Line] = []


class _Series(msgspec.Struct):
    """A line of a chart; it is broken where there is no value."""

    kind: str
    words: str
    values: Sequence[float | None]


def of_store(page: StoreFigures, zone: str) -> list[Picture]:
    """The charts of one shop's figures."""
    frame = _Frame(page, zone)
    return [_speed(frame), _arrivals(frame), _waiting(frame)]


class _Frame:
    """What the charts of one page have in common: their range, and how its times are written."""

    def __init__(self, page: StoreFigures, zone: str) -> None:
        self.total, self.deepest, self.points = page.total, page.deepest, page.points
        self.words = f"in the last {page.span.chosen.words}"
        self._resolution, self._zone = page.span.chosen.resolution, zone_of(zone)

    def label(self, moment: datetime) -> str:
        """A day, which is one of UTC, or a time of the shop."""
        if self._resolution is Resolution.DAY:
            day = moment.astimezone(UTC)
            return f"{day.day} {day:%b}"
        there = moment.astimezone(self._zone)
        return f"{there:%a %H:%M}" if self._resolution is Resolution.HOUR else f"{there:%H:%M}"

    def marks(self) -> list[str]:
        """What stands under a chart."""
        last = len(self.points) - 1
        places = [round(last * number / (MARKS - 1)) for number in range(MARKS)]
        return [self.label(self.points[place].since) for place in places]

    def rows(self, cells: Callable[[Point], list[str]]) -> list[tuple[str, list[str]]]:
        """The table, the newest first."""
        return [(self.label(one.since), cells(one)) for one in reversed(self.points)]

    def lines(
        self,
        name: str,
        finding: str,
        *,
        unit: str,
        series: list[_Series],
        say: Callable[[float], str],
        columns: list[str],
        cells: Callable[[Point], list[str]],
    ) -> Picture:
        """A chart of lines."""
        values = [value for one in series for value in one.values if value is not None]
        top = nice(int(max(values, default=0)) + 1)
        return Picture(
            name=name,
            finding=finding,
            unit=unit,
            scale=[say(top), say(top / 2), "0"],
            marks=self.marks(),
            width=len(self.points) * STEP,
            lines=[Line(one.kind, part) for one in series for part in _parts(one.values, top)],
            legend=[(one.kind, one.words) for one in series],
            columns=columns,
            rows=self.rows(cells),
        )


def _parts(line: Sequence[float | None], top: float) -> list[str]:
    """The unbroken parts of a line; each ends a little further on, so that one point is seen."""
    parts: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(line):
        if value is None:
            parts.append([])
        else:
            parts[-1].append(((place + 0.3) * STEP, HEIGHT - HEIGHT * value / top))
    drawn = [[*part, (part[-1][0] + 0.4 * STEP, part[-1][1])] for part in parts if part]
    return [" ".join(f"{x:.0f},{y:.1f}" for x, y in part) for part in drawn]


# --- how fast ------------------------------------------------------------------------------------


def _speed(frame: _Frame) -> Picture:
    finding = f"Nothing reached Klaviyo {frame.words}"
    if frame.total.half is not None:
        finding = (
            f"Half of the messages reached Klaviyo within {_within(frame.total.half)}, "
            f"95 of 100 within {_within(frame.total.most)}"
        )
    points = frame.points
    return frame.lines(
        "speed",
        finding,
        unit="From arrival to Klaviyo, by time of arrival",
        series=[
            _Series("p50", "Half within", [one.outcome.half for one in points]),
            _Series("p95", "95 of 100 within", [one.outcome.most for one in points]),
        ],
        say=lasting,
        columns=["Half within", "95 of 100 within", "99 of 100 within"],
        cells=lambda one: [
            lag(one.outcome.half),
            lag(one.outcome.most),
            lag(one.outcome.nearly_all),
        ],
    )


def _within(seconds: float | None) -> str:
    return lasting(max(1, seconds or 0))


# --- how much ------------------------------------------------------------------------------------


def _arrivals(frame: _Frame) -> Picture:
    chart = draw([_bar(one) for one in frame.points])
    total = frame.total
    finding = f"Nothing arrived {frame.words}"
    if total.arrived:
        finding = (
            f"{counted(total.arrived, 'message')} arrived {frame.words}, "
            f"{f'{total.failed:,}' if total.failed else 'none'} of them failed"
        )
    return Picture(
        name="arrivals",
        finding=finding,
        unit="Messages by time of arrival",
        scale=[f"{chart.top:,}", f"{chart.middle:,}", "0"],
        marks=frame.marks(),
        width=chart.width,
        bar=chart.bar,
        parts=chart.parts,
        legend=[
            ("delivered", "Delivered"),
            ("skipped", "Nothing to send"),
            ("waiting", "On its way"),
            ("dead", "Failed"),
        ],
        columns=["Arrived", "Delivered", "Nothing to send", "On its way", "Failed"],
        rows=frame.rows(_numbers),
    )


def _bar(point: Point) -> Figures:
    one = point.outcome
    return Figures(
        point.since,
        delivered=one.delivered,
        skipped=one.skipped,
        dead=one.failed,
        waiting=one.waiting,
    )


def _numbers(point: Point) -> list[str]:
    one = point.outcome
    numbers = (one.arrived, one.delivered, one.skipped, one.waiting, one.failed)
    return [f"{number:,}" for number in numbers]


# --- what waits ----------------------------------------------------------------------------------


def _waiting(frame: _Frame) -> Picture:
    finding, deepest = f"Nothing had to wait {frame.words}", frame.deepest
    if deepest is not None and deepest.depth:
        finding = (
            f"At most {counted(deepest.depth.waiting, 'message')} waited at one time "
            f"({frame.label(deepest.since)})"
        )
    elif all(one.depth is None for one in frame.points):
        finding = f"Nobody looked at what waits {frame.words}"
    depths = [float(one.depth.waiting) if one.depth else None for one in frame.points]
    return frame.lines(
        "waiting",
        finding,
        unit="Messages on their way at one time, at most; a gap where nobody looked",
        series=[_Series("p50", "On their way", depths)],
        say=lambda value: f"{value:,.0f}",
        columns=["On their way", "The oldest for", "Failed records"],
        cells=_depth,
    )


def _depth(point: Point) -> list[str]:
    depth = point.depth
    if depth is None:
        return ["not known"] * 3
    oldest = lasting(depth.oldest_seconds) if depth.waiting else "–"
    return [f"{depth.waiting:,}", oldest, f"{depth.failed_open:,}"]
