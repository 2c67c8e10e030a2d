"""What every template may use."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

TIMES_COOKIE = "times"
EXACT = "exact"


def console(request: HttpRequest) -> dict[str, Any]:
    """The moment the page is for, and how its reader wants times to be written."""
    return {
        "now": timezone.now(),
        "exact_times": request.COOKIES.get(TIMES_COOKIE) == EXACT,
        "section": getattr(request.resolver_match, "url_name", ""),
    }
