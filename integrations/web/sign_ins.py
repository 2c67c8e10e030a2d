"""Leaving for a platform's sign-in page, and what is said where that leads to nothing."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from integrations.domain.logins import Side
from integrations.models import Authorization
from integrations.pipeline.authorizing import Begun, Refused

from . import browser_mark
from .access import Signed

# Whatever is not named here is a bad answer to a good question: 400.
STATUS = {
    "denied": HTTPStatus.OK,
    "other_browser": HTTPStatus.FORBIDDEN,
    "used": HTTPStatus.GONE,
    "expired": HTTPStatus.GONE,
    "wrong_shop": HTTPStatus.CONFLICT,
    "other_account": HTTPStatus.CONFLICT,
    "other_merchant": HTTPStatus.CONFLICT,
    "other_kind": HTTPStatus.CONFLICT,
    "no_account": HTTPStatus.CONFLICT,
    "feeds_another": HTTPStatus.CONFLICT,
    "missing_scopes": HTTPStatus.CONFLICT,
    "not_configured": HTTPStatus.SERVICE_UNAVAILABLE,
    "platform_down": HTTPStatus.BAD_GATEWAY,
    "not_let_in": HTTPStatus.BAD_GATEWAY,
    "code_refused": HTTPStatus.BAD_GATEWAY,
}
NAMES = {Side.SHOPIFY: "Shopify", Side.KLAVIYO: "Klaviyo"}


def leave(request: Signed, side: Side, begin: Callable[[str], Begun], *, back: str) -> HttpResponse:
    """Send the browser to a sign-in page; `begin` gets the browser's mark.

    A page in between, and no redirect: the policy of our pages lets a form lead nowhere else.
    """
    mark = browser_mark.of(request)
    try:
        begun = begin(mark)
    except Refused as exc:
        return refuse(request, exc, back=back, switch_url=request.path)
    context = {"url": begun.url, "name": NAMES[side]}
    response = render(request, "leaving.html", context)
    response["Refresh"] = f"0;url={begun.url}"
    return browser_mark.put(response, mark, request)


def refuse(
    request: HttpRequest,
    refused: Refused,
    *,
    back: str = "",
    switch_url: str = "",
    by_key: bool = False,
) -> HttpResponse:
    """A page that says what happened and what to do."""
    context = {
        "refused": refused,
        "back": back or _back(refused.authorization),
        "switch_url": switch_url or _switch(refused.authorization),
        # A key that was pasted is gone by now, and has to be pasted once more.
        "switch_by_key": by_key,
    }
    status = STATUS.get(refused.code, HTTPStatus.BAD_REQUEST)
    return render(request, "refused.html", context, status=status)


def _switch(authorization: Authorization | None) -> str:
    """Where to say that the way an account is connected may change."""
    if authorization is None:
        return ""
    if authorization.reconnection is not None:
        return reverse("reconnect-sign-in", args=[authorization.reconnection.public_id])
    return reverse("connect-klaviyo", args=[authorization.merchant.public_id])


def _back(authorization: Authorization | None) -> str:
    """Where to begin again."""
    if authorization is None:
        return reverse("connect")
    if authorization.reconnection is not None:
        return reverse("reconnect", args=[authorization.reconnection.public_id])
    return reverse("merchant-connect", args=[authorization.merchant.public_id])
