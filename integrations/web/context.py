"""What every template may use."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from . import second_step

TIMES_COOKIE = "times"
EXACT = "exact"


def console(request: HttpRequest) -> dict[str, Any]:
    """The moment the page is for, and how its reader wants times to be written."""
    user = getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    return {
        # Whether pages open: somebody is signed in, second step included.
        "inside": known and not second_step.is_missing(request),
        "now": timezone.now(),
        "exact_times": request.COOKIES.get(TIMES_COOKIE) == EXACT,
        "section": getattr(request.resolver_match, "url_name", ""),
    }
