"""Who is spending which limit, and the calls behind each figure."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from integrations.domain import parameters
from integrations.domain.lanes import Lane
from integrations.models import Store
from integrations.pipeline import spending

from .access import Signed, answer, note_visit, signed_in
from .connections import find_account


@signed_in
def limits(request: Signed) -> HttpResponse:
    """Every account somebody may see."""
    now, first = timezone.now(), parameters.whole(request.GET.get("from", ""))
    context = {"use": spending.use(request.user, start=first, now=now), "now": now, "start": first}
    return answer(request, "limits.html", context, live="limits_live.html")


@signed_in
def of_account(request: Signed, public_id: UUID) -> HttpResponse:
    """One account."""
    now, account = timezone.now(), find_account(request, public_id)
    note_visit(request, account.merchant_id)
    context = {"use": spending.of_account(account, now=now), "account": account, "now": now}
    return answer(request, "limits.html", context, live="limits_live.html")


@signed_in
def calls(request: Signed, public_id: UUID) -> HttpResponse:
    """The calls to one account, narrowed to what a figure counted."""
    now, account = timezone.now(), find_account(request, public_id)
    note_visit(request, account.merchant_id)
    wanted = _wanted(request)
    after = request.GET.get("after", "")
    context = {
        "account": account,
        "zone": account.merchant.time_zone,
        "wanted": wanted,
        "page": spending.calls(account, wanted, after=after, now=now),
        "paged": bool(after),
        "now": now,
    }
    return answer(request, "calls.html", context)


@signed_in
def of_store(request: Signed, public_id: UUID) -> HttpResponse:
    """The calls to one shop, narrowed to what a figure counted."""
    now = timezone.now()
    store = get_object_or_404(Store.objects.visible_to(request.user), public_id=public_id)
    note_visit(request, store.merchant_id)
    wanted = _wanted(request)
    after = request.GET.get("after", "")
    context = {
        "store": store,
        "zone": store.time_zone,
        "wanted": wanted,
        "page": spending.calls(store, wanted, after=after, now=now),
        "paged": bool(after),
        "now": now,
    }
    return answer(request, "calls.html", context)


def _wanted(request: HttpRequest) -> spending.CallFilter:
    """The filter an address asks for; what we do not know does not narrow."""
    lane, outcome = request.GET.get("lane", ""), request.GET.get("outcome", "")
    return spending.CallFilter(
        endpoint=request.GET.get("endpoint", "")[:80].replace("\x00", ""),
        lane=Lane(int(lane)) if lane in {str(int(one)) for one in Lane} else None,
        store=str(parameters.identifier(request.GET.get("store", "")) or ""),
        since=parameters.moment(request.GET.get("since", "")),
        until=parameters.moment(request.GET.get("until", "")),
        outcome=outcome if outcome in spending.OUTCOMES else "",
    )
