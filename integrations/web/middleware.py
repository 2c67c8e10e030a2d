"""What every page needs on its way in or out."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from . import second_step


class SessionEnded:
    """Send a live part of a page to the sign-in page, instead of putting that page inside it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Turn a redirect to the sign-in page into one of the whole window."""
        response = self.get_response(request)
        target = response.get("Location", "")
        if request.headers.get("HX-Request") and target.startswith(resolve_url(settings.LOGIN_URL)):
            gone = HttpResponse(status=200)
            # A live part is asked for at its page's own address, so `next` leads back to the page.
            gone["HX-Redirect"] = target
            return gone
        return response


class SecondStep:
    """Keep every page closed to people who have given their password but not their code.

    Closed are pages of the console and of the administration alike; a new page need not ask.
    """

    # What somebody needs on the way in or out, and what people do not open at all.
    OPEN = frozenset(
        {
            "healthz",
            "readyz",
            "metrics",
            "shopify-compliance",
            "shopify-webhook",
            "sign-in",
            "sign-out",
            "second-step",
            "second-step-set-up",
            "second-step-picture",
            "times",
        }
    )

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on; the address is not known yet."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """Lead to the second step, and from there back."""
        found = request.resolver_match
        if found and not found.namespaces and found.url_name in self.OPEN:
            return None
        if not second_step.is_missing(request):
            return None
        back = request.get_full_path() if request.method == "GET" else resolve_url("home")
        return redirect_to_login(back, resolve_url("second-step"))
