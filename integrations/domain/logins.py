"""What an answer says about the login it was given to, decided from plain facts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from .failures import Failure, FailureKind

# A token is renewed this long before it ends, as Shopify's own clients do.
AHEAD = timedelta(seconds=60)
# A token that was renewed this recently and is refused all the same is not helped by another.
JUST_RENEWED = timedelta(seconds=60)


class LoginState(StrEnum):
    """Whether a login works, and if not, what it needs."""

    ACTIVE = "active"
    NEEDS_RECONNECT = "needs_reconnect"
    MISSING_SCOPES = "missing_scopes"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    UNREADABLE = "unreadable"


class Side(StrEnum):
    """Whose login it is."""

    SHOPIFY = "shopify"
    KLAVIYO = "klaviyo"


LOST_KEY = "lost_key"
# A refresh token with one of these against it is dead.
FINAL = frozenset({"invalid_grant", "invalid_request"})
MISSING_SCOPES = "missing_scopes"
UNINSTALLED = "app/uninstalled"
DISCONNECTED = "disconnected"

# The words of both token endpoints that are the platform's last. Shopify says some of them in the
# title of a page. `invalid_client` can also mean that our own settings are wrong.
_RENEWAL: Mapping[str, LoginState] = {
    "invalid_grant": LoginState.NEEDS_RECONNECT,
    "invalid_client": LoginState.NEEDS_RECONNECT,
    "invalid_request": LoginState.NEEDS_RECONNECT,
    "application_cannot_be_found": LoginState.NEEDS_RECONNECT,
    "shop_not_permitted": LoginState.SUSPENDED,
    "app_not_installed": LoginState.REVOKED,
    UNINSTALLED: LoginState.REVOKED,
    LOST_KEY: LoginState.UNREADABLE,
    MISSING_SCOPES: LoginState.MISSING_SCOPES,
}

# Shopify: docs/api/usage/response-codes. A 401 cannot tell expired, revoked and uninstalled apart.
_SHOPIFY_CODES: Mapping[str, LoginState] = {
    "ACCESS_DENIED": LoginState.MISSING_SCOPES,
    "SHOP_INACTIVE": LoginState.SUSPENDED,
}
_SHOPIFY_STATUS: Mapping[int, LoginState] = {
    401: LoginState.NEEDS_RECONNECT,
    402: LoginState.SUSPENDED,
    403: LoginState.SUSPENDED,
    404: LoginState.SUSPENDED,
    423: LoginState.SUSPENDED,
}


def meaning(side: Side, failure: Failure) -> LoginState | None:
    """The state a failure puts a login into; None when it says nothing about the login.

    Throttling, outages and pages of a proxy in front of the platform say nothing.
    """
    if failure.kind is not FailureKind.AUTH:
        return None
    if failure.code in _RENEWAL:
        return _RENEWAL[failure.code]
    if side is Side.KLAVIYO:
        return LoginState.MISSING_SCOPES if failure.status == 403 else LoginState.NEEDS_RECONNECT
    return _SHOPIFY_CODES.get(failure.code) or _SHOPIFY_STATUS.get(
        failure.status or 0, LoginState.NEEDS_RECONNECT
    )


def is_final(state: str, code: str) -> bool:
    """Whether only a person can help, so that asking again by ourselves is of no use.

    A refused key or token may work again (somebody restored it), a closed shop may open, wrong
    settings may be put right; what was withdrawn or renewed elsewhere stays dead.
    """
    if state == LoginState.REVOKED:
        return True
    return state == LoginState.NEEDS_RECONNECT and code in FINAL


def renewal_due(expires_at: datetime | None, now: datetime) -> bool:
    """Whether a token ends so soon that it should not be used any more."""
    return expires_at is not None and expires_at - AHEAD <= now


# --- words for people -----------------------------------------------------------------------------

_NAMES = {Side.SHOPIFY: "Shopify", Side.KLAVIYO: "Klaviyo"}

_BY_CODE: Mapping[tuple[Side, str], str] = {
    (Side.SHOPIFY, "402"): "The shop is frozen until its Shopify bill is paid.",
    (Side.SHOPIFY, "403"): "Shopify does not let us into this shop at the moment.",
    (Side.SHOPIFY, "404"): "Shopify knows no shop under this name any more.",
    (Side.SHOPIFY, "423"): "Shopify has locked this shop.",
    (Side.SHOPIFY, "SHOP_INACTIVE"): "The shop is closed or its plan has ended.",
    (Side.SHOPIFY, "shop_not_permitted"): "Shopify does not let our app into this shop.",
    (Side.SHOPIFY, "ACCESS_DENIED"): "The shop does not let us read everything we need.",
    (Side.SHOPIFY, "app_not_installed"): "Our app was removed from the shop.",
    (Side.SHOPIFY, UNINSTALLED): "Our app was removed from the shop.",
    (Side.SHOPIFY, "invalid_client"): "Shopify does not know our app, or it was removed.",
    (Side.SHOPIFY, "application_cannot_be_found"): "Shopify does not know our app.",
    (Side.KLAVIYO, "invalid_client"): "Klaviyo does not know our app.",
}
_BY_STATE: Mapping[LoginState, str] = {
    LoginState.ACTIVE: "The login works.",
    LoginState.NEEDS_RECONNECT: "{name} no longer accepts our login.",
    LoginState.MISSING_SCOPES: "{name} accepts our login, but a permission is missing.",
    LoginState.REVOKED: "{name} has withdrawn our login.",
    LoginState.SUSPENDED: "The shop is closed to us at the moment.",
    LoginState.UNREADABLE: "We can no longer read the login that is stored here.",
}
_ADVICE: Mapping[LoginState, str] = {
    LoginState.ACTIVE: "",
    LoginState.NEEDS_RECONNECT: "Connect it again. It takes two clicks, and nothing is lost.",
    LoginState.MISSING_SCOPES: "Connect it again and allow everything that is asked for.",
    LoginState.REVOKED: "If that was not on purpose, connect it again.",
    LoginState.SUSPENDED: (
        "Sign in to the shop and see what Shopify says. We look again every few minutes and go on "
        "by ourselves."
    ),
    LoginState.UNREADABLE: "Connect it again. The old login cannot be brought back.",
}


def sentence(side: Side, state: str, code: str = "") -> str:
    """What is the matter with a login, for a merchant."""
    if state == LoginState.ACTIVE:
        return _BY_STATE[LoginState.ACTIVE]
    if code == DISCONNECTED:
        return "This login was disconnected here."
    known = _BY_CODE.get((side, code))
    return known or _BY_STATE[LoginState(state)].format(name=_NAMES[side])


def advice(side: Side, state: str, code: str = "") -> str:
    """The one next step, for a merchant."""
    if code in {"invalid_client", "application_cannot_be_found"}:
        setting = "SHOPIFY_CLIENT_ID and SHOPIFY_APP_SECRETS"
        if side is Side.KLAVIYO:
            setting = "KLAVIYO_CLIENT_ID and KLAVIYO_CLIENT_SECRET"
        return f"Support should compare {setting} with the app. If they agree, connect it again."
    return _ADVICE[LoginState(state)]
