"""Who may open a page, and how a page and its live part are answered."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations.domain.permissions import Capability
from integrations.models import Merchant, User
from integrations.pipeline import roles

P = ParamSpec("P")


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
    view: Callable[Concatenate[Signed, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """An address that only takes posts, of people who have signed in."""

    @wraps(view)
    def checked(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
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


def answer(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, live: str = ""
) -> HttpResponse:
    """A whole page, or only its live part when that is what the browser asked for."""
    only_live = live and request.headers.get("HX-Request")
    response = render(request, live if only_live else template, dict(context))
    response["Vary"] = "Cookie, HX-Request"
    return response
