"""Fetching past data as merchants speak of it: what they choose, and where it stands.

A window of the engine is a *period* on pages, and a job is a *fetch*.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

import msgspec

from .windows import EARLIEST, BadRange, JobState, Stretch, WindowState


class Preset(StrEnum):
    """How far back somebody wants to go; the value stands in the form."""

    QUARTER = "90"
    YEAR = "365"
    THREE_YEARS = "1095"
    EVERYTHING = "all"
    DATES = "dates"


PRESETS = {
    Preset.QUARTER: "The last 90 days",
    Preset.YEAR: "The last year",
    Preset.THREE_YEARS: "The last 3 years",
    Preset.EVERYTHING: "Everything there is",
    Preset.DATES: "From one day to another",
}
# The periods somebody may choose, and why one would.
LENGTHS = {
    30: "30 days: many small steps, for a shop with very many orders",
    90: "90 days: right for nearly every shop",
    365: "A year: few large steps, for a shop with few orders",
}
STREAM_WORDS = {"orders": "orders", "customers": "customers", "products": "products"}


def stretch_of(
    preset: Preset, since: date | None, until: date | None, *, zone: tzinfo, now: datetime
) -> Stretch:
    """The range somebody means, in whole days of the shop's own time zone. Raises BadRange."""
    if preset is Preset.EVERYTHING:
        return Stretch(EARLIEST, now)
    if preset is not Preset.DATES:
        first = now.astimezone(zone).date() - timedelta(days=int(preset))
        return Stretch(_midnight(first, zone), now)
    if since is None:
        raise BadRange("no_start", "Enter the first day.")
    if until is None:
        raise BadRange("no_end", "Enter the last day.")
    # The last day is meant to be in it.
    return Stretch(_midnight(since, zone), _midnight(until + timedelta(days=1), zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def what(streams: Sequence[str]) -> str:
    """What is fetched, in words: past orders and customers."""
    words = [STREAM_WORDS.get(one, one) for one in ("orders", "customers", "products")]
    chosen = [one for one in words if one in streams] or list(streams)
    *first, last = chosen or ["records"]
    return f"past {', '.join(first)} and {last}" if first else f"past {last}"


class Progress(msgspec.Struct, frozen=True):
    """How many periods are where."""

    total: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def percent(self) -> int:
        """The part that is over; a hundred only when all of it is."""
        over = self.done + self.failed + self.cancelled
        return 100 * over // self.total if self.total else 0

    @property
    def words(self) -> str:
        """The progress in one line: 7 of 33 periods done, 1 needs you."""
        noun = "period" if self.total == 1 else "periods"
        line = f"{self.done:,} of {self.total:,} {noun} done"
        if self.failed:
            line += f", {self.failed:,} {'needs' if self.failed == 1 else 'need'} you"
        return line


def badge_of(state: str, progress: Progress, *, waits: bool = False) -> tuple[str, str]:
    """What the badge of a fetch shows: a code for its look, and a word."""
    if state == JobState.RUNNING:
        return ("waiting", "Waiting") if waits else ("running", "Fetching")
    if state == JobState.DONE and progress.failed:
        return ("partly", "Done in part")
    return {
        JobState.DRAFT: ("draft", "Not started"),
        JobState.PAUSED: ("paused", "Paused"),
        JobState.CANCELLED: ("stopped", "Stopped"),
        JobState.DONE: ("done", "Done"),
    }[JobState(state)]


PERIOD_WORDS = {
    WindowState.WAITING: "Waiting",
    WindowState.READING: "Being read",
    WindowState.SENDING: "Being sent",
    WindowState.DONE: "Done",
    WindowState.FAILED: "Needs you",
    WindowState.CANCELLED: "Not fetched",
}
# Worst first: what a square that stands for several periods shows.
WORST = (
    WindowState.FAILED,
    WindowState.READING,
    WindowState.SENDING,
    WindowState.WAITING,
    WindowState.CANCELLED,
    WindowState.DONE,
)
