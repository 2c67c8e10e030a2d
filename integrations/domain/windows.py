"""Past data in windows: how a range is cut, and what a job and a window can be."""

from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

import msgspec


class JobKind(StrEnum):
    """Why a range is read again."""

    BACKFILL = "backfill"  # everything that was placed or made in it
    CATCH_UP = "catch_up"  # everything that changed in it, because messages were missed


class JobState(StrEnum):
    """Where a job is."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class WindowState(StrEnum):
    """Where a window is."""

    WAITING = "waiting"
    READING = "reading"
    SENDING = "sending"  # all of it is read, and some of it is still on its way
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Way(StrEnum):
    """How a window is read."""

    PAGES = "pages"
    BULK = "bulk"


# A window that ended one way or the other; it can be run again.
OVER = {WindowState.DONE, WindowState.FAILED, WindowState.CANCELLED}
# What can be asked for, in the order in which it is best read: people and products before what
# refers to them.
STREAMS = ("customers", "products", "orders")
WINDOW_DAYS = (30, 90, 365)
LONGEST_WINDOW = 3660
# Shopify: without `read_all_orders` only the last sixty days of orders are shown.
ORDERS_SHOWN = timedelta(days=60)
EARLIEST = datetime.fromisoformat("2006-01-01T00:00:00+00:00")


class Stretch(msgspec.Struct, frozen=True):
    """A half-open range: its first moment belongs to it, its last does not."""

    since: datetime
    until: datetime


class BadRange(Exception):
    """What was asked for cannot be read; the message says why, for whoever asked."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check(stretch: Stretch, *, now: datetime) -> None:
    """Refuse a range that cannot be meant. Raises BadRange."""
    if stretch.until <= stretch.since:
        raise BadRange("end_before_start", "The end is before the start. Swap the two dates.")
    if stretch.since > now:
        raise BadRange("future", "This lies in the future. There is nothing to fetch yet.")
    if stretch.since < EARLIEST:
        raise BadRange("too_early", "No shop on Shopify is older than 2006. Choose a later start.")


def cut(stretch: Stretch, *, days: int) -> list[Stretch]:
    """Cut a range into windows of so many days, newest first; the oldest may be shorter."""
    size, windows, until = timedelta(days=days), [], stretch.until
    while until > stretch.since:
        since = max(stretch.since, until - size)
        windows.append(Stretch(since, until))
        until = since
    return windows


def split(stretch: Stretch, *, parts: int) -> list[Stretch]:
    """Cut a range into so many windows of the same length, newest first, at whole seconds."""
    whole = (stretch.until - stretch.since).total_seconds()
    edges = [stretch.since + timedelta(seconds=whole * part // parts) for part in range(parts)] + [
        stretch.until
    ]
    pieces = [Stretch(since, until) for since, until in pairwise(edges) if since < until]
    return pieces[::-1]


def falls_short(*, found: int, expected: int | None) -> bool:
    """Whether so much is missing that a window cannot be called complete.

    Up to one in a hundred may be a count that lags behind what was deleted a moment ago.
    """
    return expected is not None and expected - found > expected // 100


def shown(stretch: Stretch, scopes: set[str], *, now: datetime) -> Stretch | None:
    """The part of a range of orders that the granted permissions let us see; None for nothing."""
    if "read_all_orders" in scopes:
        return stretch
    since = max(stretch.since, now - ORDERS_SHOWN)
    return Stretch(since, stretch.until) if since < stretch.until else None
