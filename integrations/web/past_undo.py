"""What of a fetch can be taken back: said plainly, listed exactly, then done."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain.permissions import Capability
from integrations.models import SyncJob, Undo
from integrations.pipeline import audit, fetch_pages, roles, undo, undo_export, undo_pages
from integrations.pipeline.spreadsheets import Format
from integrations.pipeline.sync_jobs import NotNow

from .access import Signed, acting, answer, note_visit, require, signed_in
from .downloads import download
from .past import find_job


@signed_in
def page(request: Signed, public_id: UUID) -> HttpResponse:
    """What can be taken back, what cannot, and how far taking back is."""
    job = find_job(request, public_id)
    note_visit(request, job.store.merchant_id)
    now = timezone.now()
    merchant = job.store.merchant
    after = request.GET.get("after", "")
    latest = undo.latest(job)
    context = {
        "store": job.store,
        "job": job,
        "now": now,
        "possible": undo.possible(job, now),
        "latest": latest,
        "hold": undo_pages.hold(latest.undo, now=now) if latest else None,
        "items": undo_pages.items(latest.undo, after=after) if latest else None,
        "paged": bool(after),
        "may": roles.may(request.user, Capability.BACKFILL, merchant),
        "may_export": roles.may(request.user, Capability.EXPORT_HISTORY, merchant),
    }
    return answer(request, "past/undo.html", context, live="past/undo_live.html")


@acting
def draft(request: Signed, public_id: UUID) -> HttpResponse:
    """Make the exact list; nothing is taken back yet."""
    job = _job(request, public_id)
    try:
        undo.draft(job, by=request.user, now=timezone.now())
    except NotNow as exc:
        messages.info(request, str(exc))
    return _back(job)


@acting
def confirm(request: Signed, public_id: UUID) -> HttpResponse:
    """Begin with exactly the list that was shown; a second click finds it begun."""
    found = _undo(request, public_id)
    try:
        undo.confirm(found, by=_actor(request, found.job), now=timezone.now())
    except NotNow as exc:
        messages.info(request, str(exc))
    return _back(found.job)


@acting
def stop(request: Signed, public_id: UUID) -> HttpResponse:
    """Leave the rest as it is."""
    found = _undo(request, public_id)
    try:
        undo.stop(found, by=_actor(request, found.job), now=timezone.now())
    except NotNow as exc:
        messages.info(request, str(exc))
    return _back(found.job)


@acting
def export(request: Signed, public_id: UUID) -> HttpResponseBase:
    """What Klaviyo recorded for good, as a file for a spreadsheet."""
    job = find_job(request, public_id)
    if not roles.may(request.user, Capability.EXPORT_HISTORY, job.store.merchant):
        raise PermissionDenied
    now = timezone.now()
    lines = undo_export.export(job, Format.CSV, by=_actor(request, job), now=now)
    return download(lines, "recorded", now=now)


def _job(request: Signed, public_id: UUID) -> SyncJob:
    job = find_job(request, public_id)
    require(request.user, Capability.BACKFILL, job.store.merchant)
    note_visit(request, job.store.merchant_id)
    return job


def _undo(request: Signed, public_id: UUID) -> Undo:
    rows = Undo.objects.filter(job__in=fetch_pages.find_job(request.user))
    found = get_object_or_404(rows.select_related("job__store__merchant"), public_id=public_id)
    require(request.user, Capability.BACKFILL, found.job.store.merchant)
    return found


def _actor(request: Signed, job: SyncJob) -> audit.Actor:
    return audit.person(request.user, job.store.merchant)


def _back(job: SyncJob) -> HttpResponseRedirect:
    return redirect("past-undo", public_id=job.public_id)
