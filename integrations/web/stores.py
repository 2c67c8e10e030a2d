"""The home page and the page of one store."""

from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from integrations.domain import parameters
from integrations.domain.permissions import Capability
from integrations.models import Store
from integrations.pipeline import (
    attention,
    breaker_pages,
    fetch_pages,
    figures,
    history,
    overview,
    roles,
)

from .access import Signed, answer, note_visit, signed_in
from .charts import draw

# From this many shops on, the list of quiet ones is searched and cut into pages.
SEARCH_FROM = 50
PAGE = 50


@signed_in
def home(request: Signed) -> HttpResponse:
    """Every shop, sorted by what it needs of a person."""
    now = timezone.now()
    page = overview.home(request.user, now=now)
    wanted = request.GET.get("shop", "").strip()
    quiet = [row for row in page.others if wanted.lower() in row.store.name.lower()]
    start = parameters.whole(request.GET.get("from", "0"))
    if not request.headers.get("HX-Request"):
        # The live part does not show them.
        overview.count_today(quiet[start : start + PAGE], now=now)
    context = {
        "page": page,
        "now": now,
        "quiet": quiet[start : start + PAGE],
        "found": len(quiet),
        "wanted": wanted,
        "searchable": len(page.others) >= SEARCH_FROM,
        "following": start + PAGE if start + PAGE < len(quiet) else None,
        "start": start,
        "fetches": fetch_pages.unfinished(Store.objects.visible_to(request.user)),
    }
    return answer(request, "home.html", context, live="home_live.html")


@signed_in
def store(request: Signed, public_id: UUID) -> HttpResponse:
    """One shop: how it is doing, with the proof."""
    now = timezone.now()
    found = get_object_or_404(
        Store.objects.visible_to(request.user).select_related("klaviyo_account", "merchant"),
        public_id=public_id,
    )
    note_visit(request, found.merchant_id)
    range_name = request.GET.get("range", "day")
    if range_name not in figures.RANGES:
        range_name = "day"
    page = overview.store_page(found, range_name=range_name, now=now)
    context = {
        "store": found,
        "page": page,
        "now": now,
        "chart": draw(page.chart),
        "chosen": page.ranges[range_name],
        "range": range_name,
        "past": fetch_pages.latest(found),
        **_trouble(request, page.row.store, now),
        # Outside of the live part: looking at each record is too much for every few seconds.
        "attention": None
        if request.headers.get("HX-Request")
        else attention.of_person(request.user, store=found, now=now),
        "timeline": history.of_store(found, request.user),
        "support": overview.support(found, now=now) if request.user.is_staff else None,
    }
    return answer(request, "store.html", context, live="store_live.html")


def _trouble(request: Signed, store: Store, now: datetime) -> dict[str, object]:
    """What the page says of platforms that have, or had, trouble."""
    panels = {
        "shop_panel": breaker_pages.panel(store, now=now),
        "account_panel": breaker_pages.panel(store.klaviyo_account, now=now),
    }
    is_open = any(one is not None and one.is_open for one in panels.values())
    may_try = is_open and roles.may(request.user, Capability.TRY_NOW, store.merchant)
    return {**panels, "may_try": may_try}
