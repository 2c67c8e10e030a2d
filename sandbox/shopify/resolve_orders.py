"""Orders, their lines, refunds and fulfilments."""

from typing import Any

from sandbox.shop.money import cents, money
from sandbox.shopify.connections import inner
from sandbox.shopify.resolving import (
    Resolver,
    always,
    bag,
    global_id,
    kept,
    legacy_id,
    listed,
    money_bag,
    of_kind,
    store_of,
    upper,
    utc,
)

Body = dict[str, Any]


def _first(name: str) -> Resolver:
    """Resolve a plain list; `first` cuts it without a word."""
    return lambda source, info, arguments: source[name][: arguments.get("first")]


def _paged(name: str) -> Resolver:
    return lambda source, info, arguments: inner(source[name], arguments)


def _customer(source: Body, info: Any, arguments: Body) -> Body | None:
    person = source.get("customer")
    return of_kind("Customer", person and store_of(info).memory.customers.get(person["id"]))


def _sum(source: Body, amounts: list[int]) -> Body:
    """Write an amount in both currencies, at the rate of the order."""
    total = source["total_line_items_price_set"]
    paid, seen = (float(total[side]["amount"]) for side in ("shop_money", "presentment_money"))
    amount = sum(amounts)
    shown = money(round(amount * (seen / paid if paid else 1)), source["presentment_currency"])
    return {
        "shopMoney": {"amount": money(amount), "currencyCode": source["currency"]},
        "presentmentMoney": {"amount": shown, "currencyCode": source["presentment_currency"]},
    }


def _refunded(source: Body) -> list[int]:
    return [cents(t["amount"]) for refund in source["refunds"] for t in refund["transactions"]]


def _total_refunded(source: Body, info: Any, arguments: Body) -> Body:
    return _sum(source, _refunded(source))


def _net_payment(source: Body, info: Any, arguments: Body) -> Body:
    paid = 0 if source["financial_status"] == "voided" else cents(source["total_price"])
    return _sum(source, [paid, -sum(_refunded(source))])


def _fulfilment_status(source: Body, info: Any, arguments: Body) -> str:
    named = {None: "UNFULFILLED", "partial": "PARTIALLY_FULFILLED", "fulfilled": "FULFILLED"}
    return named[source["fulfillment_status"]]


def _refund_total(source: Body, info: Any, arguments: Body) -> Body | None:
    return money_bag(source["transactions"][0]["amount_set"])


def _unit_after_discounts(source: Body, info: Any, arguments: Body) -> Body:
    given = sum(cents(one["amount"]) for one in source["discount_allocations"])
    currency = source["price_set"]["shop_money"]["currency_code"]
    each = cents(source["price"]) - round(given / max(1, source["quantity"]))
    shown = {"amount": money(each), "currencyCode": currency}
    return {"shopMoney": shown, "presentmentMoney": shown}


def _line_total(source: Body, info: Any, arguments: Body) -> Body:
    currency = source["price_set"]["shop_money"]["currency_code"]
    whole = {"amount": money(cents(source["price"]) * source["quantity"]), "currencyCode": currency}
    return {"shopMoney": whole, "presentmentMoney": whole}


def _product(source: Body, info: Any, arguments: Body) -> Body | None:
    products = store_of(info).memory.products
    return of_kind("Product", products.get(source["product_id"] or 0))


def _variant(source: Body, info: Any, arguments: Body) -> Body | None:
    product = _product(source, info, arguments)
    for variant in (product or {}).get("variants", ()):
        if variant["id"] == source["variant_id"]:
            return of_kind("ProductVariant", variant)
    return None


def _tracking(source: Body, info: Any, arguments: Body) -> list[Body]:
    one = {
        "company": source["tracking_company"],
        "number": source["tracking_number"],
        "url": source["tracking_url"],
    }
    return [one][: arguments.get("first")]


def _fulfilled_lines(source: Body, info: Any, arguments: Body) -> Body:
    rows = [
        {"id": line["id"] + source["id"], "quantity": line["quantity"], "line": line}
        for line in source["line_items"]
    ]
    return inner(rows, arguments)


def _attributes(name: str) -> Resolver:
    return lambda source, info, arguments: [
        {"key": one["name"], "value": one["value"]} for one in source[name]
    ]


