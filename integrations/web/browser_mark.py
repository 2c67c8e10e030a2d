"""A mark on the browser a sign-in begins in, so that it can only be finished there."""

import secrets

from django.http import HttpRequest, HttpResponse

NAME = "sign_in_browser"
LONGEST = 100
GOOD_FOR = 3600


def of(request: HttpRequest) -> str:
    """The browser's mark; a new one where it has none yet."""
    known = request.COOKIES.get(NAME, "")
    return known if 0 < len(known) <= LONGEST else secrets.token_urlsafe(32)


def put(response: HttpResponse, mark: str, request: HttpRequest) -> HttpResponse:
    """Leave the mark on the browser."""
    response.set_cookie(
        NAME,
        mark,
        max_age=GOOD_FOR,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )
    return response
