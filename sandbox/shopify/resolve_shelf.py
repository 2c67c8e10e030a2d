"""Customers, products, stock and abandoned checkouts."""

from typing import Any

from sandbox.shop.money import cents, money
from sandbox.shopify.connections import inner
from sandbox.shopify.resolving import (
    Resolver,
    always,
    global_id,
    kept,
    legacy_id,
    listed,
    of_kind,
    store_of,
    upper,
    utc,
)

Body = dict[str, Any]
LOCATION = {"id": 655441491, "name": "Main warehouse", "__kind": "Location"}


def _email(source: Body, info: Any, arguments: Body) -> Body | None:
    if not source["email"]:
        return None
    consent = store_of(info).memory.consents.get(source["id"], {}).get("email", {})
    return {
        "emailAddress": source["email"],
        "validFormat": True,
        "sourceLocation": None,
        **_consent(consent, "marketingState", "marketingOptInLevel", "NOT_SUBSCRIBED"),
        "marketingUpdatedAt": _utc(consent.get("consent_updated_at")),
    }


def _phone(source: Body, info: Any, arguments: Body) -> Body | None:
    if not source["phone"]:
        return None
    consent = store_of(info).memory.consents.get(source["id"], {}).get("sms", {})
    sms = {
        **_consent(consent, "state", "optInLevel", "NEVER_SUBSCRIBED"),
        "updatedAt": _utc(consent.get("consent_updated_at")),
        "collectedFrom": consent.get("consent_collected_from"),
    }
    never = {"state": "NEVER_SUBSCRIBED", "optInLevel": None, "updatedAt": None}
    return {
        "phoneNumber": source["phone"],
        "smsMarketingConsent": sms,
        "whatsAppMarketingConsent": never,
    }


def _consent(consent: Body, state: str, level: str, default: str) -> Body:
    opted = consent.get("opt_in_level")
    found = (consent.get("state") or default).upper()
    return {state: found, level: opted.upper() if opted else None}


def _utc(text: str | None) -> str | None:
    return utc(text) if text else None


def _display_name(source: Body, info: Any, arguments: Body) -> str:
    return f"{source['first_name']} {source['last_name']}".strip()


def _spent(source: Body, info: Any, arguments: Body) -> Body:
    return {"amount": "0.00", "currencyCode": source["currency"]}


def _price_range(source: Body, info: Any, arguments: Body) -> Body:
    currency = store_of(info).memory.currency
    prices = sorted(cents(variant["price"]) for variant in source["variants"])
    low, high = money(prices[0]), money(prices[-1])
    return {
        "minVariantPrice": {"amount": low, "currencyCode": currency},
        "maxVariantPrice": {"amount": high, "currencyCode": currency},
    }


def _variants(source: Body, info: Any, arguments: Body) -> Body:
    return inner(
        [{**variant, "__kind": "ProductVariant"} for variant in source["variants"]], arguments
    )


def _media(source: Body, info: Any, arguments: Body) -> Body | None:
    return _shown(image) if (image := source.get("image")) else None


def _pictures(source: Body, info: Any, arguments: Body) -> Body:
    """The pictures of a variant: those of its product that name it."""
    product = store_of(info).memory.products.get(source["product_id"]) or {}
    named = [one for one in product.get("images", []) if source["id"] in one["variant_ids"]]
    return inner([_shown(one) for one in named], arguments)


def _shown(image: Body) -> Body:
    preview = {"image": {"url": image["src"]}}
    return {"id": image["id"], "alt": image["alt"], "preview": preview, "__kind": "MediaImage"}


def _url(source: Body, info: Any, arguments: Body) -> str | None:
    if source["status"] != "active" or not source["published_at"]:
        return None
    return f"https://{store_of(info).domain}/products/{source['handle']}"


def _options(source: Body, info: Any, arguments: Body) -> list[Body]:
    return [{"name": "Title", "value": source["option1"]}]


def inventory_item(variant: Body) -> Body:
    """Make the inventory item behind a variant."""
    return {**variant, "id": variant["inventory_item_id"], "__kind": "InventoryItem"}


