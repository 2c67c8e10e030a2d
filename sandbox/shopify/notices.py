"""The webhooks that tell the app about itself."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from sandbox.shopify.resolve_root import shop_number
from sandbox.shopify.signing import Webhook
from sandbox.shopify.store import Store

if TYPE_CHECKING:
    from sandbox.shopify.bulk import Run


def uninstalled(store: Store) -> Webhook:
    """Tell that the app is out; the body is the shop, as REST shows it."""
    return _notice(store, "app/uninstalled", shop_body(store))


def scopes_update(store: Store, before: list[str]) -> Webhook:
    """Tell which scopes the app had and has; the shape is from memory of Shopify's examples."""
    body = {
        "id": f"gid://shopify/AppInstallation/{shop_number(store.domain)}",
        "shop_id": f"gid://shopify/Shop/{shop_number(store.domain)}",
        "previous": before,
        "current": list(store.access.scopes),
        "updated_at": store.now(),
    }
    return _notice(store, "app/scopes_update", body)


def bulk_finished(store: Store, run: "Run") -> Webhook:
    """Tell that a bulk operation has ended: its values are in lower case, and no link is in it."""
    body = {
        "admin_graphql_api_id": run.gid,
        "completed_at": store.now() if run.status == "COMPLETED" else None,
        "created_at": datetime.fromtimestamp(run.created, UTC).isoformat(timespec="seconds"),
        "error_code": run.error.lower() if run.error else None,
        "status": run.status.lower(),
        "type": "query",
    }
    raw = msgspec.json.encode(body)
    return Webhook(store.domain, "bulk_operations/finish", raw, store.utc_now(), about=run.gid)


def shop_body(store: Store) -> dict[str, Any]:
    """Write the shop as REST does."""
    config, memory = store.config, store.memory
    return {
        "id": shop_number(store.domain),
        "name": config.name,
        "email": "owner@mail.alpine-demo.shop",
        "domain": config.domain,
        "myshopify_domain": config.domain,
        "shop_owner": "Olive Owner",
        "customer_email": "hello@mail.alpine-demo.shop",
        "currency": memory.currency,
        "iana_timezone": memory.timezone,
        "timezone": f"(GMT+00:00) {memory.timezone}",
        "country_code": "FR",
        "country_name": "France",
        "city": "Lyon",
        "address1": "1 Sandbox Way",
        "address2": None,
        "zip": "69001",
        "phone": "",
        "primary_locale": "en",
        "plan_name": config.plan,
        "plan_display_name": config.plan.title(),
        "password_enabled": False,
        "setup_required": False,
        "created_at": "2026-01-05T09:00:00+01:00",
        "updated_at": store.now(),
    }


def _notice(store: Store, topic: str, body: dict[str, Any]) -> Webhook:
    raw = msgspec.json.encode(body)
    return Webhook(store.domain, topic, raw, store.utc_now(), about=str(body["id"]))
