"""What django-axes asks: who is trying, from where, and what they read once they are locked out."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from integrations.pipeline import sessions


def username(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """The address that is being tried, as it is counted."""
    typed = (credentials or {}).get("username") or request.POST.get("username") or ""
    return sessions.key_of(str(typed))


def client_address(request: HttpRequest) -> str | None:
    """The network address of whoever asks.

    Each proxy in front of us adds the address it was asked from at the end of X-Forwarded-For;
    whatever stands further left was written by the client and is worth nothing.
    """
    found = request.META.get("REMOTE_ADDR", "")
    if settings.PROXIES_IN_FRONT:
        hops = [one.strip() for one in request.headers.get("X-Forwarded-For", "").split(",")]
        found = hops[-settings.PROXIES_IN_FRONT :][0] or found
    try:
        return str(ip_address(found))
    except ValueError:
        return None  # a socket without an address: then only the e-mail address counts


def locked_out(
    request: HttpRequest, response: HttpResponse, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """The page after too many wrong passwords."""
    wait = settings.AXES_COOLOFF_TIME
    minutes = int(wait.total_seconds() // 60)
    page = render(request, "locked_out.html", {"minutes": minutes}, status=429)
    page["Retry-After"] = str(int(wait.total_seconds()))
    page["Cache-Control"] = "no-store"
    return page
