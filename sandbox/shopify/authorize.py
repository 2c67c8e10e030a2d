"""Where a merchant says yes or no to the app."""

from sandbox.config import AppConfig
from sandbox.html import items, page, redirect, tag
from sandbox.messages import Call, Reply
from sandbox.shopify import callback
from sandbox.shopify.oauth_errors import error_page
from sandbox.shopify.scopes import KNOWN, parsed
from sandbox.shopify.store import Store

PER_USER = "per-user"


def answer(store: Store, app: AppConfig, call: Call) -> Reply:
    """Show the question, or take the answer that a button of its page posts."""
    if refused := _refused(store, app, call):
        return refused
    if call.method != "POST":
        return _question(store, app, call)
    if call.fields.get("decision") == "install":
        return _back(store, app, call, {"code": _code(store, app, call)})
    told = {"error": "access_denied", "error_description": "The merchant did not install the app"}
    return _back(store, app, call, told)


def _refused(store: Store, app: AppConfig, call: Call) -> Reply | None:
    if store.access.standing != 200:
        return error_page("shop_not_permitted")
    if call.query.get("client_id") != app.client_id:
        return error_page("application_cannot_be_found")
    if call.query.get("redirect_uri") not in app.redirect_uris:
        allowed = "This sandbox allows: " + (", ".join(app.redirect_uris) or "none")
        return error_page("invalid_request", "The redirect_uri is not whitelisted", allowed)
    scopes = _asked(call)
    if not scopes or not KNOWN.issuperset(scopes):
        return error_page("invalid_scope")
    return None


def _asked(call: Call) -> list[str]:
    return parsed(call.query.get("scope", ""))


def _question(store: Store, app: AppConfig, call: Call) -> Reply:
    buttons = (
        tag("button", label, type="submit", name="decision", value=label.lower())
        for label in ("Install", "Cancel")
    )
    return page(
        f"Install {app.name}?",
        tag("p", f"{app.name} asks for access to {store.config.name} ({store.domain}):"),
        items(_asked(call)),
        tag("form", *buttons, method="post"),
    )


def _code(store: Store, app: AppConfig, call: Call) -> str:
    granted = [scope for scope in _asked(call) if scope not in app.withheld]
    per_user = call.query.get("grant_options[]") == PER_USER
    return store.access.promise(granted, per_user=per_user, now=store.present())


def _back(store: Store, app: AppConfig, call: Call, told: dict[str, str]) -> Reply:
    state = {"state": call.query["state"]} if "state" in call.query else {}
    query = callback.signed(
        {**told, **state}, shop=store.domain, secret=app.secret, now=store.present()
    )
    uri = call.query["redirect_uri"]
    mark = "&" if "?" in uri else "?"
    return redirect(f"{uri}{mark}{callback.written(sorted(query.items()))}")
