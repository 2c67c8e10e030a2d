"""Sending failed records again: what would happen, what became of it, and its lists."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from integrations.domain import parameters
from integrations.domain.replay_words import MEANWHILE, STATES
from integrations.domain.replays import ReplayState
from integrations.models import Cause, Merchant, Replay
from integrations.pipeline import replay_forecasts, replay_lists, replay_pages

from .access import Signed, answer, note_visit, signed_in
from .replay_forms import SettingsForm


@signed_in
def replays(request: Signed) -> HttpResponse:
    """Everything that was sent again, newest first."""
    state = request.GET.get("state", "")
    state = state if state in set(ReplayState) else ""
    merchant = parameters.identifier(request.GET.get("merchant", ""))
    after = request.GET.get("after", "")
    page = replay_lists.everything(request.user, state=state, merchant=merchant, after=after)
    merchants = Merchant.objects.visible_to(request.user).order_by("name", "id")[:200]
    context = {
        "page": page,
        "rows": replay_pages.told(page.rows),
        "state": state,
        "states": [(one.value, label) for one, (_, label) in STATES.items()],
        "merchant": merchant,
        "merchants": merchants if len(merchants) > 1 else [],
        "paged": bool(after),
        "now": timezone.now(),
    }
    return answer(request, "replays/list.html", context)


@signed_in
def replay(request: Signed, public_id: UUID) -> HttpResponse:
    """One of them: what would happen before it begins, what became of it from then on."""
    found = find_replay(request, public_id)
    note_visit(request, found.merchant_id)
    return show(request, found)


@signed_in
def records(request: Signed, public_id: UUID) -> HttpResponse:
    """The records behind a figure."""
    found = find_replay(request, public_id)
    note_visit(request, found.merchant_id)
    part = request.GET.get("part", "")
    offered = replay_lists.parts_of(found)
    part = part if part in [*offered, MEANWHILE] else ""
    after, cause = request.GET.get("after", ""), parameters.key(request.GET.get("cause", ""))
    if cause and not Cause.objects.filter(pk=cause, merchant=found.merchant_id).exists():
        cause = None
    context = {
        "replay": found,
        "part": part,
        "label": replay_lists.label_of(part),
        "parts": [("", "All"), *((one, replay_lists.label_of(one)) for one in offered)],
        "cause": Cause.objects.filter(pk=cause).first() if cause else None,
        "page": replay_lists.records(found, part, cause=cause, after=after),
        "paged": bool(after),
        "now": timezone.now(),
    }
    return answer(request, "replays/records.html", context)


def show(
    request: Signed,
    found: Replay,
    *,
    form: SettingsForm | None = None,
    wrong_number: str = "",
    typed: str = "",
) -> HttpResponse:
    """The page of a replay, with what a form of it was sent in vain."""
    now = timezone.now()
    context = {"replay": found, "now": now, "zone": found.merchant.time_zone}
    if found.state not in replay_lists.PLANNED:
        page = replay_pages.result(found, request.user, now=now)
        live = "replays/result_live.html"
        return answer(request, "replays/result.html", {**context, "page": page}, live=live)
    plan, seen = replay_pages.plan(found, request.user), replay_forecasts.read(found)
    context |= {
        "page": plan,
        "form": form or SettingsForm(replay=found, tune=plan.may.tune),
        "wrong_number": wrong_number,
        "typed": typed,
        "opened": form is not None,
        "seen": seen,
        "could_message": seen.could_message(silent=found.silent),
        "chosen_by": replay_pages.chosen_by(found),
    }
    response = answer(request, "replays/plan.html", context, live="replays/plan_live.html")
    if form is not None or wrong_number:
        response.status_code = 400
    return response


def find_replay(request: Signed, public_id: UUID) -> Replay:
    """A replay this person may see, or 404."""
    rows = Replay.objects.visible_to(request.user)
    return get_object_or_404(
        rows.select_related("merchant", "asked_by", "approved_by"), public_id=public_id
    )
