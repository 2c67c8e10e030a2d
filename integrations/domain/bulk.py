"""Reading a large stretch by one export of the shop: when that pays, and how patient to be.

Source: shopify.dev, API usage, bulk operations. A run is not rate limited; it costs ten points to
begin and one to ask about, but it takes a while and its file comes at the end.
"""

from datetime import timedelta

import msgspec

from .windows import Way

# Products are read in pages: pictures of variants stand in a list no export may hold, and a shop
# has few products beside its orders.
STREAMS = frozenset({"orders", "customers"})
# What a record costs in the end when it is read in pages, by Shopify's formula: the unused part of
# a page's price is given back.
POINTS_EACH = {"orders": 30.0, "customers": 5.0}
# An export is begun, followed and fetched in a minute or two; pages that take longer lose.
WORTH_IT = timedelta(minutes=5)
# Shopify, since API version 2026-01: five a shop at a time.
AT_ONCE = 5
FIRST_POLL, LONGEST_POLL = timedelta(seconds=5), timedelta(seconds=60)
# Shopify's own limit for a run is ten days; past this it is stopped and begun anew.
LONGEST_RUN = timedelta(days=2)
# How often a run that came to nothing is begun again before the pages are read instead.
MOST_RUNS = 3
# How often a file that ends early is fetched.
MOST_DOWNLOADS = 2


class Choice(msgspec.Struct, frozen=True):
    """A way to read a window, and the reason in a sentence."""

    way: Way
    reason: str


def choose(stream: str, *, expected: int | None, restore_rate: float) -> Choice:
    """Choose how to read a window from how much is in it and what pages of it would cost."""
    if stream not in STREAMS:
        return Choice(Way.PAGES, f"{stream.capitalize()} are always read page by page.")
    if expected is None:
        return Choice(
            Way.PAGES, "The shop did not say how many there are, so they are read page by page."
        )
    by_pages = timedelta(seconds=expected * POINTS_EACH[stream] / max(restore_rate, 1.0))
    if by_pages <= WORTH_IT:
        return Choice(
            Way.PAGES,
            f"About {expected:,} {stream}: page by page is quicker than waiting for an export.",
        )
    return Choice(
        Way.BULK,
        f"About {expected:,} {stream}: page by page would take {_spoken(by_pages)} at this shop's "
        "limit, so the shop is asked for one large export.",
    )


def poll_wait(polls: int) -> timedelta:
    """How long to wait before asking about a run again: 5 s at first, a minute at most."""
    wait: timedelta = FIRST_POLL * 2 ** min(polls, 10)
    return min(LONGEST_POLL, wait)


def _spoken(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    if minutes < 90:
        return f"{minutes} minutes"
    return f"{round(minutes / 60)} hours"
