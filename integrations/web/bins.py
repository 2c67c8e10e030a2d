"""The bin: asking for a reason and a number, moving what was counted, and how far that is."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain import parameters
from integrations.domain.friction import TYPED_FROM
from integrations.domain.permissions import Capability
from integrations.models import Binning, Merchant
from integrations.pipeline import audit, binning, decisions, roles
from integrations.pipeline.binning import Refused

from .access import Signed, answer, asking, note_visit, signed_in
from .selections import Chosen, chosen
from .templatetags.console import counted


@asking
def put(request: Signed) -> HttpResponse:
    """Say what would go into the bin and ask why, then put it there."""
    return _ask(request, inward=True)


@asking
def take_out(request: Signed) -> HttpResponse:
    """Say what would need a decision again, then take it out."""
    return _ask(request, inward=False)


@signed_in
def decision(request: Signed, public_id: UUID) -> HttpResponse:
    """How far a decision about many records is carried out."""
    rows = Binning.objects.visible_to(request.user).select_related("merchant", "asked_by")
    found = get_object_or_404(rows, public_id=public_id)
    note_visit(request, found.merchant_id)
    context = {"binning": found, "now": timezone.now(), "days": binning.term().days}
    return answer(request, "bin/decision.html", context, live="bin/decision_live.html")


def _ask(request: Signed, *, inward: bool) -> HttpResponse:
    _require_somewhere(request)
    form = request.POST if request.method == "POST" else request.GET
    wanted = chosen(request.user, form)
    if wanted.is_empty:
        messages.info(request, "Choose at least one record first.")
        return redirect("failed-records")
    if request.method == "POST" and "confirmed" in form:
        try:
            return _act(request, wanted, inward=inward)
        except Refused as exc:
            return _page(request, wanted, inward=inward, refused=str(exc))
    return _page(request, wanted, inward=inward)


def _act(request: Signed, wanted: Chosen, *, inward: bool) -> HttpResponse:
    """Move what was confirmed. Raises Refused."""
    verb = binning.put if inward else binning.take_out
    made = verb(
        request.user,
        wanted.selection,
        confirmed=_confirmed(request.POST),
        reason=" ".join(request.POST.get("reason", "").replace("\x00", "").split()),
        by=audit.person(request.user, _merchant(wanted, request)),
        now=timezone.now(),
        key=parameters.identifier(request.POST.get("key", "")) or uuid4(),
    )
    if made.finished_at is None:
        return redirect("binning", public_id=made.public_id)
    words = "went into the bin" if inward else "came out of the bin"
    messages.success(request, f"{counted(made.moved, 'record')} {words}.")
    return redirect("failed-records")


def _confirmed(form: QueryDict) -> int:
    """The number somebody agreed to; many have to be typed. Raises Refused."""
    shown = parameters.whole(form.get("confirmed", ""))
    if shown < TYPED_FROM:
        return shown
    typed = form.get("typed", "").replace(",", "").strip()
    if not typed:
        raise Refused("Type the number of records to confirm that you mean all of them.")
    return parameters.whole(typed)


def _page(request: Signed, wanted: Chosen, *, inward: bool, refused: str = "") -> HttpResponse:
    count = binning.count(request.user, wanted.selection, inward=inward)
    context = {
        "inward": inward,
        "fields": wanted.fields,
        "words": wanted.words,
        "count": count,
        "asks_number": count >= TYPED_FROM,
        "reason": request.POST.get("reason", "")[:500],
        "refused": refused,
        "days": binning.term().days,
        "key": uuid4(),
    }
    response = answer(request, "bin/ask.html", context)
    response.status_code = 409 if refused else 200
    return response


def _require_somewhere(request: Signed) -> None:
    """A page about several merchants' rows opens for who may do this to any of them."""
    mine = [None] if request.user.is_staff else Merchant.objects.visible_to(request.user)
    if not any(roles.may(request.user, Capability.BIN, one) for one in mine):
        raise PermissionDenied


def _merchant(wanted: Chosen, request: Signed) -> Merchant | None:
    """In which role somebody acts; the records are one merchant's, or it is refused."""
    row = decisions.chosen(request.user, wanted.selection).select_related("store__merchant").first()
    return row.store.merchant if row else None
