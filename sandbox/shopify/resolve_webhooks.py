"""Webhook subscriptions: list, make, change, remove."""

import re
from typing import Any

from sandbox.shopify.connections import inner
from sandbox.shopify.resolving import Resolver, store_of
from sandbox.shopify.scopes import allows, of_topic
from sandbox.shopify.signing import API_VERSION
from sandbox.shopify.store import Store, Subscription

Body = dict[str, Any]
# The field that is wrong, or None for the whole input; and what is wrong with it.
Complaint = tuple[str | None, str]
KIND = "WebhookSubscription"
# Plain http is let through to this machine only; the real one wants https everywhere.
URI = re.compile(r"(https://|http://(127\.0\.0\.1|localhost)[:/]|pubsub://|arn:aws:events:).*")
NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")


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
    if complaint := _complaint(store, arguments["topic"], wanted):
        return _refused(complaint)
    made = store.subscribe(arguments["topic"], wanted)
    return {"webhookSubscription": shown(made), "userErrors": []}


def _complaint(
    store: Store, topic: str, wanted: Body, own: Subscription | None = None
) -> Complaint | None:
    if not allows(store.access.scopes, of_topic(topic)):
        return None, f"You do not have permission to create or update webhooks with {topic} topic."
    uri = wanted.get("uri") or (own.uri if own else "")
    if not URI.fullmatch(uri):
        return "uri", "Address protocol http:// is not supported"
    if not NAME.fullmatch(wanted.get("name") or "-"):
        return "name", "Name is too long or has characters that are not allowed"
    others = (one for one in store.subscriptions.values() if one is not own)
    taken = any(one.topic == topic and one.uri == uri for one in others)
    return ("uri", "Address for this topic has already been taken") if taken else None


def _refused(complaint: Complaint) -> Body:
    field, message = complaint
    path = ["webhookSubscription", field] if field else ["webhookSubscription"]
    return {"webhookSubscription": None, "userErrors": [{"field": path, "message": message}]}


def _update(source: Any, info: Any, arguments: Body) -> Body:
    store, wanted = store_of(info), arguments["webhookSubscription"]
    if (found := _found(store, arguments["id"])) is None:
        return _missing("webhookSubscription")
    if complaint := _complaint(store, found.topic, wanted, found):
        return _refused(complaint)
    store.change(found, wanted)
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
