"""One reason why records fail: what it has stopped, and what support decides about it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain.causes import LABELS, CauseState
from integrations.domain.permissions import Capability
from integrations.models import Cause, Merchant
from integrations.models.dead_letters import DeadLetterState
from integrations.pipeline import audit, cause_pages, causes, retention, roles
from integrations.pipeline.causes import NotNow

from . import trends
from .access import Signed, acting, answer, asking, note_visit, require, signed_in
from .cause_forms import MergeForm, ParkForm, SplitForm

NOTE = 500
# What somebody can say of a reason they take on.
TAKEN = {CauseState.KNOWN: LABELS[CauseState.KNOWN], CauseState.FIXING: LABELS[CauseState.FIXING]}


@signed_in
def cause(request: Signed, pk: int) -> HttpResponse:
    """One reason in full."""
    found = _cause(request, pk)
    now = timezone.now()
    page = cause_pages.reason(found, now=now)
    context = _context(found) | {
        "page": page,
        "trend": trends.draw(page.days),
        "counts": [
            (state, label, page.counts[state])
            for state, label in DeadLetterState.choices
            if page.counts.get(state)
        ],
        "history": causes.history(found),
        "leaving": retention.leaving(request.user, cause=found.pk, now=now),
        "may_work": roles.may(request.user, Capability.WORK_CAUSES, found.merchant),
        "taken": TAKEN.items(),
        "now": now,
    }
    return answer(request, "causes/cause.html", context)


@acting
def take(request: Signed, pk: int) -> HttpResponse:
    """Look after a reason: it is known, or being repaired."""
    found = _to_work_on(request, pk)
    state = CauseState.FIXING if request.POST.get("state") == "fixing" else CauseState.KNOWN
    causes.take(found, state, by=_actor(request, found), now=timezone.now())
    messages.success(request, f"You look after this reason. It is marked “{LABELS[state]}”.")
    return _back(found)


@acting
def let_go(request: Signed, pk: int) -> HttpResponse:
    """Look after a reason no longer."""
    found = _to_work_on(request, pk)
    causes.let_go(found, by=_actor(request, found), now=timezone.now())
    messages.success(request, "Nobody looks after this reason now.")
    return _back(found)


@acting
def note(request: Signed, pk: int) -> HttpResponse:
    """Keep a note."""
    found = _to_work_on(request, pk)
    text = " ".join(request.POST.get("note", "").replace("\x00", "").split())[:NOTE]
    causes.write_note(found, text, by=_actor(request, found), now=timezone.now())
    messages.success(request, "The note is kept." if text else "The note is gone.")
    return _back(found)


@asking
def park(request: Signed, pk: int) -> HttpResponse:
    """Ask until when, then fold the reason away."""
    found = _to_work_on(request, pk)
    form = ParkForm(request.POST if request.method == "POST" else None)

    def act() -> None:
        causes.park(
            found,
            form.parking(),
            by=_actor(request, found),
            now=timezone.now(),
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, "Parked. It comes back by itself.")

    waiting = causes.open_count(found)
    return _asked(request, found, form, act, template="causes/park.html", waiting=waiting)


@acting
def back(request: Signed, pk: int) -> HttpResponse:
    """Take a parked reason up before its time."""
    found = _to_work_on(request, pk)
    try:
        causes.bring_back(found, by=_actor(request, found), now=timezone.now())
        messages.success(request, "It is back among the others.")
    except NotNow as exc:
        messages.info(request, str(exc))
    return _back(found)


@asking
def merge(request: Signed, pk: int) -> HttpResponse:
    """Ask with which reason it should be shown as one, then do so."""
    found = _to_work_on(request, pk)
    form = MergeForm(request.POST if request.method == "POST" else None, cause=found)

    def act() -> None:
        causes.merge(found, form.chosen, by=_actor(request, found), now=timezone.now())
        messages.success(request, "They are shown as one. This can be taken back here.")

    return _asked(request, found, form, act, template="causes/merge.html")


@acting
def apart(request: Signed, pk: int) -> HttpResponse:
    """Take a merge back."""
    found = _to_work_on(request, pk)
    try:
        causes.take_back(found, by=_actor(request, found), now=timezone.now())
        messages.success(request, "This reason stands for itself again.")
    except NotNow as exc:
        messages.info(request, str(exc))
    return _back(found)


@asking
def split(request: Signed, pk: int) -> HttpResponse:
    """Ask what should be a reason of its own, then split it off."""
    found = _to_work_on(request, pk)
    form = SplitForm(request.POST if request.method == "POST" else None, cause=found)

    def act() -> None:
        store, text = form.chosen, form.cleaned_data["text"]
        by = _actor(request, found)
        causes.split(found, store=store, text=text, by=by, now=timezone.now())
        messages.success(request, "Split. Its records are being moved; new ones go there at once.")

    return _asked(request, found, form, act, template="causes/split.html")


def _asked(
    request: Signed,
    found: Cause,
    form: Any,
    act: Callable[[], None],
    *,
    template: str,
    **more: Any,
) -> HttpResponse:
    """Show a form until it was filled in well, then act once."""
    if request.method == "POST" and form.is_valid():
        try:
            act()
            return _back(found)
        except NotNow as exc:
            form.add_error(None, str(exc))
    return answer(request, template, _context(found) | {"form": form, **more})


def _context(found: Cause) -> dict[str, Any]:
    return {"cause": found, "words": found.words, "name": causes.name_of(found)}


def _cause(request: Signed, pk: int) -> Cause:
    """A reason this person may see, hidden from strangers."""
    merchants = Merchant.objects.visible_to(request.user)
    rows = Cause.objects.select_related(
        "merchant", "owner", "merged_into", "split_from", "split_store"
    )
    found = get_object_or_404(rows, pk=pk, merchant__in=merchants)
    note_visit(request, found.merchant_id)
    return found


def _to_work_on(request: Signed, pk: int) -> Cause:
    found = _cause(request, pk)
    require(request.user, Capability.WORK_CAUSES, found.merchant)
    return found


def _actor(request: Signed, found: Cause) -> audit.Actor:
    return audit.person(request.user, found.merchant)


def _back(found: Cause) -> HttpResponseRedirect:
    return redirect("cause", pk=found.pk)
