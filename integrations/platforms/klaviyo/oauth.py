"""Klaviyo's OAuth 2.0 with PKCE: sign in, renew, revoke.

Source: developers.klaviyo.com, "Set up OAuth" and "OAuth best practices". The bodies and the proof
key are oauthlib's; the calls go through our own client, which knows timeouts and failures.
"""

import base64
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from oauthlib.oauth2 import WebApplicationClient

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.grants import App, Grant
from integrations.platforms.http import Answer, send


class ProofKey(NamedTuple):
    """What proves that whoever brings the code is who asked for it; one pair for each attempt."""

    verifier: str
    challenge: str

    def __repr__(self) -> str:
        return "<ProofKey>"


def new_proof_key() -> ProofKey:
    """Draw a verifier and its S256 challenge."""
    client = WebApplicationClient("")
    verifier = client.create_code_verifier(64)
    return ProofKey(verifier, client.create_code_challenge(verifier, "S256"))


def authorize_url(
    base_url: str,
    *,
    client_id: str,
    scopes: Iterable[str],
    redirect_uri: str,
    state: str,
    challenge: str,
) -> str:
    """Where a merchant says yes."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge_method": "S256",
        "code_challenge": challenge,
    }
    return f"{base_url}?{urlencode(query, quote_via=quote)}"


def exchange(api_url: str, app: App, *, code: str, verifier: str, redirect_uri: str) -> Grant:
    """Turn the code of a callback into tokens.

    Raises PlatformError; one of kind AUTH is Klaviyo's last word on this code.
    """
    body = WebApplicationClient(app.client_id).prepare_request_body(
        code=code, redirect_uri=redirect_uri, code_verifier=verifier, include_client_id=False
    )
    return _grant(_ask(api_url, app, "token", body))


def renew(api_url: str, app: App, *, refresh: str) -> Grant:
    """Get a new access token. Whether the refresh token changes too is not published: one that is
    returned must be stored, and without one the old stays good.

    Raises PlatformError; one of kind AUTH is Klaviyo's last word on this login.
    """
    body = WebApplicationClient(app.client_id).prepare_refresh_body(refresh_token=refresh)
    return _grant(_ask(api_url, app, "token", body))


def revoke(api_url: str, app: App, *, refresh: str) -> None:
    """Give a login back. Raises PlatformError."""
    body = urlencode({"token": refresh, "token_type_hint": "refresh_token"})
    if failure := failure_of(_ask(api_url, app, "revoke", body)):
        raise PlatformError(failure)


class _Token(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    scope: str | None = None


class _Error(msgspec.Struct):
    code: str = ""


class _Refusal(msgspec.Struct):
    error: str = ""
    errors: list[_Error] = []


def _ask(api_url: str, app: App, what: str, body: str) -> Answer:
    basic = base64.b64encode(f"{app.client_id}:{app.secret}".encode()).decode()
    return send(
        "POST",
        f"{api_url.rstrip('/')}/oauth/{what}",
        headers={
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
        body=body.encode(),
    )


def _grant(answer: Answer) -> Grant:
    if failure := failure_of(answer):
        raise PlatformError(failure)
    try:
        token = msgspec.json.decode(answer.body, type=_Token)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        token = None
    if token is None or not token.access_token:
        # Not chained and without the body: what cannot be decoded may hold a token all the same.
        failure = Failure(FailureKind.UNEXPECTED, "Klaviyo's answer names no token.", "no_token")
        raise PlatformError(failure)
    return Grant(
        access=token.access_token,
        refresh=token.refresh_token or "",
        # At most ten years, so that Python can compute with it.
        expires_in=None
        if token.expires_in is None
        else timedelta(seconds=max(0.0, min(token.expires_in, 315_360_000))),
        scopes=tuple(sorted((token.scope or "").split())),
    )


def failure_of(answer: Answer) -> Failure | None:
    """What an answer of the token or revoke endpoint says; None when it is a yes.

    Only JSON is Klaviyo's own word. A page is Cloudflare's, in front of it, and says nothing about
    the login. The answer itself is not kept: it may repeat what was sent.
    """
    if 200 <= answer.status < 300:
        return None
    code = _code(answer)
    if answer.status == 429:
        kind = FailureKind.RATE_LIMITED
    elif 400 <= answer.status < 500 and answer.status != 408 and code:
        kind = FailureKind.AUTH
    else:
        kind = FailureKind.TRANSIENT
    code = code or str(answer.status)
    return Failure(kind, f"Klaviyo answered our sign-in with {code}.", code, answer.status)


def _code(answer: Answer) -> str:
    """Klaviyo's own word; the bare status where its JSON names none; empty for a page."""
    try:
        refusal = msgspec.json.decode(answer.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    first = refusal.errors[0].code if refusal.errors else ""
    return (refusal.error or first or str(answer.status))[:60]
