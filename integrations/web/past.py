"""Past data of a shop: what was fetched, a plan, its preview and its board."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from integrations.domain.permissions import Capability
from integrations.domain.windows import BadRange, JobState
from integrations.models import Store, SyncJob
from integrations.pipeline import fetch_pages, fetch_plans, fetch_records, fetches, roles

from .access import Signed, answer, asking, banners_of, note_visit, require, signed_in
from .connections import find_store
from .past_forms import PastForm, initial
from .strips import draw


@signed_in
def of_store(request: Signed, public_id: UUID) -> HttpResponse:
    """What was fetched of a shop's past, and what is being fetched."""
    store = find_store(request, public_id)
    note_visit(request, store.merchant_id)
    page = fetch_pages.of_store(store, after=request.GET.get("after", ""))
    context = {"store": store, "page": page, "paged": bool(request.GET.get("after"))}
    return answer(request, "past/list.html", context)


@signed_in
def banners(request: Signed, public_id: UUID) -> HttpResponse:
    """What the pages of a shop say of its fetches now; it is asked for by those pages."""
    store = find_store(request, public_id)
    note_visit(request, store.merchant_id)
    but = uuid_of(request.GET.get("but", ""))
    rows = fetch_pages.find_job(request.user).filter(store=store)
    own = rows.filter(public_id=but).first() if but else None
    context = banners_of({"store": store} | ({"job": own} if own else {}))
    return render(request, "parts/past_banners.html", context)


@asking
def new(request: Signed, public_id: UUID) -> HttpResponse:
    """Ask what to fetch, and write it down as a plan."""
    store = find_store(request, public_id)
    require(request.user, Capability.BACKFILL, store.merchant)
    note_visit(request, store.merchant_id)
    may_be_loud = roles.may(request.user, Capability.BACKFILL_LOUD, store.merchant)
    if request.method != "POST":
        form = PastForm(store=store, initial=initial(_draft(request, store)))
        return _ask(request, store, form, may_be_loud=may_be_loud)
    form = PastForm(request.POST, store=store)
    if form.is_valid():
        if form.cleaned_data["loud"]:
            require(request.user, Capability.BACKFILL_LOUD, store.merchant)
        try:
            job = _plan(request, store, form)
        except BadRange as exc:
            form.refuse(exc)
        else:
            return redirect("past-fetch", public_id=job.public_id)
    return _ask(request, store, form, may_be_loud=may_be_loud, status=400)


@signed_in
def fetch(request: Signed, public_id: UUID) -> HttpResponse:
    """One fetch: its preview before it starts, and its board from then on."""
    job = find_job(request, public_id)
    note_visit(request, job.store.merchant_id)
    now = timezone.now()
    context = {"store": job.store, "job": job, "now": now}
    if job.state == JobState.DRAFT:
        plan = fetch_plans.read(job)
        context |= {
            "page": plan,
            "rows": plan.rows[:60],
            "may_start": job.silent
            or roles.may(request.user, Capability.BACKFILL_LOUD, job.store.merchant),
        }
        return answer(request, "past/plan.html", context, live="past/plan_live.html")
    board = fetch_pages.board(job, now=now)
    context |= {"page": board, "strips": draw(board.windows, job.streams)}
    return answer(request, "past/board.html", context, live="past/board_live.html")


@signed_in
def periods(request: Signed, public_id: UUID) -> HttpResponse:
    """All periods of a fetch, or those in one state."""
    job = find_job(request, public_id)
    note_visit(request, job.store.merchant_id)
    group = request.GET.get("state", "")
    group = group if group in fetch_pages.GROUPS else ""
    context = {
        "store": job.store,
        "job": job,
        "group": group,
        "page": fetch_pages.periods(job, group, after=request.GET.get("after", "")),
        "paged": bool(request.GET.get("after")),
    }
    return answer(request, "past/periods.html", context)


@signed_in
def records(request: Signed, public_id: UUID) -> HttpResponse:
    """The records of a fetch, or of one of its periods, by what became of them."""
    job = find_job(request, public_id)
    note_visit(request, job.store.merchant_id)
    outcome = request.GET.get("state", "")
    outcome = outcome if outcome in fetch_records.OUTCOMES else ""
    window = None
    if wanted := request.GET.get("period", ""):
        window = get_object_or_404(job.windows, public_id=uuid_of(wanted))
    after = request.GET.get("after", "")
    page = (
        fetch_records.of_window(window, outcome, after=after)
        if window
        else fetch_records.of_job(job, outcome, after=after)
    )
    context = {
        "store": job.store,
        "job": job,
        "window": window,
        "outcome": outcome,
        "label": fetch_records.LABELS[outcome],
        "labels": fetch_records.LABELS.items(),
        "page": page,
        "paged": bool(after),
        "now": timezone.now(),
    }
    return answer(request, "past/records.html", context)


def find_job(request: Signed, public_id: UUID) -> SyncJob:
    """A fetch this person may see, or 404."""
    return get_object_or_404(fetch_pages.find_job(request.user), public_id=public_id)


def _plan(request: Signed, store: Store, form: PastForm) -> SyncJob:
    now = timezone.now()
    return fetches.plan(
        store,
        form.wish(now=now),
        key=form.cleaned_data["key"],
        instead_of=form.cleaned_data["instead"],
        keep_before=form.cleaned_data["keep"],
        by=request.user,
        now=now,
    )


def _ask(
    request: Signed, store: Store, form: PastForm, *, may_be_loud: bool, status: int = 200
) -> HttpResponse:
    context = {"store": store, "form": form, "may_be_loud": may_be_loud}
    response = answer(request, "past/new.html", context)
    response.status_code = status
    return response


def _draft(request: Signed, store: Store) -> SyncJob | None:
    """The plan that is to be changed, if there is one."""
    wanted = uuid_of(request.GET.get("instead", ""))
    rows = fetch_pages.find_job(request.user).filter(store=store, state=JobState.DRAFT)
    return rows.filter(public_id=wanted).first() if wanted else None


def uuid_of(text: str) -> UUID | None:
    """The id a text is, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None
