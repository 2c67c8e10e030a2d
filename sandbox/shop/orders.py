"""New orders and checkouts of a made-up shop."""

from typing import Any

from sandbox.shop import words
from sandbox.shop.chance import Chance, gid
from sandbox.shop.customers import address
from sandbox.shop.lines import TAX, allocate, line_item, tax_line, total_of
from sandbox.shop.money import Purse, cents, money

MANY_LINES = 200
CHECKOUT_LINE = (
    "product_id", "variant_id", "sku", "title", "variant_title", "vendor", "quantity", "price",
    "grams", "requires_shipping", "taxable", "gift_card", "properties",
)  # fmt: skip
SOURCES = ("web", "web", "web", "web", "pos", "shopify_draft_order", "580111", "iphone")


def contact(chance: Chance, person: dict[str, Any] | None) -> tuple[str | None, str | None]:
    """Choose what the buyer left: e-mail, phone, both or neither."""
    if person is None:
        return None, None
    drawn = chance.random()
    if drawn < 0.03:
        return None, person["phone"]
    return (None, None) if drawn < 0.05 else (person["email"], person["phone"])


def some_lines(
    chance: Chance, purse: Purse, goods: list[dict[str, Any]], *, many: bool
) -> list[dict[str, Any]]:
    """Fill a cart; rarely with something typed in by hand, rarely with two hundred lines."""
    count = MANY_LINES if many else chance.pick((1, 1, 2, 2, 3, 4, 6))
    return [
        line_item(chance, purse, None if chance.often(0.03) else chance.pick(goods))
        for _ in range(count)
    ]


def order(
    chance: Chance,
    *,
    shop: str,
    sequence: int,
    purse: Purse,
    person: dict[str, Any] | None,
    guest: bool,
    lines: list[dict[str, Any]],
    at: str,
) -> dict[str, Any]:
    """Make an order as `orders/create` shows one."""
    number = chance.number()
    email, phone = contact(chance, person)
    name = (person or {}).get("first_name") or "Guest", (person or {}).get("last_name") or "Buyer"
    home = address(chance, *name, phone)
    return {
        "id": number,
        "admin_graphql_api_id": gid("Order", number),
        "app_id": 580111,
        "name": f"#{sequence}",
        "number": sequence - 1000,
        "order_number": sequence,
        "confirmation_number": chance.token()[:9].upper(),
        "confirmed": True,
        "test": chance.often(0.01),
        "email": email,
        "contact_email": email,
        "phone": phone,
        "customer": None if guest or person is None else _inner_customer(person),
        "customer_locale": chance.pick(("en", "fr-FR", "de", "ja", None)),
        "buyer_accepts_marketing": chance.often(0.3),
        "billing_address": home,
        "shipping_address": home if chance.often(0.9) else None,
        "created_at": at,
        "processed_at": at,
        "updated_at": at,
        "closed_at": None,
        "cancelled_at": None,
        "cancel_reason": None,
        "financial_status": chance.pick(("paid", "paid", "paid", "authorized", "pending")),
        "fulfillment_status": None,
        **_totals(chance, purse, lines),
        "line_items": lines,
        "line_item_groups": [],
        "fulfillments": [],
        "refunds": [],
        "returns": [],
        "note": chance.pick(words.NOTES),
        "note_attributes": [{"name": "colour", "value": "green"}] if chance.often(0.1) else [],
        "tags": ", ".join(sorted(set(chance.choices(words.TAGS, k=2))))
        if chance.often(0.2)
        else "",
        **_origin(chance, shop),
    }


def _inner_customer(person: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in person.items() if name != "addresses"}


def _totals(chance: Chance, purse: Purse, lines: list[dict[str, Any]]) -> dict[str, Any]:
    goods = sum(total_of(line) for line in lines)
    free = chance.often(0.03)
    code = chance.pick(words.DISCOUNTS) if free or chance.often(0.25) else None
    discount = goods if free else round(goods * 0.1) if code else 0
    allocate(lines, purse, discount)
    shipping = 0 if free or chance.often(0.4) else 590
    tax = round((goods - discount) * TAX)
    total = goods - discount + tax + shipping
    flat = {
        "total_price": total, "subtotal_price": goods - discount, "total_tax": tax,
        "total_discounts": discount, "total_line_items_price": goods,
        "current_total_price": total, "current_subtotal_price": goods - discount,
        "current_total_tax": tax, "current_total_discounts": discount,
    }  # fmt: skip
    pairs: dict[str, Any] = {}
    for name, amount in flat.items():
        pairs |= purse.both(name, amount)
    return {
        "currency": purse.shop,
        "presentment_currency": purse.presentment,
        **pairs,
        "total_shipping_price_set": purse.bag(shipping),
        "current_shipping_price_set": purse.bag(shipping),
        "current_total_duties_set": None,
        "original_total_duties_set": None,
        "original_total_additional_fees_set": None,
        "current_total_additional_fees_set": None,
        "total_cash_rounding_payment_adjustment_set": purse.bag(0),
        "total_cash_rounding_refund_adjustment_set": purse.bag(0),
        "total_outstanding": "0.00",
        "total_tip_received": "0.00",
        "total_weight": sum(int(line["grams"]) for line in lines),
        "taxes_included": False,
        "tax_exempt": False,
        "duties_included": False,
        "estimated_taxes": False,
        "tax_lines": [tax_line(purse, tax)],
        "discount_codes": _codes(code, discount),
        "discount_applications": _applications(code),
        "shipping_lines": [_shipping(chance, purse, shipping)],
    }


