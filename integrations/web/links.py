"""Addresses that leave the console in e-mails."""

from django.conf import settings
from django.http import HttpRequest


def absolute(request: HttpRequest, path: str) -> str:
    """A path as people outside reach it.

    By the address in the settings: the one a request names is the word of whoever sent it.
    """
    base = settings.PUBLIC_URL
    return f"{base}{path}" if base else request.build_absolute_uri(path)
