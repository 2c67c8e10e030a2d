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
        target = response.get("Location", "")
        if request.headers.get("HX-Request") and target.startswith(resolve_url(settings.LOGIN_URL)):
            gone = HttpResponse(status=200)
            # A live part is asked for at its page's own address, so `next` leads back to the page.
            gone["HX-Redirect"] = target
            return gone
        return response
