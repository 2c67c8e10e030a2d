"""Where somebody signs in to Klaviyo and says yes or no to the app."""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sandbox.html import Html, items, page, redirect, tag
from sandbox.klaviyo.memory import Account
from sandbox.klaviyo.scopes import KNOWN
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

CODE_SPAN = 300.0
# What SHA-256 comes to in unpadded base64.
CHALLENGE_LENGTH = 43


@dataclass(frozen=True)
class Code:
    """A yes, until the app fetches its tokens."""

    account: str
    scopes: list[str]
    redirect_uri: str
    challenge: str
    until: float


def answer(klaviyo: "Klaviyo", call: Call) -> Reply:
    """Show the question, or take the answer that a button of its page posts."""
    if call.query.get("client_id") != klaviyo.app.client_id:
        return page("Unknown application", "No application has this client id.", status=400)
    if call.query.get("redirect_uri") not in klaviyo.app.redirect_uris:
        allowed = "This sandbox allows: " + (", ".join(klaviyo.app.redirect_uris) or "none")
        return page("The redirect_uri is not allowed", tag("p", allowed), status=400)
    if fault := _fault(klaviyo, call):
        return _back(call, error=fault[0], error_description=fault[1])
    if call.method != "POST":
        return _question(klaviyo, call)
    account = klaviyo.accounts.get(call.fields.get("account", ""))
    if call.fields.get("decision") != "allow" or account is None:
        return _back(call, error="access_denied", error_description="The user denied the request")
    return _back(call, code=_code(klaviyo, account, call))


def _fault(klaviyo: "Klaviyo", call: Call) -> tuple[str, str] | None:
    asked = call.query
    if asked.get("response_type") != "code":
        return "unsupported_response_type", "response_type must be code"
    if asked.get("code_challenge_method") != "S256":
        return "invalid_request", "code_challenge_method must be S256"
    if len(asked.get("code_challenge", "")) != CHALLENGE_LENGTH:
        return "invalid_request", "code_challenge is missing or no SHA-256"
    if not asked.get("state"):
        return "invalid_request", "state is missing"
    scopes = asked.get("scope", "").split()
    if not scopes or not KNOWN.difference(klaviyo.app.withheld).issuperset(scopes):
        return "invalid_scope", "The scope is not known, or not one of this app"
    return None


def _question(klaviyo: "Klaviyo", call: Call) -> Reply:
    name = klaviyo.app.name
    buttons = (
        tag("button", label, type="submit", name="decision", value=label.lower())
        for label in ("Allow", "Deny")
    )
    return page(
        f"Allow {name} to use your account?",
        tag("p", f"{name} asks for:"),
        items(call.query["scope"].split()),
        tag("form", _sign_in(list(klaviyo.accounts.values())), *buttons, method="post"),
    )


def _sign_in(accounts: list[Account]) -> Html:
    options = (tag("option", f"{one.name} ({one.id})", value=one.id) for one in accounts)
    return tag(
        "p",
        tag("label", "Sign in as", for_="account"),
        " ",
        tag("select", *options, id="account", name="account"),
    )


def _code(klaviyo: "Klaviyo", account: Account, call: Call) -> str:
    code = secrets.token_urlsafe(32)
    klaviyo.codes[code] = Code(
        account=account.id,
        scopes=list(dict.fromkeys(call.query["scope"].split())),
        redirect_uri=call.query["redirect_uri"],
        challenge=call.query["code_challenge"],
        until=klaviyo.clock() + CODE_SPAN,
    )
    return code


def _back(call: Call, **told: str) -> Reply:
    if "state" in call.query:
        told["state"] = call.query["state"]
    uri = call.query["redirect_uri"]
    return redirect(f"{uri}{'&' if '?' in uri else '?'}{urlencode(told)}")
