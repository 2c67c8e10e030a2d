"""The page of one login: a shop's or a Klaviyo account's, and what can be done with it."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone

from integrations.domain.pathtests import is_running
from integrations.domain.permissions import Capability
from integrations.models import KlaviyoAccount, PathTest, Store
from integrations.pipeline import (
    audit,
    catching_up,
    connection_pages,
    logins,
    path_tests,
    reconnecting,
    roles,
    subscriptions,
)

from .access import Signed, acting, answer, asking, note_visit, require, signed_in

Target = Store | KlaviyoAccount
Find = Callable[[Signed, UUID], Target]


def find_store(request: Signed, public_id: UUID) -> Store:
    """A shop this person may see, or 404."""
    rows = Store.objects.visible_to(request.user).select_related("merchant", "klaviyo_account")
    found = get_object_or_404(rows, public_id=public_id)
    note_visit(request, found.merchant_id)
    return found


def find_account(request: Signed, public_id: UUID) -> KlaviyoAccount:
    """An account this person may see, or 404."""
    rows = KlaviyoAccount.objects.visible_to(request.user).select_related("merchant")
    found = get_object_or_404(rows, public_id=public_id)
    note_visit(request, found.merchant_id)
    return found


def words_of(target: Target) -> dict[str, object]:
    """What templates need to name a shop or an account and to lead to its pages."""
    of_shop = isinstance(target, Store)
    kind = "store" if of_shop else "account"
    zone = target.time_zone if isinstance(target, Store) else target.merchant.time_zone
    return {
        "target": target,
        "of_shop": of_shop,
        "kind": kind,
        "zone": zone,
        "platform": "Shopify" if of_shop else "Klaviyo",
        "thing": "shop" if of_shop else "Klaviyo account",
        "home_url": reverse(kind, args=[target.public_id]),
        "connection_url": reverse(f"{kind}-connection", args=[target.public_id]),
        "reconnect_url": reverse(f"{kind}-reconnect", args=[target.public_id]),
        "disconnect_url": reverse(f"{kind}-disconnect", args=[target.public_id]),
        "check_url": reverse(f"{kind}-check", args=[target.public_id]),
    }


@signed_in
def of_store(request: Signed, public_id: UUID) -> HttpResponse:
    """The login of a shop, and what the shop sends us."""
    return _page(request, find_store(request, public_id))


@signed_in
def of_account(request: Signed, public_id: UUID) -> HttpResponse:
    """The login of a Klaviyo account."""
    return _page(request, find_account(request, public_id))


@acting
def check_store(request: Signed, public_id: UUID) -> HttpResponse:
    """Try the login of a shop now, and look at what the shop sends."""
    store = find_store(request, public_id)
    if _check(request, store):
        subscriptions.look(store, now=timezone.now())
    return redirect("store-connection", public_id=public_id)


@acting
def check_account(request: Signed, public_id: UUID) -> HttpResponse:
    """Try the login of an account now."""
    _check(request, find_account(request, public_id))
    return redirect("account-connection", public_id=public_id)


@asking
def disconnect_store(request: Signed, public_id: UUID) -> HttpResponse:
    """Ask once more, then let a shop's login go."""
    return _disconnect(request, find_store(request, public_id))


@asking
def disconnect_account(request: Signed, public_id: UUID) -> HttpResponse:
    """Ask once more, then let an account's login go."""
    return _disconnect(request, find_account(request, public_id))


@acting
def send_test(request: Signed, public_id: UUID) -> HttpResponse:
    """Send a message of our own all the way."""
    store = find_store(request, public_id)
    require(request.user, Capability.SEND_TEST, store.merchant)
    test = path_tests.send(store, by=request.user, clock=timezone.now)
    return redirect("path-test", public_id=test.public_id)


@acting
def catch_up(request: Signed, public_id: UUID) -> HttpResponse:
    """Have the hours fetched in which messages of a shop were missed."""
    store = find_store(request, public_id)
    require(request.user, Capability.BACKFILL, store.merchant)
    catching_up.ask_for_all(store, by=request.user, now=timezone.now())
    return redirect("store-connection", public_id=public_id)


@signed_in
def path_test(request: Signed, public_id: UUID) -> HttpResponse:
    """What a test has shown, part by part."""
    test = get_object_or_404(
        PathTest.objects.select_related("store__klaviyo_account", "store__merchant", "asked_by"),
        public_id=public_id,
        store__in=Store.objects.visible_to(request.user),
    )
    note_visit(request, test.store.merchant_id)
    parts = path_tests.parts(test, now=timezone.now())
    context = {
        "test": test,
        "store": test.store,
        "zone": test.store.time_zone,
        "parts": parts,
        "running": is_running(parts),
        "all_well": all(part.mark == "ok" for part in parts),
        "event": path_tests.event_of(test),
    }
    return answer(request, "path_test.html", context, live="path_test_live.html")


def _page(request: Signed, target: Target) -> HttpResponse:
    context = words_of(target) | {
        "page": connection_pages.connection_page(target),
        "may_reconnect": roles.may(request.user, Capability.RECONNECT, target.merchant),
        "may_disconnect": roles.may(request.user, Capability.DISCONNECT, target.merchant),
        "may_fetch": roles.may(request.user, Capability.BACKFILL, target.merchant),
        "may_test": roles.may(request.user, Capability.SEND_TEST, target.merchant),
    }
    return answer(request, "connection.html", context)


def _check(request: Signed, target: Target) -> bool:
    require(request.user, Capability.RECONNECT, target.merchant)
    login = reconnecting.login_of(target)
    works = login is not None and logins.check(login, now=timezone.now(), asked=True)
    if works:
        messages.success(request, "We asked just now. The login works.")
    else:
        messages.warning(request, "We asked just now. The login does not work.")
    return works


def _disconnect(request: Signed, target: Target) -> HttpResponse:
    require(request.user, Capability.DISCONNECT, target.merchant)
    login = reconnecting.login_of(target)
    if request.method == "POST":
        if login is not None and login.failure_code != "disconnected":
            actor = audit.person(request.user, target.merchant)
            logins.disconnect(login, by=actor, now=timezone.now(), reason="Asked for on the page.")
            messages.success(request, f"{target.name} is disconnected.")
        return redirect(str(words_of(target)["connection_url"]))
    context = words_of(target) | {"login": login}
    return answer(request, "disconnect.html", context)
