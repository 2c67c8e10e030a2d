"""Everything that can happen to an app in a shop, to be called by a script or a button."""

from collections.abc import Callable
from typing import Any

from sandbox.messages import Reply
from sandbox.shopify import notices
from sandbox.shopify.oauth_errors import MEANING
from sandbox.shopify.store import Store

# Status -> what the shop answers with it. The 402 was seen, the others are made up.
STANDINGS: dict[int, Any] = {
    402: "Unavailable Shop",
    403: "Forbidden",
    404: "Not Found",
    423: "Locked",
    430: "Shopify Security Rejection",
}
A_WHILE = 120.0


def uninstall(store: Store, *, hold: bool = False) -> int:
    """Put the app out, and tell it now; `hold` keeps the webhook back until `tell`."""
    notice = notices.uninstalled(store)
    targets = store.targets(notice.topic)
    store.access.uninstall()
    store.subscriptions.clear()
    if hold:
        store.held.append((notice, targets))
        return 0
    return len(store.deliver(notice, targets))


def tell(store: Store) -> int:
    """Send what was held back, to where it should have gone then."""
    held, store.held = store.held, []
    return sum(len(store.deliver(notice, targets)) for notice, targets in held)


def grant(store: Store, scopes: list[str]) -> None:
    """Change what the app may see, and tell it."""
    access, before = store.access, list(store.access.scopes)
    access.taken += [scope for scope in before if scope not in scopes]
    access.scopes = list(scopes)
    if set(before) != set(scopes):
        store.emit(notices.scopes_update(store, before))


def take_scope(store: Store, scope: str) -> None:
    """Take one permission away."""
    if scope not in store.access.scopes:
        raise ValueError(f"{scope} is not granted")
    grant(store, [one for one in store.access.scopes if one != scope])


def stand(store: Store, status: int) -> None:
    """Freeze the shop (402), lock it (423), or let every call end in 403, 404 or 430."""
    if status not in {200, *STANDINGS}:
        raise ValueError(f"{status} is no standing of a shop")
    store.access.standing = status


def remove_subscription(store: Store, number: int) -> None:
    """Remove a subscription as Shopify does after repeated failures."""
    store.remove(store.subscriptions[number])


def show_page(store: Store, slug: str = "invalid_request", seconds: float = A_WHILE) -> None:
    """Answer with HTML for a while: an OAuth error page at the token endpoint, a 503 elsewhere."""
    if slug not in MEANING:
        raise ValueError(f"no page is called {slug}")
    store.access.page_slug = slug
    store.access.page_until = store.present() + seconds


def give_back(store: Store) -> None:
    """Undo everything of the above, but for subscriptions: the app has to make them again."""
    before = list(store.access.scopes)
    store.access.give_back()
    if before != store.access.scopes:
        store.emit(notices.scopes_update(store, before))


Fields = dict[str, Any]
VERBS: dict[str, Callable[[Store, Fields], object]] = {
    "uninstall": lambda store, asked: uninstall(store, hold=bool(asked.get("hold"))),
    "tell": lambda store, asked: tell(store),
    "withdraw": lambda store, asked: store.access.withdraw(),
    "expire": lambda store, asked: store.access.expire(store.present()),
    "lapse": lambda store, asked: store.access.lapse(store.present()),
    "take_scope": lambda store, asked: take_scope(store, asked["scope"]),
    "grant": lambda store, asked: grant(store, asked["scopes"]),
    "stand": lambda store, asked: stand(store, int(asked["status"])),
    "remove_subscription": lambda store, asked: remove_subscription(store, int(asked["id"])),
    "show_page": lambda store, asked: show_page(
        store, asked.get("slug", "invalid_request"), float(asked.get("seconds", A_WHILE))
    ),
    "give_back": lambda store, asked: give_back(store),
}


def standing_reply(status: int) -> Reply:
    """Answer as a shop that stands badly does."""
    return Reply(status, {"errors": STANDINGS[status]})
