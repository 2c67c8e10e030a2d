"""Over which time figures are shown, and how far they are counted."""

from datetime import datetime, timedelta

import msgspec

from integrations.domain.resolutions import Resolution, floor
from integrations.models import FigureMark

from . import measuring


class Range(msgspec.Struct, frozen=True):
    """A range people choose: its figures, and how much time one point of a chart stands for."""

    words: str
    length: timedelta
    resolution: Resolution
    step: timedelta


# A point of a chart: enough of them to see a shape, few enough to read them as a table.
OF_STORE = {
    "3h": Range("3 hours", timedelta(hours=3), Resolution.MINUTE, timedelta(minutes=5)),
    "2d": Range("2 days", timedelta(days=2), Resolution.HOUR, timedelta(hours=1)),
    "60d": Range("60 days", timedelta(days=60), Resolution.DAY, timedelta(days=1)),
}
# Of everybody: whole hours and days, so that a few rows of each are enough.
OF_ALL = {
    "2h": Range("2 hours", timedelta(hours=2), Resolution.HOUR, timedelta(hours=1)),
    "2d": Range("2 days", timedelta(days=2), Resolution.DAY, timedelta(days=1)),
    "7d": Range("7 days", timedelta(days=7), Resolution.DAY, timedelta(days=1)),
}


class Span(msgspec.Struct, frozen=True):
    """A range as of now, in whole steps, and how far it is counted."""

    chosen: Range
    since: datetime
    now: datetime
    # None until somebody has counted for the first time.
    counted_until: datetime | None

    @property
    def until(self) -> datetime:
        """The end of what is counted: lists that a figure opens end there too."""
        return max(self.since, self.counted_until or self.since)

    @property
    def is_behind(self) -> bool:
        """Whether nobody has counted for so long that figures are not of now."""
        return self.counted_until is None or self.now - self.counted_until > BEHIND

    @property
    def steps(self) -> list[datetime]:
        """The beginning of each point of a chart."""
        number = round(self.chosen.length / self.chosen.step)
        return [self.since + place * self.chosen.step for place in range(number)]


# A minute is counted a good minute after it began.
BEHIND = timedelta(minutes=5)


def span(chosen: Range, now: datetime) -> Span:
    """The range whose last step is under way."""
    since = floor(now, chosen.step) + chosen.step - chosen.length
    mark = FigureMark.objects.filter(name=measuring.MARK).first()
    return Span(chosen, since, now, mark.counted_until if mark else None)
