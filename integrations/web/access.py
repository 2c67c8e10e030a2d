"""Who may open a page, and how a page and its live part are answered."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations.domain.permissions import Capability
from integrations.models import Merchant, Store, SyncJob, User
from integrations.pipeline import audit, fetch_pages, roles

P = ParamSpec("P")
VISITS = "visits"
# Staff who keep a merchant's pages open leave one entry in this time.
A_VISIT = timedelta(hours=1)


class Signed(HttpRequest):
    """A request whose user has signed in."""

    user: User


def signed_in(
    view: Callable[Concatenate[Signed, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """A page to be read by people who have signed in, never kept by a browser or a proxy."""

    @wraps(view)
    def checked(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(request, *args, **kwargs)

    return require_safe(never_cache(login_required(checked)))


def asking(
    view: Callable[Concatenate[Signed, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """A page with a form, such as a confirm page: read first, then posted to its own address."""

    @wraps(view)
    def checked(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(request, *args, **kwargs)

    methods = require_http_methods(["GET", "HEAD", "POST"])
    return methods(never_cache(login_required(checked)))


def acting(
    view: Callable[Concatenate[Signed, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """An address that only takes posts, of people who have signed in."""

    @wraps(view)
    def checked(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            # Without the way back: there is nothing to read at an address that only takes posts.
            return redirect("sign-in")
        return view(request, *args, **kwargs)

    return require_POST(never_cache(checked))


def require(user: User, capability: Capability, merchant: Merchant | None = None) -> None:
    """Stop with a 403 page unless a person may do this to a merchant.

    Find the merchant's row through `visible_to(user)` first, so that a stranger reads 404.
    """
    if not roles.may(user, capability, merchant):
        raise PermissionDenied


def note_visit(request: Signed, merchant: int) -> None:
    """Let a merchant's history say that staff opened its pages: once a session and hour.

    Called by every page of one merchant's rows; `merchant` is the key of that merchant.
    """
    if not request.user.is_staff:
        return
    now = timezone.now()
    visits: dict[str, str] = request.session.get(VISITS, {})
    recent = {key: at for key, at in visits.items() if now - datetime.fromisoformat(at) < A_VISIT}
    if str(merchant) in recent:
        return
    request.session[VISITS] = recent | {str(merchant): now.isoformat()}
    found = Merchant.objects.get(pk=merchant)
    audit.record("support.viewed", found, by=audit.person(request.user, found), now=now)


def answer(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, live: str = ""
) -> HttpResponse:
    """A whole page, or only its live part when that is what the browser asked for."""
    only_live = live and request.headers.get("HX-Request")
    banners = {} if only_live else banners_of(context)
    response = render(request, live if only_live else template, {**context, **banners})
    response["Vary"] = "Cookie, HX-Request"
    return response


def banners_of(context: Mapping[str, Any]) -> dict[str, Any]:
    """What every page of a shop says while its past is fetched, but for the pages of that fetch."""
    store = next((context[key] for key in ("store", "target") if key in context), None)
    if not isinstance(store, Store):
        return {}
    own = context.get("job")
    but = str(own.public_id) if isinstance(own, SyncJob) else ""
    found = [one for one in fetch_pages.banners(store) if str(one.job.public_id) != but]
    return {"banners": found, "banner_store": store, "banner_but": but}
