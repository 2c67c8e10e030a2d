"""What becomes of an order: fulfilled, refunded, cancelled, edited."""

from typing import Any

from sandbox.shop import words
from sandbox.shop.chance import Chance, gid, touched
from sandbox.shop.lines import TAX
from sandbox.shop.money import Purse, cents, money


def purse_of(order: dict[str, Any]) -> Purse:
    """Find out what an order was paid in."""
    bag = order["total_line_items_price_set"]
    paid, seen = (float(bag[side]["amount"]) for side in ("shop_money", "presentment_money"))
    return Purse(order["currency"], order["presentment_currency"], seen / paid if paid else 1.0)


def fulfil(chance: Chance, order: dict[str, Any], at: str, *, partly: bool) -> dict[str, Any]:
    """Ship some or all of what is left to ship; change the order and return the fulfilment."""
    waiting = [line for line in order["line_items"] if line["fulfillable_quantity"] > 0]
    if partly and len(waiting) > 1:
        waiting = waiting[: chance.randrange(1, len(waiting))]
    shipped = [{**line, "quantity": line["fulfillable_quantity"]} for line in waiting]
    for line in waiting:
        line["fulfillable_quantity"], line["fulfillment_status"] = 0, "fulfilled"
    whole = all(line["fulfillable_quantity"] == 0 for line in order["line_items"])
    order["fulfillment_status"] = "fulfilled" if whole else "partial"
    made = _fulfilment(chance, order, shipped, at)
    order["fulfillments"].append(made)
    touched(order, at)
    return made


def _fulfilment(
    chance: Chance, order: dict[str, Any], shipped: list[dict[str, Any]], at: str
) -> dict[str, Any]:
    number, tracking = chance.number(), f"1Z{chance.randrange(10**9):09d}"
    url = f"https://track.alpine-demo.shop/{tracking}"
    return {
        "id": number,
        "admin_graphql_api_id": gid("Fulfillment", number),
        "order_id": order["id"],
        "status": "success",
        "shipment_status": None,
        "created_at": at,
        "updated_at": at,
        "service": "manual",
        "name": f"{order['name']}.{len(order['fulfillments']) + 1}",
        "email": order["email"],
        "location_id": 655441491,
        "origin_address": None,
        "destination": order["shipping_address"],
        "receipt": {},
        "tracking_company": chance.pick(words.CARRIERS),
        "tracking_number": tracking,
        "tracking_numbers": [tracking],
        "tracking_url": url,
        "tracking_urls": [url],
        "line_items": shipped,
    }


def refund(chance: Chance, order: dict[str, Any], at: str, *, partly: bool) -> dict[str, Any]:
    """Give back some or all of what is left; change the order and return the refund."""
    purse = purse_of(order)
    left = [line for line in order["line_items"] if line["current_quantity"] > 0]
    if partly and len(left) > 1:
        left = left[: chance.randrange(1, len(left))]
    rows = [_refunded(chance, purse, line) for line in left]
    for line in left:
        line["current_quantity"] = line["fulfillable_quantity"] = 0
    amount = sum(cents(row["subtotal"]) + cents(row["total_tax"]) for row in rows)
    amount = min(amount, cents(order["current_total_price"]))
    made = _refund(chance, order, purse, rows, amount, at)
    order["refunds"].append(made)
    _settle(order, purse, amount)
    touched(order, at)
    return made


def _refunded(chance: Chance, purse: Purse, line: dict[str, Any]) -> dict[str, Any]:
    discount = sum(cents(given["amount"]) for given in line["discount_allocations"])
    subtotal = max(0, cents(line["price"]) * line["current_quantity"] - discount)
    tax = round(subtotal * TAX)
    return {
        "id": chance.number(),
        "line_item_id": line["id"],
        "line_item": dict(line),
        "quantity": line["current_quantity"],
        "restock_type": chance.pick(("return", "cancel", "no_restock")),
        "location_id": 655441491,
        "subtotal": money(subtotal),
        "subtotal_set": purse.bag(subtotal),
        "total_tax": money(tax),
        "total_tax_set": purse.bag(tax),
    }


def _refund(
    chance: Chance,
    order: dict[str, Any],
    purse: Purse,
    rows: list[dict[str, Any]],
    amount: int,
    at: str,
) -> dict[str, Any]:
    number = chance.number()
    return {
        "id": number,
        "admin_graphql_api_id": gid("Refund", number),
        "order_id": order["id"],
        "created_at": at,
        "processed_at": at,
        "note": chance.pick(words.REFUND_NOTES),
        "user_id": 799407056,
        "restock": True,
        "refund_line_items": rows,
        "refund_shipping_lines": [],
        "order_adjustments": [],
        "transactions": [_transaction(chance, order, purse, amount, at)],
        "duties": [],
        "total_duties_set": purse.bag(0),
        "return": None,
    }


def _transaction(
    chance: Chance, order: dict[str, Any], purse: Purse, amount: int, at: str
) -> dict[str, Any]:
    number = chance.number()
    return {
        "id": number,
        "admin_graphql_api_id": gid("OrderTransaction", number),
        "order_id": order["id"],
        "amount": money(amount),
        "amount_set": purse.bag(amount),
        "currency": purse.shop,
        "kind": "refund",
        "gateway": "shopify_payments",
        "status": "success",
        "message": None,
        "created_at": at,
        "processed_at": at,
        "test": order["test"],
        "parent_id": None,
        "location_id": None,
        "user_id": None,
        "error_code": None,
        "receipt": {},
        "source_name": "web",
    }


def _settle(order: dict[str, Any], purse: Purse, amount: int) -> None:
    left = cents(order["current_total_price"]) - amount
    order |= purse.both("current_total_price", left)
    whole = all(line["current_quantity"] == 0 for line in order["line_items"])
    order["financial_status"] = "refunded" if whole else "partially_refunded"


def cancel(chance: Chance, order: dict[str, Any], at: str) -> None:
    """Call an order off."""
    order["cancelled_at"] = order["closed_at"] = at
    order["cancel_reason"] = chance.pick(("customer", "fraud", "inventory", "declined", "other"))
    order["financial_status"] = "voided" if not order["refunds"] else order["financial_status"]
    touched(order, at)


def edit(chance: Chance, order: dict[str, Any], at: str) -> None:
    """Change something about an order that matters to nobody but the merchant."""
    order["note"] = chance.pick(words.NOTES)
    order["tags"] = chance.pick(words.TAGS)
    touched(order, at)
