"""What every page needs on its way in or out."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url


class SessionEnded:
    """Send a live part of a page to the sign-in page, instead of putting that page inside it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Turn a redirect to the sign-in page into one of the whole window."""
        response = self.get_response(request)
        sign_in = resolve_url(settings.LOGIN_URL)
        if request.headers.get("HX-Request") and response.get("Location", "").startswith(sign_in):
            gone = HttpResponse(status=200)
            gone["HX-Redirect"] = sign_in
            return gone
        return response
