"""The lines of an order and their taxes and discounts."""

from typing import Any

from sandbox.shop import words
from sandbox.shop.chance import Chance, gid
from sandbox.shop.money import Purse, cents, money

TAX = 0.06


def line_item(chance: Chance, purse: Purse, goods: dict[str, Any] | None) -> dict[str, Any]:
    """Make one line, of a product or of something typed in by hand."""
    number, quantity = chance.number(), chance.pick((1, 1, 1, 2, 3, 12))
    variant = chance.pick(goods["variants"]) if goods else None
    price = cents(variant["price"]) if variant else 1500
    title = goods["title"] if goods else "Custom item"
    shown = variant["title"] if variant and variant["title"] != "Default Title" else None
    return {
        "id": number,
        "admin_graphql_api_id": gid("LineItem", number),
        "product_id": goods["id"] if goods else None,
        "variant_id": variant["id"] if variant else None,
        "sku": variant["sku"] if variant else None,
        "title": title,
        "variant_title": shown,
        "name": f"{title} - {shown}" if shown else title,
        "vendor": goods["vendor"] if goods else None,
        "quantity": quantity,
        "current_quantity": quantity,
        "fulfillable_quantity": quantity,
        "fulfillment_status": None,
        "fulfillment_service": "manual",
        **purse.both("price", price),
        "pre_tax_price": money(price * quantity),
        "pre_tax_price_set": purse.bag(price * quantity),
        **purse.both("total_discount", 0),
        "discount_allocations": [],
        "tax_lines": [tax_line(purse, round(price * quantity * TAX))],
        "properties": _properties(chance),
        "gift_card": chance.often(0.02),
        "grams": chance.pick((0, 200, 1500)),
        "requires_shipping": True,
        "taxable": True,
        "product_exists": goods is not None,
        "attributed_staffs": [],
        "variant_inventory_management": "shopify",
        "sales_line_item_group_id": None,
    }


def _properties(chance: Chance) -> list[dict[str, Any]]:
    if not chance.often(0.2):
        return []
    return [{"name": "Custom Engraving", "value": chance.pick(words.ENGRAVINGS)}]


def tax_line(purse: Purse, amount: int) -> dict[str, Any]:
    """Make a tax line."""
    return {
        "channel_liable": False,
        "price": money(amount),
        "price_set": purse.bag(amount),
        "rate": TAX,
        "title": "State Tax",
    }


def total_of(line: dict[str, Any]) -> int:
    """Say what a line costs before discounts, in cents."""
    return cents(line["price"]) * int(line["quantity"])


def allocate(lines: list[dict[str, Any]], purse: Purse, discount: int) -> None:
    """Spread an order's discount over its lines."""
    whole = sum(total_of(line) for line in lines) or 1
    left = discount
    for line in lines:
        share = min(left, round(discount * total_of(line) / whole))
        left -= share
        if share:
            line["discount_allocations"] = [
                {"amount": money(share), "amount_set": purse.bag(share),
                 "discount_application_index": 0}
            ]  # fmt: skip
