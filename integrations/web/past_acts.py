"""What people do with a fetch: start it, pause it, let it go on, stop it, try again."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain.permissions import Capability
from integrations.models import SyncJob, SyncWindow
from integrations.pipeline import audit, fetch_pages, fetches, sync_jobs
from integrations.pipeline.sync_jobs import NotNow, Overlap

from .access import Signed, acting, answer, asking, note_visit, require, signed_in
from .past import find_job, uuid_of
from .templatetags.console import counted

REASON = 200


@acting
def start(request: Signed, public_id: UUID) -> HttpResponse:
    """Start a plan; a second click, or a second person, finds it started."""
    job = _job(request, public_id)
    if not job.silent:
        require(request.user, Capability.BACKFILL_LOUD, job.store.merchant)
    try:
        if fetches.start(job, by=request.user, now=timezone.now()):
            messages.success(request, "Started. You can close this page; it goes on by itself.")
    except Overlap:
        messages.error(request, "Another fetch covers some of these days. It has to end first.")
    except NotNow as exc:
        messages.info(request, str(exc))
    return _back(job)


@asking
def pause(request: Signed, public_id: UUID) -> HttpResponse:
    """Ask why, then pause."""
    job = _job(request, public_id)
    if request.method != "POST":
        return answer(request, "past/pause.html", {"store": job.store, "job": job, "fetch": job})
    reason = " ".join(request.POST.get("reason", "").replace("\x00", "").split())[:REASON]
    try:
        sync_jobs.pause(job, by=_actor(request, job), now=timezone.now(), reason=reason)
    except NotNow as exc:
        messages.info(request, str(exc))
    return _back(job)


@acting
def go_on(request: Signed, public_id: UUID) -> HttpResponse:
    """Go on where it was paused."""
    job = _job(request, public_id)
    try:
        sync_jobs.resume(job, by=_actor(request, job), now=timezone.now())
    except NotNow as exc:
        messages.info(request, str(exc))
    return _back(job)


@asking
def stop(request: Signed, public_id: UUID) -> HttpResponse:
    """Say what stays and what is taken back, then stop."""
    job = _job(request, public_id)
    if request.method != "POST":
        board = fetch_pages.board(job, now=timezone.now())
        context = {
            "store": job.store,
            "job": job,
            "fetch": job,
            "page": board,
            "held_back": fetch_pages.held_back(job),
        }
        return answer(request, "past/stop.html", context)
    try:
        gone = sync_jobs.cancel(job, by=_actor(request, job), now=timezone.now())
    except NotNow as exc:
        messages.info(request, str(exc))
    else:
        took = f" {counted(gone, 'record')} had been read and will not be sent." if gone else ""
        messages.success(request, f"Stopped.{took}")
    return _back(job)


@asking
def lacking(request: Signed, public_id: UUID) -> HttpResponse:
    """List what is missing or failed, then plan to fetch just that."""
    job = _job(request, public_id)
    key = uuid_of(request.POST.get("key", ""))
    if request.method == "POST" and key:
        try:
            again = fetches.fetch_lacking(job, key=key, by=request.user, now=timezone.now())
        except NotNow as exc:
            messages.info(request, str(exc))
            return _back(job)
        return _back(again)
    rows = fetches.lacking(job)
    context = {
        "store": job.store,
        "job": job,
        "rows": rows[:100],
        "total": len(rows),
        "failed": sum(one.failed for one in rows),
        "missing": sum(one.missing or 0 for one in rows),
        "uncounted": sum(one.missing is None for one in rows),
        "key": uuid4(),
    }
    return answer(request, "past/lacking.html", context)


@signed_in
def period(request: Signed, public_id: UUID) -> HttpResponse:
    """One period: what it found, how, and what became of it."""
    window = _window(request, public_id)
    note_visit(request, window.job.store.merchant_id)
    context = {
        "store": window.job.store,
        "job": window.job,
        "window": window,
        "page": fetch_pages.period(window),
        "now": timezone.now(),
    }
    return answer(request, "past/period.html", context, live="past/period_live.html")


@acting
def again(request: Signed, public_id: UUID) -> HttpResponse:
    """Fetch one period once more; a second click finds it under way."""
    window = _window(request, public_id)
    require(request.user, Capability.BACKFILL, window.job.store.merchant)
    try:
        sync_jobs.run_again(window, by=_actor(request, window.job), now=timezone.now())
    except NotNow as exc:
        messages.info(request, str(exc))
    else:
        messages.success(request, "This period is fetched again. Nothing is sent twice.")
    return redirect("past-period", public_id=public_id)


def _job(request: Signed, public_id: UUID) -> SyncJob:
    """A fetch this person may act on: hidden from strangers, refused to onlookers."""
    job = find_job(request, public_id)
    require(request.user, Capability.BACKFILL, job.store.merchant)
    note_visit(request, job.store.merchant_id)
    return job


def _window(request: Signed, public_id: UUID) -> SyncWindow:
    return get_object_or_404(fetch_pages.find_window(request.user), public_id=public_id)


def _actor(request: Signed, job: SyncJob) -> audit.Actor:
    return audit.person(request.user, job.store.merchant)


def _back(job: SyncJob) -> HttpResponseRedirect:
    return redirect("past-fetch", public_id=job.public_id)