def _codes(code: str | None, discount: int) -> list[dict[str, Any]]:
    return [{"code": code, "amount": money(discount), "type": "percentage"}] if code else []


def _applications(code: str | None) -> list[dict[str, Any]]:
    if not code:
        return []
    return [
        {"target_type": "line_item", "type": "discount_code", "value": "10.0",
         "value_type": "percentage", "allocation_method": "across", "target_selection": "all",
         "code": code}
    ]  # fmt: skip


def _shipping(chance: Chance, purse: Purse, amount: int) -> dict[str, Any]:
    return {
        "id": chance.number(),
        "code": "Standard",
        "title": "Standard",
        "source": "shopify",
        "carrier_identifier": None,
        "phone": None,
        **purse.both("price", amount),
        **purse.both("discounted_price", amount),
        "discount_allocations": [],
        "tax_lines": [],
        "is_removed": False,
    }


def _origin(chance: Chance, shop: str) -> dict[str, Any]:
    token = chance.token()
    source = chance.pick(SOURCES)
    return {
        "token": token,
        "cart_token": chance.token() if source == "web" else None,
        "checkout_token": chance.token() if source == "web" else None,
        "checkout_id": chance.number(),
        "client_details": {"accept_language": "en", "browser_ip": "203.0.113.7",
                           "session_hash": None, "user_agent": "Mozilla/5.0"},
        "browser_ip": "203.0.113.7",
        "device_id": None,
        "user_id": None,
        "location_id": 655441491 if source == "pos" else None,
        "source_name": source,
        "source_identifier": None,
        "source_url": None,
        "landing_site": "/?utm_source=newsletter" if source == "web" else None,
        "landing_site_ref": None,
        "referring_site": None,
        "reference": None,
        "order_status_url": f"https://{shop}/1/orders/{token}/authenticate?key={token[:12]}",
        "payment_gateway_names": ["shopify_payments"],
        "payment_terms": None,
        "po_number": None,
        "company": None,
        "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
        "merchant_of_record_app_id": None,
    }  # fmt: skip


def checkout(
    chance: Chance,
    *,
    shop: str,
    purse: Purse,
    person: dict[str, Any] | None,
    lines: list[dict[str, Any]],
    at: str,
) -> dict[str, Any]:
    """Make a checkout as `checkouts/create` shows one; some stay abandoned."""
    number, token = chance.number(), chance.token()
    email, phone = contact(chance, person)
    goods = sum(total_of(line) for line in lines)
    return {
        "id": number,
        "admin_graphql_api_id": gid("AbandonedCheckout", number),
        "token": token,
        "cart_token": chance.token(),
        "email": email,
        "phone": phone,
        "customer": _inner_customer(person) if person else None,
        "buyer_accepts_marketing": False,
        "abandoned_checkout_url": f"https://{shop}/1/checkouts/{token}/recover",
        "created_at": at,
        "updated_at": at,
        "completed_at": None,
        "closed_at": None,
        "currency": purse.shop,
        "presentment_currency": purse.presentment,
        "subtotal_price": money(goods),
        "total_price": money(goods),
        "total_tax": "0.00",
        "total_discounts": "0.00",
        "total_line_items_price": money(goods),
        "taxes_included": False,
        "line_items": [_checkout_line(line) for line in lines],
        "shipping_lines": [],
        "discount_codes": [],
        "tax_lines": [],
        "note": None,
        "note_attributes": [],
        "name": f"#{number}",
        "source_name": "web",
        "billing_address": None,
        "shipping_address": None,
    }


def _checkout_line(line: dict[str, Any]) -> dict[str, Any]:
    kept = {name: line[name] for name in CHECKOUT_LINE}
    return {
        **kept,
        "key": str(line["id"]),
        "line_price": money(cents(line["price"]) * line["quantity"]),
    }
