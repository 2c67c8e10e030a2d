"""Where the app fetches, renews and revokes its tokens."""

import base64
import binascii
import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from sandbox.klaviyo.consent import Code
from sandbox.klaviyo.logins import ACCESS_SECONDS, Grant
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

VERIFIER = re.compile(r"[a-zA-Z0-9\-._~]{43,128}")


class OAuthError(Exception):
    """A refusal in OAuth's own form."""

    def __init__(self, error: str, description: str = "", *, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status

    def reply(self) -> Reply:
        """Write the answer."""
        told = {"error_description": self.description} if self.description else {}
        headers = {"WWW-Authenticate": "Basic"} if self.status == 401 else {}
        return Reply(self.status, {"error": self.error, **told}, headers)


def token(klaviyo: "Klaviyo", call: Call) -> Reply:
    """POST /oauth/token"""
    try:
        _check_client(klaviyo, call)
        return _tokens(klaviyo, _granted(klaviyo, call))
    except OAuthError as error:
        return error.reply()


def revoke(klaviyo: "Klaviyo", call: Call) -> Reply:
    """POST /oauth/revoke: a token that is unknown is as good as revoked."""
    try:
        _check_client(klaviyo, call)
    except OAuthError as error:
        return error.reply()
    for account in klaviyo.accounts.values():
        account.logins.revoke(call.fields.get("token", ""))
    return Reply(200)


def _check_client(klaviyo: "Klaviyo", call: Call) -> None:
    scheme, _, written = call.headers.get("authorization", "").partition(" ")
    own = f"{klaviyo.app.client_id}:{klaviyo.app.secret}"
    if scheme.lower() != "basic" or not hmac.compare_digest(_decoded(written), own.encode()):
        raise OAuthError("invalid_client", status=401)
    if not call.is_form:
        raise OAuthError("invalid_request", "The body must be form-encoded")


def _decoded(written: str) -> bytes:
    try:
        return base64.b64decode(written, validate=True)
    except binascii.Error:
        return b""


def _granted(klaviyo: "Klaviyo", call: Call) -> Grant:
    match call.fields.get("grant_type"):
        case "authorization_code":
            return _exchanged(klaviyo, call)
        case "refresh_token":
            return _refreshed(klaviyo, call)
    raise OAuthError("unsupported_grant_type")


def _exchanged(klaviyo: "Klaviyo", call: Call) -> Grant:
    asked, now = call.fields, klaviyo.clock()
    code = klaviyo.codes.get(asked.get("code", ""))
    if code is None or now >= code.until:
        raise OAuthError("invalid_grant", 'Invalid "code" in request.')
    if asked.get("redirect_uri") != code.redirect_uri:
        raise OAuthError("invalid_grant", 'Invalid "redirect_uri" in request.')
    _check_verifier(asked.get("code_verifier", ""), code)
    del klaviyo.codes[asked["code"]]
    return klaviyo.accounts[code.account].logins.begin(list(code.scopes), now)


def _check_verifier(verifier: str, code: Code) -> None:
    if not VERIFIER.fullmatch(verifier):
        raise OAuthError("invalid_request", 'Invalid "code_verifier"')
    digest = hashlib.sha256(verifier.encode()).digest()
    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
        raise OAuthError("invalid_grant", "Code challenge failed.")


def _refreshed(klaviyo: "Klaviyo", call: Call) -> Grant:
    brought, now = call.fields.get("refresh_token", ""), klaviyo.clock()
    rotate = klaviyo.settings.rotation
    if brought not in klaviyo.script.revoked:
        for account in klaviyo.accounts.values():
            if found := account.logins.refreshed(brought, now, rotate=rotate):
                return found
    raise OAuthError("invalid_grant")


def _tokens(klaviyo: "Klaviyo", grant: Grant) -> Reply:
    body = {
        "access_token": grant.give(klaviyo.clock()),
        "refresh_token": grant.refresh,
        "expires_in": ACCESS_SECONDS,
        "token_type": "Bearer",
        "scope": " ".join(grant.scopes),
    }
    return Reply(200, body)
