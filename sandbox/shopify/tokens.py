"""Where an app fetches its tokens."""

import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from sandbox.config import AppConfig
from sandbox.messages import Call, Reply
from sandbox.shopify import notices
from sandbox.shopify.access import ACCESS_SECONDS, ONLINE_SECONDS, REFRESH_SECONDS, Code, Token
from sandbox.shopify.oauth_errors import error_json, error_page
from sandbox.shopify.scopes import written
from sandbox.shopify.store import Store

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
Fields = dict[str, Any]


def answer(store: Store, app: AppConfig, call: Call, revoked: set[str]) -> Reply:
    """Check who asks, then give what the kind of grant gives."""
    try:
        fields = {name: str(value) for name, value in call.fields.items()}
    except (msgspec.DecodeError, ValueError):
        return error_json("invalid_request", "The body could not be read")
    if refused := _refused(store, app, fields):
        return refused
    store.access.drop(revoked)
    return _grant(store, fields, revoked)


def _refused(store: Store, app: AppConfig, fields: Fields) -> Reply | None:
    if store.access.standing != 200:
        return error_page("shop_not_permitted")
    if fields.get("client_id") != app.client_id:
        return error_page("application_cannot_be_found")
    if not hmac.compare_digest(fields.get("client_secret", "").encode(), app.secret.encode()):
        return error_json("invalid_client", "The client secret is not right")
    return None


def _grant(store: Store, fields: Fields, revoked: set[str]) -> Reply:
    kind = fields.get("grant_type", "authorization_code")
    if kind == "authorization_code":
        return _exchange(store, fields)
    if kind == "client_credentials":
        return error_page("shop_not_permitted")
    give = _KEPT.get(kind)
    if give is None:
        return error_json("unsupported_grant_type", f"{kind} is not supported")
    return give(store, fields, revoked) if store.access.installed else _not_installed()


def _not_installed() -> Reply:
    return error_page("app_not_installed")


def _exchange(store: Store, fields: Fields) -> Reply:
    access, now = store.access, store.present()
    code = access.redeem(fields.get("code", ""), now)
    if code is None:
        return error_json("invalid_request", "The code was not found or was already used")
    before = list(access.scopes) if access.installed else None
    access.install(code.scopes)
    if before is not None and set(before) != set(code.scopes):
        store.emit(notices.scopes_update(store, before))
    if code.per_user:
        return _online(access.issue_per_user(now), code)
    expiring = fields.get("expiring") in ("1", "true", "True")
    return _offline(store, access.issue(now) if expiring else access.issue_permanent(now))


def _refresh(store: Store, fields: Fields, revoked: set[str]) -> Reply:
    brought = fields.get("refresh_token", "")
    now = store.present()
    made = None if brought in revoked else store.access.refresh(brought, now)
    if made is None:
        return error_json("invalid_grant", "The refresh token is invalid, expired or revoked")
    return _offline(store, made)


def _migrate(store: Store, fields: Fields, revoked: set[str]) -> Reply:
    kinds = {fields.get("subject_token_type"), fields.get("requested_token_type")}
    if kinds != {OFFLINE} or fields.get("expiring") not in ("1", "true", "True"):
        return error_json("invalid_request", "Only offline tokens become expiring offline tokens")
    made = store.access.migrate(fields.get("subject_token", ""), store.present())
    if made is None:
        return error_json("invalid_grant", "The subject token is invalid, expired or revoked")
    return _offline(store, made)


def _offline(store: Store, token: Token) -> Reply:
    body: Fields = {"access_token": token.access, "scope": written(store.access.scopes)}
    if token.refresh:
        body |= {
            "expires_in": ACCESS_SECONDS,
            "refresh_token": token.refresh,
            "refresh_token_expires_in": REFRESH_SECONDS,
        }
    return Reply(200, body)


def _online(token: Token, code: Code) -> Reply:
    scope = written(code.scopes)
    person = {
        "id": 902541635,
        "first_name": "Olive",
        "last_name": "Owner",
        "email": "owner@mail.alpine-demo.shop",
        "email_verified": True,
        "account_owner": True,
        "locale": "en",
        "collaborator": False,
    }
    body = {
        "access_token": token.access,
        "scope": scope,
        "expires_in": ONLINE_SECONDS,
        "associated_user_scope": scope,
        "associated_user": person,
    }
    return Reply(200, body)


_KEPT: dict[str, Callable[[Store, Fields, set[str]], Reply]] = {
    "refresh_token": _refresh,
    EXCHANGE: _migrate,
}
