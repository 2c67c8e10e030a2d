"""What is wrong now, what was, and who takes care of it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain.alerting import RULES
from integrations.domain.permissions import Capability
from integrations.models import Alert, Merchant
from integrations.pipeline import alert_pages, audit, health, roles
from integrations.pipeline import alerts as pipeline

from .access import Signed, acting, answer, note_visit, require, signed_in


@signed_in
def alerts(request: Signed) -> HttpResponse:
    """What is wrong now, the worst first; and what is over."""
    over = request.GET.get("state") == "over"
    after = request.GET.get("after", "")
    now = timezone.now()
    context = {
        "over": over,
        "page": alert_pages.page(request.user, over=over, after=after),
        "paged": bool(after),
        "several": request.user.is_staff or Merchant.objects.visible_to(request.user).count() > 1,
        "looked_at": health.seen_at(pipeline.WATCHER),
        "is_blind": alert_pages.is_blind(now=now),
        "now": now,
    }
    return answer(request, "alerts/list.html", context, live="alerts/list_live.html")


@signed_in
def alert(request: Signed, public_id: UUID) -> HttpResponse:
    """One alert: what it is, what is done by itself, who was told."""
    found = _find(request, public_id)
    context = {
        "alert": found,
        "rule": RULES.get(found.rule),
        "tellings": found.tellings.select_related("channel").order_by("made_at", "pk")[:100],
        "may_take": roles.may(request.user, Capability.TAKE_ALERTS, found.merchant),
        "now": timezone.now(),
    }
    return answer(request, "alerts/alert.html", context)


@acting
def take(request: Signed, public_id: UUID) -> HttpResponse:
    """Say that somebody takes care of it."""
    found = _find(request, public_id)
    require(request.user, Capability.TAKE_ALERTS, found.merchant)
    by = audit.person(request.user, found.merchant)
    try:
        pipeline.take(found, request.user, by=by, now=timezone.now())
    except pipeline.Refused as exc:
        messages.info(request, str(exc))
    else:
        messages.success(request, "You take care of it. Nobody is told once more.")
    return redirect("alert", public_id=public_id)


def _find(request: Signed, public_id: UUID) -> Alert:
    rows = Alert.objects.visible_to(request.user).told()
    found = get_object_or_404(
        rows.select_related("merchant", "store", "klaviyo_account", "taken_by"),
        public_id=public_id,
    )
    if found.merchant_id is not None:
        note_visit(request, found.merchant_id)
    return found
