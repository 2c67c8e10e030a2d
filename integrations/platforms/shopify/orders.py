"""Orders read from the store by id, as the same records that webhooks give."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError, Unreadable
from integrations.domain.records import Address, Buyer, Fulfilment, LineItem, Order, Refund

from . import nodes, whole_orders
from .client import Shopify
from .values import currency, identifier, moment, money
from .whole_orders import Pay, unpaid

# Ten orders cost at most some 400 of the 1,000 points a query may ask for.
AT_ONCE = 10


class _Found(msgspec.Struct):
    nodes: list[dict[str, Any] | None]


def fetch_orders(
    client: Shopify, ids: Iterable[str], *, pay: Pay = unpaid
) -> dict[str, Order | Failure]:
    """Fetch orders by numeric id; those the store does not have are left out.

    What its lists left out is fetched besides, and paid for first. An order that cannot be read,
    or completed, stands as its failure: half an order is never taken for a whole one, and it stops
    none of the others. So do those that were not
    reached because a call failed: what was found before it is kept.
    """
    found: dict[str, Order | Failure] = {}
    remaining = iter(sorted(ids))
    while part := list(islice(remaining, AT_ONCE)):
        variables = {"ids": [f"gid://shopify/Order/{one}" for one in part]}
        try:
            answered = client.query("orders_by_id", variables, _Found).nodes
        except PlatformError as exc:
            return found | dict.fromkeys([*part, *remaining], exc.failure)
        for raw in answered:
            if raw is not None and raw.get("__typename") == "Order":
                try:
                    whole_orders.complete(client, raw, pay=pay)
                    order = read_order(raw)
                    found[order.source_id] = order
                except PlatformError as exc:
                    found[str(raw.get("id")).rsplit("/", 1)[-1]] = exc.failure
    return found


def read_order(raw: dict[str, Any]) -> Order:
    """An order from its GraphQL shape. Raises PlatformError."""
    try:
        return _order(msgspec.convert(raw, nodes.OrderNode, strict=False))
    except (msgspec.ValidationError, Unreadable) as exc:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, f"Shopify's order cannot be read: {exc}", "order_shape")
        ) from exc


def _order(node: nodes.OrderNode) -> Order:
    whole(node.line_items.page_info, "lines")
    order_id = identifier(node.legacy_resource_id, "id")
    code = currency(node.currency_code, "currencyCode")
    billing, shipping = address(node.billing_address), address(node.shipping_address)
    named = billing or shipping or Address()
    customer = node.customer or nodes.CustomerNode()
    email = customer.default_email_address or nodes.Email()
    phone = customer.default_phone_number or nodes.Phone()
    return Order(
        source_id=order_id,
        name=node.name,
        test=node.test,
        buyer=Buyer(
            email=node.email or email.email_address,
            phone=node.phone or phone.phone_number,
            first_name=customer.first_name or named.first_name,
            last_name=customer.last_name or named.last_name,
        ),
        placed_at=moment(node.processed_at, "processedAt"),
        version=moment(node.updated_at, "updatedAt"),
        currency=code,
        total=_amount(node.total_price_set),
        subtotal=_amount(node.subtotal_price_set) if node.subtotal_price_set else None,
        discount_total=_amount(node.total_discounts_set) if node.total_discounts_set else None,
        discount_codes=node.discount_codes,
        tags=node.tags,
        source_name=node.source_name,
        locale=node.customer_locale,
        cancelled_at=node.cancelled_at and moment(node.cancelled_at, "cancelledAt"),
        # GraphQL shouts its enumerations, webhooks whisper them.
        cancel_reason=node.cancel_reason.lower() if node.cancel_reason else None,
        billing=billing,
        shipping=shipping,
        lines=tuple(_line(one) for one in node.line_items.nodes),
        refunds=tuple(
            sorted(
                (_refund(one, order_id, code) for one in node.refunds),
                key=lambda one: (one.created_at, one.source_id),
            )
        ),
        fulfilments=tuple(
            sorted(
                (_fulfilment(one, order_id) for one in node.fulfillments),
                key=lambda one: (one.created_at, one.source_id),
            )
        ),
    )


def _refund(node: nodes.RefundNode, order_id: str, code: str) -> Refund:
    whole(node.refund_line_items.page_info, "refunded lines")
    at = node.processed_at or node.created_at
    if at is None:
        raise Unreadable("This refund has no date.", field="$.refunds.createdAt", rule="type")
    return Refund(
        source_id=identifier(node.legacy_resource_id, "refunds.id"),
        order_id=order_id,
        created_at=moment(at, "refunds.processedAt"),
        amount=_amount(node.total_refunded_set),
        currency=node.total_refunded_set.shop_money.currency_code or code,
        reason=node.note,
        lines=_part_lines(node.refund_line_items),
        version=moment(at, "refunds.processedAt"),
    )


def _fulfilment(node: nodes.FulfilmentNode, order_id: str) -> Fulfilment:
    whole(node.fulfillment_line_items.page_info, "fulfilled lines")
    tracking = node.tracking_info
    return Fulfilment(
        source_id=identifier(node.legacy_resource_id, "fulfillments.id"),
        order_id=order_id,
        created_at=moment(node.created_at, "fulfillments.createdAt"),
        cancelled=node.status in {"CANCELLED", "ERROR", "FAILURE"},
        tracking_company=next((one.company for one in tracking if one.company), None),
        tracking_numbers=tuple(one.number for one in tracking if one.number),
        tracking_urls=tuple(one.url for one in tracking if one.url),
        lines=_part_lines(node.fulfillment_line_items),
        version=moment(node.updated_at, "fulfillments.updatedAt"),
    )


def _part_lines(part: nodes.PartLines) -> tuple[LineItem, ...]:
    return tuple(_line(one.line_item, count=one.quantity) for one in part.nodes)


def _line(node: nodes.LineNode, *, count: int | None = None) -> LineItem:
    return LineItem(
        source_id=_number(node.id),
        title=node.title,
        quantity=node.quantity if count is None else count,
        price=_amount(node.original_unit_price_set),
        product_id=_number(node.product.id) if node.product else None,
        variant_id=_number(node.variant.id) if node.variant else None,
        variant_title=node.variant_title,
        sku=node.sku or None,
        vendor=node.vendor,
    )


def address(node: nodes.AddressNode | None) -> Address | None:
    """A postal address from its GraphQL shape."""
    if node is None:
        return None
    return Address(
        node.first_name,
        node.last_name,
        node.company,
        node.address1,
        node.address2,
        node.city,
        node.province,
        node.province_code,
        node.zip,
        node.country,
        node.country_code_v2,
        node.phone,
    )


def _amount(bag: nodes.MoneyBag) -> Decimal:
    return money(bag.shop_money.amount, "money")


def _number(gid: str) -> str:
    return identifier(gid.rsplit("/", 1)[-1].partition("?")[0], "id")


def whole(page: nodes.PageInfo, what: str) -> None:
    """Refuse a list of which there is more. Raises PlatformError."""
    if page.has_next_page:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, f"Shopify sent only a part of the {what}.", "truncated")
        )
