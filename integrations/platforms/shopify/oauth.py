"""Shopify's authorization code grant, and the renewal of its tokens.

Source: shopify.dev, "Implement authorization code grant manually", "About offline access tokens".
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.grants import App, Grant
from integrations.platforms.http import Answer, send

from .headers import SHOP

# Some failures come as a page: `<title>400 - Oauth error app_not_installed</title>`.
PAGE_TITLE = re.compile(rb"<title>[^<]*oauth error:?\s+([a-z_]{3,60})", re.IGNORECASE)
LAST_WORDS = {"app_not_installed", "application_cannot_be_found", "shop_not_permitted"}
# Left out of the signature: itself, and what it was called before.
UNSIGNED = {"hmac", "signature"}


def is_shop(domain: str) -> bool:
    """Whether this is the whole name of a shop and nothing else."""
    return len(domain) <= 255 and SHOP.match(domain) is not None


def authorize_url(
    base_url: str, *, client_id: str, scopes: Iterable[str], redirect_uri: str, state: str
) -> str:
    """Where a merchant says yes. Without `grant_options[]` it is for an offline token."""
    query = {
        "client_id": client_id,
        "scope": ",".join(scopes),
        "redirect_uri": redirect_uri,
        "state": state,
    }
    return f"{base_url.rstrip('/')}/admin/oauth/authorize?{urlencode(query, quote_via=quote)}"


def is_genuine(query: str, secrets: Iterable[str]) -> bool:
    """Whether Shopify signed this query, with any of the app's secrets; in constant time.

    Every parameter counts, known or not. Whether Shopify signs a value as it was sent or as it is
    written anew is not published for every sign, so both are compared.
    """
    pairs = [part.partition("=") for part in query.split("&") if part]
    names = [name for name, _, _ in pairs]
    given = dict(parse_qsl(query, keep_blank_values=True)).get("hmac", "").encode()
    if len(names) != len(set(names)) or not given:
        return False
    raw = sorted((name, value) for name, _, value in pairs if name not in UNSIGNED)
    anew = sorted(
        (quote(name, safe=""), quote(value, safe=""))
        for name, value in parse_qsl(query, keep_blank_values=True)
        if name not in UNSIGNED
    )
    messages = ["&".join(f"{name}={value}" for name, value in one).encode() for one in (raw, anew)]
    found = False
    for secret in filter(None, secrets):
        for message in messages:
            digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode()
            found |= hmac.compare_digest(digest, given)
    return found


def exchange(base_url: str, app: App, *, code: str) -> Grant:
    """Turn the code of a callback into an offline token that expires and can be renewed.

    Raises PlatformError; one of kind AUTH is Shopify's last word on this code.
    """
    return _ask(base_url, app, {"code": code, "expiring": "1"})


def renew(base_url: str, app: App, *, refresh: str) -> Grant:
    """Get a new pair for an old one; after a lost answer the old one can be used again.

    Raises PlatformError; one of kind AUTH is Shopify's last word on this login.
    """
    return _ask(base_url, app, {"grant_type": "refresh_token", "refresh_token": refresh})


class _Token(msgspec.Struct):
    access_token: str
    scope: str = ""
    # One answer without it was reported (Shopify/shopify-app-js, issue 3400).
    expires_in: float | None = None
    refresh_token: str | None = None
    refresh_token_expires_in: float | None = None


class _Refusal(msgspec.Struct):
    error: str = ""


def _ask(base_url: str, app: App, fields: Mapping[str, str]) -> Grant:
    body = urlencode({"client_id": app.client_id, "client_secret": app.secret, **fields})
    answer = send(
        "POST",
        f"{base_url.rstrip('/')}/admin/oauth/access_token",
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
        body=body.encode(),
    )
    if failure := failure_of(answer):
        raise PlatformError(failure)
    try:
        token = msgspec.json.decode(answer.body, type=_Token)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        token = None
    if token is None or not token.access_token:
        # Not chained and without the body: what cannot be decoded may hold a token all the same.
        failure = Failure(FailureKind.UNEXPECTED, "Shopify's answer names no token.", "no_token")
        raise PlatformError(failure)
    return Grant(
        access=token.access_token,
        refresh=token.refresh_token or "",
        expires_in=_seconds(token.expires_in),
        refresh_expires_in=_seconds(token.refresh_token_expires_in),
        scopes=tuple(sorted(one for one in re.split(r"[,\s]+", token.scope) if one)),
    )


def failure_of(answer: Answer) -> Failure | None:
    """What an answer of the token endpoint says, in JSON or as a page; None when it is a yes.

    The answer itself is not kept: it may repeat what was sent.
    """
    if 200 <= answer.status < 300:
        return None
    code, is_last_word = _code(answer)
    if answer.status in {429, 430}:
        kind = FailureKind.RATE_LIMITED
    elif 400 <= answer.status < 500 and (is_last_word or answer.status in {402, 423}):
        kind = FailureKind.AUTH
    else:
        kind = FailureKind.TRANSIENT
    code = code or str(answer.status)
    return Failure(kind, f"Shopify answered our sign-in with {code}.", code, answer.status)


def _code(answer: Answer) -> tuple[str, bool]:
    """Shopify's own word, and whether it is its last one on the login.

    The `error` of its JSON is. Of its pages only those that name the app or the shop are; any other
    page, and a proxy's, says nothing about the login.
    """
    try:
        error = msgspec.json.decode(answer.body, type=_Refusal).error[:60]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = PAGE_TITLE.search(answer.body[:4000])
        slug = found.group(1).decode().lower() if found else ""
        return slug, slug in LAST_WORDS
    return error, bool(error)


def _seconds(value: float | None) -> timedelta | None:
    """A length of time that Python can compute with, at most ten years."""
    return None if value is None else timedelta(seconds=max(0.0, min(value, 315_360_000)))
