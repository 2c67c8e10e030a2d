"""What every template may use."""

from typing import Any

from django.http import HttpRequest


def console(request: HttpRequest) -> dict[str, Any]:
    """Nothing yet."""
    return {}
