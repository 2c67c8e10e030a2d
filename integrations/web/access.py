"""Who may open a page, and how a page and its live part are answered."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integrations.models import User

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


def answer(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, live: str = ""
) -> HttpResponse:
    """A whole page, or only its live part when that is what the browser asked for."""
    only_live = live and request.headers.get("HX-Request")
    response = render(request, live if only_live else template, dict(context))
    response["Vary"] = "Cookie, HX-Request"
    return response
