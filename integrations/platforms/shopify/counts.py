"""How many things of a stream a shop says it has, without reading them."""

import msgspec

from integrations.domain.windows import Stretch

from . import pages
from .client import Shopify

# `customersCount` takes fewer filters than the list it counts: the creation date has another name
# there, and a filter it does not know is answered with the whole shop.
MADE = {"customers": "created_at"}
# What one count costs: a single object.
POINTS = 2.0


class Count(msgspec.Struct, frozen=True):
    """A number of things; not exact where there may be more, or where other things are in it."""

    number: int
    exact: bool


class _Counted(msgspec.Struct):
    count: int
    precision: str


def count(client: Shopify, stream: str, stretch: Stretch, *, changed: bool = False) -> Count:
    """Count what was made, or changed, in a half-open stretch. Raises PlatformError.

    Shopify counts up to a cap unless `limit` is null, and says AT_LEAST where it stopped. Where a
    search compares whole days only, the count is of whole days, and so never exact.
    """
    how = pages.READINGS[stream]
    if not changed and stream in MADE:
        search, by_day = pages.search(MADE[stream], stretch), False
    else:
        search = pages.searched(stream, stretch, changed=changed)
        by_day = (how.changed if changed else how.made)[0] in how.by_day
    told = client.query(f"{stream}_count", {"search": search}, dict[str, _Counted])
    found = told[f"{stream}Count"]
    return Count(found.count, exact=found.precision == "EXACT" and not by_day)
