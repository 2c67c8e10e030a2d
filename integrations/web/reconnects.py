"""The soft reconnect, step by step. Anybody who may can take it up where it was left."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone

from integrations.domain.logins import Side
from integrations.domain.permissions import Capability
from integrations.domain.reconnecting import Step
from integrations.models import Merchant, Reconnection, Store
from integrations.pipeline import authorizing, reconnect_pages, reconnecting
from integrations.pipeline.reconnecting import NotNow

from .access import Signed, acting, answer, asking, note_visit, require, signed_in
from .connections import Target, find_account, find_store, words_of
from .sign_ins import leave, refuse

BEHIND = (
    "This step is behind you already, or it is not due yet. Here is where the reconnect stands."
)


@asking
def start_store(request: Signed, public_id: UUID) -> HttpResponse:
    """What to know before a shop is reconnected."""
    return _start(request, find_store(request, public_id))


@asking
def start_account(request: Signed, public_id: UUID) -> HttpResponse:
    """What to know before an account is reconnected."""
    return _start(request, find_account(request, public_id))


@signed_in
def reconnect(request: Signed, public_id: UUID) -> HttpResponse:
    """Where a reconnect stands, and the one thing to do next."""
    return _show(request, _find(request, public_id))


@acting
def let_go(request: Signed, public_id: UUID) -> HttpResponse:
    """Give the old login back."""
    found = _find(request, public_id)
    try:
        reconnecting.let_go(found, by=request.user, now=timezone.now())
    except NotNow:
        messages.info(request, BEHIND)
    return _back(found)


@acting
def sign_in(request: Signed, public_id: UUID) -> HttpResponse:
    """Leave for the platform's sign-in page."""
    return _leave(request, _find(request, public_id))


@acting
def enter_key(request: Signed, public_id: UUID) -> HttpResponse:
    """Take a new private key of Klaviyo instead."""
    found = _find(request, public_id)
    try:
        reconnecting.enter_key(
            found,
            key=request.POST.get("key", "")[:300],
            by=request.user,
            now=timezone.now(),
            switch_kind=_switch(request),
        )
    except NotNow:
        messages.info(request, BEHIND)
        return _back(found)
    except authorizing.Refused as exc:
        if exc.code == "key_refused":
            return _show(request, found, key_error=exc, status=400)
        again = reverse("reconnect-key", args=[found.public_id])
        return refuse(request, exc, back=_back(found).url, switch_url=again, by_key=True)
    reconnecting.carry_on(found, by=request.user, now=timezone.now())
    return _back(found)


@acting
def carry_on(request: Signed, public_id: UUID) -> HttpResponse:
    """Try again whatever did not work."""
    found = _find(request, public_id)
    reconnecting.carry_on(found, by=request.user, now=timezone.now())
    return _back(found)


@acting
def catch_up(request: Signed, public_id: UUID) -> HttpResponse:
    """Ask for the missed hours to be fetched."""
    found = _find(request, public_id)
    reconnecting.catch_up(found, by=request.user, now=timezone.now())
    return _back(found)


@asking
def give_up(request: Signed, public_id: UUID) -> HttpResponse:
    """Ask once more, then end a reconnect without a new login."""
    found = _find(request, public_id)
    if request.method == "POST":
        try:
            reconnecting.give_up(found, by=request.user, now=timezone.now())
        except NotNow:
            messages.info(request, BEHIND)
        return _back(found)
    return answer(request, "reconnect_give_up.html", _context(request, found))


def _start(request: Signed, target: Target) -> HttpResponse:
    require(request.user, Capability.RECONNECT, target.merchant)
    if request.method == "POST":
        found = reconnecting.begin(target, by=request.user, now=timezone.now())
        # Where nothing has to be let go, the next step is to sign in: that is the second click.
        # With a key there is a choice to make first.
        ready = reconnecting.step_of(found, now=timezone.now()) is Step.SIGN_IN
        if ready and _configured(target) and not reconnect_pages.has_key(target):
            return _leave(request, found)
        return _back(found)
    under_way = reconnecting.open_of(target)
    if under_way is not None:
        return _back(under_way)
    context = words_of(target) | {
        "page": reconnect_pages.start_page(target),
        "rest": settings.RECONNECT_REST_SECONDS,
        "configured": _configured(target),
    }
    return answer(request, "reconnect_start.html", context)


def _show(
    request: Signed,
    found: Reconnection,
    *,
    key_error: authorizing.Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    context = _context(request, found) | {"key_error": key_error}
    response = answer(request, "reconnect.html", context, live="reconnect_live.html")
    response.status_code = status
    return response


def _context(request: Signed, found: Reconnection) -> dict[str, object]:
    target = reconnecting.target_of(found)
    return words_of(target) | {
        "reconnection": found,
        "page": reconnect_pages.wizard_page(found, now=timezone.now()),
        "configured": _configured(target),
        "mine": found.begun_by_id == request.user.pk,
    }


def _configured(target: Target) -> bool:
    """Whether this console has an app at the platform to sign in to."""
    if isinstance(target, Store):
        return bool(settings.SHOPIFY_CLIENT_ID and settings.SHOPIFY_APP_SECRETS)
    return bool(settings.KLAVIYO_CLIENT_ID and settings.KLAVIYO_CLIENT_SECRET)


def _leave(request: Signed, found: Reconnection) -> HttpResponse:
    target = reconnecting.target_of(found)
    try:
        return leave(
            request,
            Side.SHOPIFY if isinstance(target, Store) else Side.KLAVIYO,
            lambda mark: reconnecting.sign_in(
                found,
                by=request.user,
                browser=mark,
                now=timezone.now(),
                switch_kind=_switch(request),
            ),
            back=_back(found).url,
        )
    except NotNow:
        messages.info(request, BEHIND)
        return _back(found)


def _switch(request: Signed) -> bool:
    """Whether somebody said that the way an account is connected may change."""
    return request.POST.get("switch") == "yes"


def _find(request: Signed, public_id: UUID) -> Reconnection:
    """A reconnect this person may take part in: hidden from strangers, refused to onlookers."""
    rows = Reconnection.objects.select_related(
        "store__merchant", "klaviyo_account__merchant", "begun_by"
    )
    found = get_object_or_404(rows, public_id=public_id)
    target = reconnecting.target_of(found)
    visible = Merchant.objects.visible_to(request.user).filter(pk=target.merchant_id)
    get_object_or_404(visible)
    require(request.user, Capability.RECONNECT, target.merchant)
    note_visit(request, target.merchant_id)
    return found


def _back(found: Reconnection) -> HttpResponseRedirect:
    return redirect("reconnect", public_id=found.public_id)
