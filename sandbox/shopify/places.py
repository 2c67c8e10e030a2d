"""What a person finds on the clickable page: each shop, how it stands, what to do to it."""

from sandbox.panel import Button, Choice, Place
from sandbox.shopify.oauth_errors import MEANING
from sandbox.shopify.store import Store

STANDS = {
    "200": "open",
    "402": "frozen (402)",
    "423": "locked (423)",
    "403": "forbidden (403)",
    "404": "gone (404)",
    "430": "suspicious of the app (430)",
}
STANDING = Choice("status", "The shop is", STANDS)


def place(store: Store) -> Place:
    """Describe one shop."""
    return Place(
        f"{store.config.name} ({store.domain})", ("shop", store.domain), _facts(store),
        _buttons(store),
    )  # fmt: skip


def _facts(store: Store) -> dict[str, str]:
    access, now = store.access, store.present()
    return {
        "The app": "installed" if access.installed else "not installed",
        "Working tokens": str(sum(token.opens(now) for token in access.tokens)),
        "Permissions": ", ".join(access.scopes) or "none",
        "The shop": STANDS[str(access.standing)],
        "HTML pages": "yes, for a while" if now < access.page_until else "no",
        "Webhook subscriptions": str(len(store.subscriptions)),
        "Messages held back": str(len(store.held)),
    }


def _buttons(store: Store) -> list[Button]:
    return [
        Button("uninstall", "Uninstall the app"),
        Button("uninstall", "Uninstall the app, tell it later", {"hold": "yes"}),
        Button("tell", "Send what was held back"),
        Button("withdraw", "Withdraw the token"),
        Button("expire", "Let the access token run out"),
        Button("lapse", "Let the refresh token run out"),
        Button("take_scope", "Take away a permission", choice=_permission(store)),
        Button("stand", "Freeze the shop", {"status": "402"}),
        Button("stand", "Change how the shop stands", choice=STANDING),
        Button("remove_subscription", "Remove a webhook subscription", choice=_subscription(store)),
        Button("show_page", "Answer with an HTML page for a while", choice=_page()),
        Button("give_back", "Give everything back"),
    ]  # fmt: skip


def _permission(store: Store) -> Choice:
    return Choice("scope", "Permission", {scope: scope for scope in store.access.scopes})


def _subscription(store: Store) -> Choice:
    rows = store.subscriptions.values()
    return Choice("id", "Subscription", {str(row.id): f"{row.topic} to {row.uri}" for row in rows})


def _page() -> Choice:
    return Choice("slug", "Page", {slug: slug for slug in MEANING})