FIELDS: dict[str, Resolver] = {
    "Order.id": global_id("Order"),
    "Order.legacyResourceId": legacy_id,
    "Order.cancelReason": upper("cancel_reason"),
    "Order.clientIp": kept("browser_ip"),
    "Order.currencyCode": kept("currency"),
    "Order.presentmentCurrencyCode": kept("presentment_currency"),
    "Order.currentSubtotalPriceSet": bag("current_subtotal_price_set"),
    "Order.currentTotalPriceSet": bag("current_total_price_set"),
    "Order.subtotalPriceSet": bag("subtotal_price_set"),
    "Order.totalDiscountsSet": bag("total_discounts_set"),
    "Order.totalPriceSet": bag("total_price_set"),
    "Order.totalShippingPriceSet": bag("total_shipping_price_set"),
    "Order.totalTaxSet": bag("total_tax_set"),
    "Order.totalRefundedSet": _total_refunded,
    "Order.netPaymentSet": _net_payment,
    "Order.customAttributes": _attributes("note_attributes"),
    "Order.customer": _customer,
    "Order.customerAcceptsMarketing": kept("buyer_accepts_marketing"),
    "Order.discountCode": lambda s, i, a: next((d["code"] for d in s["discount_codes"]), None),
    "Order.discountCodes": lambda s, i, a: [d["code"] for d in s["discount_codes"]],
    "Order.displayFinancialStatus": upper("financial_status"),
    "Order.displayFulfillmentStatus": _fulfilment_status,
    "Order.edited": always(value=False),
    "Order.fulfillments": _first("fulfillments"),
    "Order.refunds": _first("refunds"),
    "Order.lineItems": _paged("line_items"),
    "Order.returnStatus": always("NO_RETURN"),
    "Order.shippingLine": lambda s, i, a: next(iter(s["shipping_lines"]), None),
    "Order.statusPageUrl": kept("order_status_url"),
    "Order.tags": listed("tags"),
    "Order.transactions": lambda s, i, a: [
        t for refund in s["refunds"] for t in refund["transactions"]
    ][: a.get("first")],
    "ShippingLine.originalPriceSet": bag("price_set"),
    "LineItem.id": global_id("LineItem"),
    "LineItem.customAttributes": _attributes("properties"),
    "LineItem.discountedTotalSet": _line_total,
    "LineItem.discountedUnitPriceAfterAllDiscountsSet": _unit_after_discounts,
    "LineItem.image": always(None),
    "LineItem.isGiftCard": kept("gift_card"),
    "LineItem.originalTotalSet": _line_total,
    "LineItem.originalUnitPriceSet": bag("price_set"),
    "LineItem.totalDiscountSet": bag("total_discount_set"),
    "LineItem.refundableQuantity": kept("current_quantity"),
    "LineItem.product": _product,
    "LineItem.variant": _variant,
    "Fulfillment.id": global_id("Fulfillment"),
    "Fulfillment.legacyResourceId": legacy_id,
    "Fulfillment.status": upper("status"),
    "Fulfillment.displayStatus": always("FULFILLED"),
    "Fulfillment.totalQuantity": lambda s, i, a: sum(n["quantity"] for n in s["line_items"]),
    "Fulfillment.trackingInfo": _tracking,
    "Fulfillment.fulfillmentLineItems": _fulfilled_lines,
    "FulfillmentLineItem.id": global_id("FulfillmentLineItem"),
    "FulfillmentLineItem.lineItem": kept("line"),
    "Refund.id": global_id("Refund"),
    "Refund.legacyResourceId": legacy_id,
    "Refund.updatedAt": lambda s, i, a: utc(s["processed_at"]),
    "Refund.totalRefundedSet": _refund_total,
    "Refund.refundLineItems": _paged("refund_line_items"),
    "Refund.transactions": _paged("transactions"),
    "RefundLineItem.id": global_id("RefundLineItem"),
    "RefundLineItem.lineItem": kept("line_item"),
    "RefundLineItem.priceSet": lambda s, i, a: money_bag(s["line_item"]["price_set"]),
    "RefundLineItem.restockType": upper("restock_type"),
    "RefundLineItem.subtotalSet": bag("subtotal_set"),
    "RefundLineItem.totalTaxSet": bag("total_tax_set"),
    "OrderTransaction.id": global_id("OrderTransaction"),
    "OrderTransaction.kind": upper("kind"),
    "OrderTransaction.status": upper("status"),
    "OrderTransaction.amountSet": bag("amount_set"),
    "MailingAddress.countryCodeV2": kept("country_code"),
}
