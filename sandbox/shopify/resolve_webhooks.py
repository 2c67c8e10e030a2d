"""Webhook subscriptions: list, make, change, remove."""

import re
from typing import Any

from sandbox.shopify.connections import inner
from sandbox.shopify.resolving import Resolver, store_of
from sandbox.shopify.signing import API_VERSION
from sandbox.shopify.store import Store, Subscription

Body = dict[str, Any]
KIND = "WebhookSubscription"
# Plain http is let through to this machine only; the real one wants https everywhere.
URI = re.compile(r"(https://|http://(127\.0\.0\.1|localhost)[:/]|pubsub://|arn:aws:events:).*")


def shown(subscription: Subscription) -> Body:
    """Write a subscription as GraphQL does."""
    return {
        "__kind": KIND,
        "id": f"gid://shopify/{KIND}/{subscription.id}",
        "legacyResourceId": str(subscription.id),
        "topic": subscription.topic,
        "uri": subscription.uri,
        "format": subscription.format,
        "name": subscription.name,
        "filter": subscription.filter,
        "includeFields": subscription.include_fields,
        "metafieldNamespaces": subscription.metafield_namespaces,
        "created_at": subscription.created,
        "updated_at": subscription.updated,
        "apiVersion": {"handle": API_VERSION, "displayName": API_VERSION, "supported": True},
    }


def _found(store: Store, gid: str) -> Subscription | None:
    number = gid.rsplit("/", 1)[-1]
    return store.subscriptions.get(int(number)) if number.isdigit() else None


def _list(source: Any, info: Any, arguments: Body) -> Body:
    topics, uri = arguments.get("topics"), arguments.get("uri")
    rows = [
        shown(subscription)
        for subscription in store_of(info).subscriptions.values()
        if (not topics or subscription.topic in topics) and uri in (None, subscription.uri)
    ]
    return inner(rows, arguments)


def _count(source: Any, info: Any, arguments: Body) -> Body:
    return {"count": len(store_of(info).subscriptions), "precision": "EXACT"}


def _one(source: Any, info: Any, arguments: Body) -> Body | None:
    found = _found(store_of(info), arguments["id"])
    return shown(found) if found else None


def _create(source: Any, info: Any, arguments: Body) -> Body:
    store, wanted = store_of(info), arguments["webhookSubscription"]
    if complaint := _complaint(store, arguments["topic"], wanted.get("uri") or ""):
        return _refused("webhookSubscription", complaint)
    made = store.subscribe(arguments["topic"], wanted)
    return {"webhookSubscription": shown(made), "userErrors": []}


def _complaint(store: Store, topic: str, uri: str) -> str | None:
    if not URI.fullmatch(uri):
        return "Address protocol http:// is not supported"
    taken = any(s.topic == topic and s.uri == uri for s in store.subscriptions.values())
    return "Address for this topic has already been taken" if taken else None


def _refused(name: str, message: str) -> Body:
    errors = [{"field": ["webhookSubscription", "uri"], "message": message}]
    return {name: None, "userErrors": errors}


def _update(source: Any, info: Any, arguments: Body) -> Body:
    store = store_of(info)
    if (found := _found(store, arguments["id"])) is None:
        return _missing("webhookSubscription")
    store.change(found, arguments["webhookSubscription"])
    return {"webhookSubscription": shown(found), "userErrors": []}


def _delete(source: Any, info: Any, arguments: Body) -> Body:
    store = store_of(info)
    if (found := _found(store, arguments["id"])) is None:
        return _missing("deletedWebhookSubscriptionId")
    del store.subscriptions[found.id]
    return {"deletedWebhookSubscriptionId": arguments["id"], "userErrors": []}


def _missing(name: str) -> Body:
    message = "Webhook subscription does not exist"
    return {name: None, "userErrors": [{"field": ["id"], "message": message}]}


FIELDS: dict[str, Resolver] = {
    "QueryRoot.webhookSubscriptions": _list,
    "QueryRoot.webhookSubscriptionsCount": _count,
    "QueryRoot.webhookSubscription": _one,
    "Mutation.webhookSubscriptionCreate": _create,
    "Mutation.webhookSubscriptionUpdate": _update,
    "Mutation.webhookSubscriptionDelete": _delete,
}