def _levels(source: Body, info: Any, arguments: Body) -> Body:
    level = {**source, "id": f"655441491?inventory_item_id={source['id']}"}
    return inner([level], arguments)


def _quantities(source: Body, info: Any, arguments: Body) -> list[Body]:
    known = {"available": source["inventory_quantity"], "on_hand": source["inventory_quantity"]}
    return [
        {"name": name, "quantity": known.get(name, 0), "updatedAt": utc(source["updated_at"])}
        for name in arguments["names"]
    ]


def _checkout_total(source: Body, info: Any, arguments: Body) -> Body:
    own = {"amount": source["total_price"], "currencyCode": source["currency"]}
    return {"shopMoney": own, "presentmentMoney": own}


def _parent(source: Body, info: Any, arguments: Body) -> Body | None:
    return of_kind("Product", store_of(info).memory.products.get(source["product_id"]))


FIELDS: dict[str, Resolver] = {
    "Customer.id": global_id("Customer"),
    "Customer.legacyResourceId": legacy_id,
    "Customer.amountSpent": _spent,
    "Customer.dataSaleOptOut": always(value=False),
    "Customer.defaultEmailAddress": _email,
    "Customer.defaultPhoneNumber": _phone,
    "Customer.displayName": _display_name,
    "Customer.lastOrder": always(None),
    "Customer.locale": always("en"),
    "Customer.numberOfOrders": always("0"),
    "Customer.productSubscriberStatus": always("NEVER_SUBSCRIBED"),
    "Customer.state": upper("state"),
    "Customer.tags": listed("tags"),
    "Product.id": global_id("Product"),
    "Product.legacyResourceId": legacy_id,
    "Product.descriptionHtml": lambda s, i, a: s["body_html"] or "",
    "Product.featuredMedia": _media,
    "Product.hasOnlyDefaultVariant": lambda s, i, a: s["variants"][0]["title"] == "Default Title",
    "Product.onlineStoreUrl": _url,
    "Product.priceRangeV2": _price_range,
    "Product.status": upper("status"),
    "Product.tags": listed("tags"),
    "Product.totalInventory": lambda s, i, a: sum(v["inventory_quantity"] for v in s["variants"]),
    "Product.tracksInventory": always(value=True),
    "Product.variants": _variants,
    "Product.variantsCount": lambda s, i, a: {"count": len(s["variants"]), "precision": "EXACT"},
    "Product.vendor": lambda s, i, a: s["vendor"] or "",
    "MediaImage.id": global_id("MediaImage"),
    "ProductVariant.id": global_id("ProductVariant"),
    "ProductVariant.legacyResourceId": legacy_id,
    "ProductVariant.availableForSale": lambda s, i, a: s["inventory_quantity"] > 0,
    "ProductVariant.inventoryItem": lambda s, i, a: inventory_item(s),
    "ProductVariant.inventoryPolicy": upper("inventory_policy"),
    "ProductVariant.media": _pictures,
    "ProductVariant.product": _parent,
    "ProductVariant.selectedOptions": _options,
    "InventoryItem.id": global_id("InventoryItem"),
    "InventoryItem.legacyResourceId": legacy_id,
    "InventoryItem.tracked": always(value=True),
    "InventoryItem.inventoryLevels": _levels,
    "InventoryLevel.id": global_id("InventoryLevel"),
    "InventoryLevel.isActive": always(value=True),
    "InventoryLevel.location": always(LOCATION),
    "InventoryLevel.quantities": _quantities,
    "Location.id": global_id("Location"),
    "AbandonedCheckout.id": global_id("AbandonedCheckout"),
    "AbandonedCheckout.customer": lambda s, i, a: of_kind("Customer", s["customer"]),
    "AbandonedCheckout.totalPriceSet": _checkout_total,
    "AbandonedCheckout.lineItems": lambda s, i, a: inner(s["line_items"], a),
    "AbandonedCheckoutLineItem.id": lambda s, i, a: (
        f"gid://shopify/AbandonedCheckoutLineItem/{s['key']}"
    ),
    "AbandonedCheckoutLineItem.variant": always(None),
    "Customer.note": kept("note"),
}
