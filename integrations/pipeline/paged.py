"""Reading a window page by page: each page is landed, and the cursor moves with it."""

from integrations.domain.windows import JobKind, Stretch, WindowState
from integrations.models import SyncWindow
from integrations.platforms.shopify import pages

from . import landing, logins, missing, points
from .turns import GivenBack, Turn

# What the first page is expected to cost, before a shop has named a price.
FIRST_POINTS = 400.0


def read(turn: Turn) -> int:
    """Read on from the cursor as far as it gets; returns how many were landed.

    Raises PlatformError, LostWindow.
    """
    landed = 0
    while turn.window.state == WindowState.READING and turn.may_land():
        if not turn.take_points(_price(turn.window)):
            break
        try:
            landed += _one_page(turn)
        except GivenBack:
            break
    return landed


def _price(window: SyncWindow) -> float:
    price = window.bulk.get("points")
    return float(price) if price else FIRST_POINTS


def _one_page(turn: Turn) -> int:
    window, job, now = turn.window, turn.window.job, turn.clock()
    page = logins.ask_shop(
        job.store,
        lambda shop: pages.read(
            shop,
            window.stream,
            Stretch(window.since, window.until),
            cursor=window.cursor,
            size=window.page_size,
            changed=job.kind == JobKind.CATCH_UP,
            pay=turn.pay,
        ),
        now=now,
    )
    points.learn(job.store_id, page.cost, now=turn.clock())
    # A second look lands everything, so that each record is counted once.
    is_choosy = job.only_missing and window.looks == 1
    rows = missing.only(window, page.rows) if is_choosy else page.rows
    size = pages.next_size(window.page_size, page.cost)
    if page.cost:
        # The price grows with the logarithm of the size, so a doubled page costs little more.
        window.bulk["points"] = page.cost.requested * (1.3 if size > window.page_size else 1.0)
    found = landing.land(
        turn.claim,
        window,
        rows,
        cursor=page.cursor,
        is_last=not page.cursor,
        left_out=len(page.rows) - len(rows),
        page_size=size,
        now=turn.clock(),
    )
    window.cursor, window.page_size = page.cursor, size
    if not page.cursor:
        window.state = WindowState.SENDING
    return found
