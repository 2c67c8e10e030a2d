"""The history: who did what, when and why, narrowed by the address, and as a file."""

from datetime import UTC, date, datetime, time, timedelta

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.utils import timezone

from integrations.domain import parameters
from integrations.domain.actions import KINDS, Kind
from integrations.models import Merchant, Store
from integrations.pipeline import history, history_export

from .access import Signed, acting, answer, signed_in
from .downloads import download
from .templatetags.console import zone_of


@signed_in
def entries(request: Signed) -> HttpResponse:
    """The history of everything a person may see, newest first."""
    stores = list(Store.objects.visible_to(request.user).order_by("name", "id")[:200])
    zone = _zone(request, request.GET)
    wanted = _wanted(request.GET, zone)
    context = {
        "wanted": wanted,
        "chosen": request.GET,
        "zone": zone,
        "stores": stores,
        "kinds": [(kind.value, label) for kind, (label, _) in KINDS.items()],
        "people": history.people(request.user),
        "page": history.page(request.user, wanted, after=request.GET.get("after", "")),
        "paged": bool(request.GET.get("after")),
        "may_export": history_export.may_export(request.user),
        "narrowed_by": [
            (name, value) for name, value in request.GET.items() if name != "after" and value
        ],
    }
    return answer(request, "history.html", context)


@acting
def export(request: Signed) -> HttpResponseBase:
    """The same entries as a file for a spreadsheet, given out as it is read."""
    if not history_export.may_export(request.user):
        raise PermissionDenied
    now = timezone.now()
    wanted = _wanted(request.POST, _zone(request, request.POST))
    lines = history_export.export(request.user, wanted, now=now)
    return download(lines, "history", now=now)


def _wanted(chosen: QueryDict, zone: str) -> history.Filter:
    """The filter an address asks for; what we do not know does not narrow."""
    who, kind = chosen.get("who", ""), chosen.get("kind", "")
    known = who in (history.AUTOMATIC, history.SUPPORT) or parameters.key(who) is not None
    until = _day(chosen.get("until", ""))
    return history.Filter(
        store=parameters.identifier(chosen.get("store", "")),
        merchant=parameters.identifier(chosen.get("merchant", "")),
        who=who if known else "",
        kind=Kind(kind) if kind in set(Kind) else None,
        since=_midnight(_day(chosen.get("since", "")), zone),
        # The last day is meant to be in it.
        until=_midnight(until + timedelta(days=1) if until else None, zone),
    )


def _zone(request: Signed, chosen: QueryDict) -> str:
    """The time zone days are meant in: the shop's, or the merchant's where there is one."""
    if store := parameters.identifier(chosen.get("store", "")):
        zones = Store.objects.visible_to(request.user).filter(public_id=store)
        if found := zones.values_list("time_zone", flat=True).first():
            return found
    mine = Merchant.objects.visible_to(request.user).values_list("time_zone", flat=True)
    few = set(mine[:2]) if not request.user.is_staff else set()
    return few.pop() if len(few) == 1 else "UTC"


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2100 else None


def _midnight(day: date | None, zone: str) -> datetime | None:
    return datetime.combine(day, time(), zone_of(zone)).astimezone(UTC) if day else None
