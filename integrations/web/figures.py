"""How fast and how well things go: for a shop's people, and for whoever looks after all of them."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from integrations.domain import data_types, parameters, thresholds
from integrations.domain.permissions import Capability
from integrations.models import Store
from integrations.pipeline import (
    figure_pages,
    figure_ranges,
    figure_troubles,
    schedule_pages,
)

from . import pictures
from .access import Signed, answer, note_visit, require, signed_in


@signed_in
def of_store(request: Signed, public_id: UUID) -> HttpResponse:
    """One shop: how fast its news reaches Klaviyo, how much of it, and what failed."""
    now = timezone.now()
    stores = Store.objects.visible_to(request.user).select_related("klaviyo_account")
    store = get_object_or_404(stores, public_id=public_id)
    note_visit(request, store.merchant_id)
    name = request.GET.get("range", "")
    name = name if name in figure_ranges.OF_STORE else "3h"
    page = figure_pages.of_store(store, figure_ranges.OF_STORE[name], now=now)
    context = {
        "store": store,
        "zone": store.time_zone,
        "page": page,
        "pictures": pictures.of_store(page, store.time_zone),
        "kinds": [(kind, data_types.WORDS[kind], one) for kind, one in page.of_kinds.items()],
        "verdict": thresholds.WORDS[page.total.verdict],
        "ranges": figure_ranges.OF_STORE,
        "range": name,
        "now": now,
    }
    return answer(request, "figures/store.html", context)


@signed_in
def of_all(request: Signed) -> HttpResponse:
    """Every shop and account by its trouble, the schedules, and our own workers; for staff."""
    require(request.user, Capability.SEE_EVERY_MERCHANT)
    now, name = timezone.now(), request.GET.get("range", "")
    name = name if name in figure_ranges.OF_ALL else "2h"
    shops = parameters.whole(request.GET.get("shops", ""))
    accounts = parameters.whole(request.GET.get("accounts", ""))
    chosen = figure_ranges.OF_ALL[name]
    context = {
        "page": figure_troubles.of_all(chosen, shops=shops, accounts=accounts, now=now),
        "words": thresholds.WORDS,
        "ranges": figure_ranges.OF_ALL,
        "range": name,
        "next_shops": shops + figure_troubles.PAGE,
        "next_accounts": accounts + figure_troubles.PAGE,
        "is_later": shops or accounts,
        "lists_calls": chosen.length <= figure_pages.CALLS_LISTED,
        "schedules": schedule_pages.of_all(now),
        "signs": schedule_pages.signs_of_life(),
        "now": now,
    }
    return answer(request, "figures/all.html", context)
