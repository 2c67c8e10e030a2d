"""What people do about sending again: choose, begin, agree, pause, go on, stop."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.utils import timezone
from django.utils.http import urlencode

from integrations.domain import parameters
from integrations.domain.permissions import Capability
from integrations.domain.replays import ReplayState
from integrations.models import Merchant, Replay
from integrations.pipeline import audit, replay_choices, replay_pages, replays
from integrations.pipeline.failed_lists import FailedFilter
from integrations.pipeline.replays import Refused

from .access import Signed, acting, answer, asking, note_visit, require
from .replay_forms import SettingsForm, number_in
from .replays import find_replay, show

NONE_CHOSEN = "No record that waits for a decision was chosen."
SEVERAL = (
    "These records belong to several businesses. Narrow the list to one shop or one reason first."
)


@acting
def new(request: Signed) -> HttpResponse:
    """Write down which records are meant; the page that follows says what would happen.

    With `at_once` what is known to be safe begins right away: the button has said how many.
    """
    wanted, ids = FailedFilter.from_query(request.POST), _ids(request)
    form = parameters.identifier(request.POST.get("key", ""))
    key = replay_choices.key_of(form, wanted, ids) if form else None
    if key and (known := Replay.objects.visible_to(request.user).filter(key=key).first()):
        return _back(known)
    merchants = (
        replay_choices.merchants_of(request.user, ids)
        if ids
        else replay_choices.merchants_behind(request.user, wanted)
    )
    if key is None or not (ids or request.POST.get("all")) or len(merchants) != 1:
        messages.error(request, SEVERAL if len(merchants) > 1 else NONE_CHOSEN)
        return _to_list(wanted)
    merchant = get_object_or_404(Merchant, pk=merchants[0])
    require(request.user, Capability.SEND_AGAIN, merchant)
    note_visit(request, merchant.pk)
    choice = replay_choices.Choice(
        user=request.user,
        merchant=merchant,
        by=audit.person(request.user, merchant),
        key=key,
        now=timezone.now(),
    )
    try:
        found = replay_choices.choose(choice, wanted, ids)
        if request.POST.get("at_once"):
            replay_choices.begin_if_safe(choice, found)
    except Refused as exc:
        messages.info(request, str(exc))
        return _to_list(wanted)
    if not found.total:
        messages.info(request, NONE_CHOSEN)
        return _to_list(wanted)
    return _back(found)


@acting
def settings(request: Signed, public_id: UUID) -> HttpResponse:
    """Keep how it is to go out."""
    found = _replay(request, public_id)
    form = SettingsForm(request.POST, replay=found, tune=request.user.is_staff)
    if not form.is_valid():
        return show(request, found, form=form)
    wanted = form.wanted()
    if not wanted["silent"]:
        require(request.user, Capability.REPLAY_LOUD, found.merchant)
    try:
        replays.settings(found, **wanted, by=_actor(request, found), now=timezone.now())
    except Refused as exc:
        messages.info(request, str(exc))
    else:
        messages.success(request, "Kept.")
    return _back(found)


@acting
def keep_safe(request: Signed, public_id: UUID) -> HttpResponse:
    """Leave out of a plan whatever would fail, count twice or has no content."""
    found = _replay(request, public_id)
    replay_choices.keep_safe(found)
    return _back(found)


@acting
def start(request: Signed, public_id: UUID) -> HttpResponse:
    """Begin, or ask for the second person; a second click finds it begun."""
    found = _replay(request, public_id)
    if found.state != ReplayState.DRAFT:
        return _back(found)
    typed = request.POST.get("confirmed", "")
    confirmed = number_in(typed)
    plan = replay_pages.plan(found, request.user)
    if confirmed is None or (plan.typed and confirmed != plan.waiting):
        words = f"To confirm, type the number of records: {plan.waiting:,}."
        return show(request, found, wrong_number=words, typed=typed[:20])
    if not found.silent:
        require(request.user, Capability.REPLAY_LOUD, found.merchant)
    return _try(
        request,
        found,
        lambda: replays.start(
            found,
            confirmed=confirmed,
            by=_actor(request, found),
            user=request.user,
            now=timezone.now(),
        ),
    )


@acting
def agree(request: Signed, public_id: UUID) -> HttpResponse:
    """Agree as the second person; it begins."""
    found = _replay(request, public_id)
    require(request.user, Capability.APPROVE_REPLAY, found.merchant)
    by = _actor(request, found)
    return _try(
        request, found, lambda: replays.approve(found, request.user, by=by, now=timezone.now())
    )


@acting
def decline(request: Signed, public_id: UUID) -> HttpResponse:
    """Say no as the second person, or take the request back; nothing is sent."""
    found = _replay(request, public_id)
    by = _actor(request, found)
    return _try(request, found, lambda: replays.cancel(found, by=by, now=timezone.now()))


@acting
def pause(request: Signed, public_id: UUID) -> HttpResponse:
    """Let nothing more go until somebody lets it go on."""
    found = _replay(request, public_id)
    by = _actor(request, found)
    return _try(request, found, lambda: replays.pause(found, by=by, now=timezone.now()))


@acting
def go_on(request: Signed, public_id: UUID) -> HttpResponse:
    """Go on where it was paused, or stopped by itself."""
    found = _replay(request, public_id)
    by = _actor(request, found)
    return _try(request, found, lambda: replays.go_on(found, by=by, now=timezone.now()))


@asking
def stop(request: Signed, public_id: UUID) -> HttpResponse:
    """Say what stays and what goes back to the list, then stop."""
    found = _replay(request, public_id)
    now = timezone.now()
    if request.method != "POST":
        page = replay_pages.result(found, request.user, now=now)
        return answer(request, "replays/stop.html", {"replay": found, "page": page, "now": now})
    by = _actor(request, found)
    return _try(request, found, lambda: replays.cancel(found, by=by, now=now))


def _try(request: Signed, found: Replay, act: "replay_choices.Act") -> HttpResponseRedirect:
    """Do one thing; what is refused is said on the page it leads back to."""
    try:
        act()
    except Refused as exc:
        messages.info(request, str(exc))
    return _back(found)


def _replay(request: Signed, public_id: UUID) -> Replay:
    """A replay this person may act on: hidden from strangers, refused to onlookers."""
    found = find_replay(request, public_id)
    require(request.user, Capability.SEND_AGAIN, found.merchant)
    note_visit(request, found.merchant_id)
    return found


def _ids(request: Signed) -> list[UUID]:
    if request.POST.get("all"):
        return []
    named = (parameters.identifier(one) for one in request.POST.getlist("ids"))
    return [one for one in named if one]


def _actor(request: Signed, found: Replay) -> audit.Actor:
    return audit.person(request.user, found.merchant)


def _back(found: Replay) -> HttpResponseRedirect:
    return redirect("replay", public_id=found.public_id)


def _to_list(wanted: FailedFilter) -> HttpResponseRedirect:
    query = urlencode(wanted.to_query())
    return HttpResponseRedirect(resolve_url("failed-records") + (f"?{query}" if query else ""))
