"""What a judge can see of Shopify's memory from outside, and make happen in it."""

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from sandbox.control import limit_of
from sandbox.messages import Call
from sandbox.shopify.breaking import VERBS
from sandbox.shopify.resolve_webhooks import shown
from sandbox.shopify.signing import Webhook
from sandbox.shopify.store import Store
from sandbox.shopify.telling import webhooks

if TYPE_CHECKING:
    from sandbox.shopify.app import Shopify


def state(shopify: "Shopify") -> dict[str, Any]:
    """Count per shop and over all deliveries."""
    return {
        "shops": {domain: store.facts() for domain, store in shopify.stores.items()},
        "webhooks": {**shopify.sender.counts(), "waiting": shopify.sender.waiting()},
    }


def _store(shopify: "Shopify", domain: str | None) -> Store:
    return shopify.stores[domain] if domain else next(iter(shopify.stores.values()))


def listing(shopify: "Shopify", name: str, call: Call) -> Any:
    """Show one part of a shop's memory; `shop=` chooses, the first is the default."""
    if name == "deliveries":
        return {"deliveries": _deliveries(shopify, call)}
    if (domain := call.query.get("shop")) not in {None, *shopify.stores}:
        return None
    store = _store(shopify, domain)
    if name == "subscriptions":
        rows = [*store.subscriptions.values()]
        return {"subscriptions": [shown(subscription) for subscription in rows]}
    if name in ("orders", "customers", "products", "checkouts"):
        return {name: list(islice(store.memory.shelf(name).bodies(), limit_of(call)))}
    return None


def _deliveries(shopify: "Shopify", call: Call) -> list[Any]:
    wanted = {name: call.query[name] for name in ("shop", "topic", "kind") if name in call.query}
    offset = int(call.query.get("offset", 0))
    found = [
        msgspec.to_builtins(record)
        for record in shopify.sender.records()
        if all(getattr(record, name) == value for name, value in wanted.items())
    ]
    return found[offset : offset + limit_of(call)]


def act(shopify: "Shopify", name: str, call: Call) -> Any:
    """Let something happen, or send one webhook of the caller's making."""
    asked = call.fields
    store = _store(shopify, asked.get("shop"))
    if verb := VERBS.get(name):
        with store.memory.lock:
            return {"done": name, "told": verb(store, asked)}
    if name == "happen":
        return {"sent": [told for _ in range(asked.get("count", 1)) for told in _happen(store)]}
    if name == "webhook":
        return {"sent": _send(shopify, store, asked)}
    return None


def _happen(store: Store) -> list[dict[str, Any]]:
    told = webhooks(store.shop.next_happening(), store.domain)
    return [_told(webhook, store) for webhook in told]


def _send(shopify: "Shopify", store: Store, asked: dict[str, Any]) -> list[dict[str, Any]]:
    body = msgspec.json.encode(asked.get("body", {}))
    about = str(asked.get("body", {}).get("id", ""))
    made = Webhook(store.domain, asked["topic"], body, shopify.utc_now(), about=about)
    return [_told(made, store)]


def _told(webhook: Webhook, store: Store) -> dict[str, Any]:
    sent = store.emit(webhook)
    return {
        "topic": webhook.topic,
        "webhook_id": webhook.webhook_id,
        "about": webhook.about,
        "deliveries": len(sent),
    }
