"""Failed records that another program left behind: handing a file in, looking at it, taking it."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain import parameters
from integrations.domain.permissions import Capability
from integrations.models import FailedImport, Store
from integrations.pipeline import audit, failed_import, roles

from .access import Signed, acting, answer, asking, note_visit, require, signed_in

LONGEST_SOURCE = 80


@asking
def hand_in(request: Signed) -> HttpResponse:
    """Ask for a file and whose records are in it, then look at what it holds."""
    if not roles.may(request.user, Capability.IMPORT_FAILED, None):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request)
    source = " ".join(request.POST.get("source", "").replace("\x00", "").split())[:LONGEST_SOURCE]
    file = request.FILES.get("file")
    chosen = parameters.identifier(request.POST.get("store", ""))
    store = _stores(request).filter(public_id=chosen).first() if chosen else None
    if store is None:
        return _page(request, "Choose the shop whose records are in the file.")
    if not source:
        return _page(request, "Say where the records come from.")
    if file is None or not file.size:
        return _page(request, "Choose a file that is not empty.")
    if file.size > failed_import.MOST_UPLOADED:
        most = failed_import.MOST_UPLOADED // 1_000_000
        return _page(
            request,
            f"The file is larger than {most} MB. Divide it, or have it imported on the server with "
            "manage.py import_failed.",
        )
    made = failed_import.hand_in(
        store,
        file,
        source=source,
        name=file.name or "",
        size=file.size,
        user=request.user,
        now=timezone.now(),
    )
    return redirect("failed-import", public_id=made.public_id)


@signed_in
def show(request: Signed, public_id: UUID) -> HttpResponse:
    """What a file holds, or what became of it."""
    found = _found(request, public_id)
    note_visit(request, found.store.merchant_id)
    context = {
        "one": found,
        "findings": failed_import.findings_of(found),
        "list": failed_import.records_of(found).to_query() if found.finished_at else {},
    }
    return answer(request, "import/file.html", context)


@acting
def take(request: Signed, public_id: UUID) -> HttpResponse:
    """Take what the file holds."""
    found = _found(request, public_id)
    by = audit.person(request.user, found.store.merchant)
    failed_import.take_in(found, by=by, now=timezone.now())
    return redirect("failed-import", public_id=found.public_id)


@acting
def forget(request: Signed, public_id: UUID) -> HttpResponse:
    """Drop a file that was not taken."""
    failed_import.forget(_found(request, public_id))
    return redirect("failed-import-new")


def _found(request: Signed, public_id: UUID) -> FailedImport:
    stores = Store.objects.visible_to(request.user)
    rows = FailedImport.objects.filter(store__in=stores)
    rows = rows.select_related("store__merchant", "asked_by")
    found = get_object_or_404(rows, public_id=public_id)
    require(request.user, Capability.IMPORT_FAILED, found.store.merchant)
    return found


def _stores(request: Signed) -> QuerySet[Store]:
    return Store.objects.visible_to(request.user).order_by("name", "id")


def _page(request: Signed, refused: str = "") -> HttpResponse:
    earlier = FailedImport.objects.select_related("store", "asked_by").order_by("-asked_at")
    context = {
        "stores": _stores(request),
        "refused": refused,
        "source": request.POST.get("source", "")[:LONGEST_SOURCE],
        "store": request.POST.get("store", ""),
        "most": failed_import.MOST_UPLOADED // 1_000_000,
        "earlier": earlier[:20],
    }
    response = answer(request, "import/new.html", context)
    response.status_code = 400 if refused else 200
    return response
