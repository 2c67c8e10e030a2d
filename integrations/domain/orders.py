"""What an order and its parts mean to Klaviyo."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from .metrics import Settings
from .operations import Kind, Operation, Profile, TrackEvent
from .people import Contact
from .profiles import upsert
from .properties import address_properties, item_properties, present, text
from .records import Checkout, Fulfilment, LineItem, Order, Refund


def order_operations(
    order: Order, found: Contact, profile: Profile, settings: Settings
) -> list[Operation]:
    """Everything an order says: that it was placed, its lines, its end, its parts, its buyer."""
    items = [item_properties(line) for line in order.lines]
    common = _order_properties(order, items)
    operations: list[Operation] = [_placed(order, profile, common, settings)]
    operations += [
        _ordered(order, line, item, profile, settings)
        for line, item in zip(order.lines, items, strict=True)
    ]
    if order.cancelled_at is not None:
        operations.append(_cancelled(order, order.cancelled_at, profile, common, settings))
    operations += [
        fulfilled(parcel, profile, settings) for parcel in order.fulfilments if not parcel.cancelled
    ]
    operations += [refunded(refund, profile, settings) for refund in order.refunds]
    operations.append(
        upsert(
            profile,
            found,
            scope=settings.scope,
            version=order.version,
            # So that guests get a name and a place too.
            first_name=order.buyer.first_name,
            last_name=order.buyer.last_name,
            address=order.shipping or order.billing,
        )
    )
    return operations


def _placed(
    order: Order, profile: Profile, common: dict[str, Any], settings: Settings
) -> TrackEvent:
    return TrackEvent(
        kind=Kind.PLACED_ORDER,
        metric=settings.metrics.placed_order,
        profile=profile,
        scope=settings.scope,
        source_id=order.source_id,
        unique_id=order.source_id,
        occurred_at=order.placed_at,
        version=order.version,
        value=order.total,
        currency=order.currency,
        properties=common,
    )


def _ordered(
    order: Order, line: LineItem, item: dict[str, Any], profile: Profile, settings: Settings
) -> TrackEvent:
    return TrackEvent(
        kind=Kind.ORDERED_PRODUCT,
        metric=settings.metrics.ordered_product,
        profile=profile,
        scope=settings.scope,
        source_id=line.source_id,
        unique_id=f"{order.source_id}_{line.source_id}",
        occurred_at=order.placed_at,
        version=order.version,
        value=line.price * line.quantity,
        currency=order.currency,
        properties={"OrderId": order.source_id, "LineId": line.source_id, **item},
    )


def _cancelled(
    order: Order, at: datetime, profile: Profile, common: dict[str, Any], settings: Settings
) -> TrackEvent:
    return TrackEvent(
        kind=Kind.CANCELLED_ORDER,
        metric=settings.metrics.cancelled_order,
        profile=profile,
        scope=settings.scope,
        source_id=order.source_id,
        unique_id=order.source_id,
        occurred_at=at,
        version=order.version,
        value=order.total,
        currency=order.currency,
        properties=common | present({"Reason": text(order.cancel_reason)}),
    )


def refunded(refund: Refund, profile: Profile, settings: Settings) -> TrackEvent:
    """Money given back; the first refund of an order carries the order's id."""
    return TrackEvent(
        kind=Kind.REFUNDED_ORDER,
        metric=settings.metrics.refunded_order,
        profile=profile,
        scope=settings.scope,
        source_id=refund.source_id,
        unique_id=refund.order_id,
        fallback_id=f"{refund.order_id}_{refund.source_id}",
        occurred_at=refund.created_at,
        version=refund.version,
        value=refund.amount,
        currency=refund.currency,
        properties=present(
            {
                "OrderId": refund.order_id,
                "RefundId": refund.source_id,
                "Reason": text(refund.reason),
                "ItemNames": [line.title for line in refund.lines],
                "Items": [item_properties(line) for line in refund.lines],
            }
        ),
    )


def fulfilled(parcel: Fulfilment, profile: Profile, settings: Settings) -> TrackEvent:
    """A parcel that left; the first parcel of an order carries the order's id."""
    return TrackEvent(
        kind=Kind.FULFILLED_ORDER,
        metric=settings.metrics.fulfilled_order,
        profile=profile,
        scope=settings.scope,
        source_id=parcel.source_id,
        unique_id=parcel.order_id,
        fallback_id=f"{parcel.order_id}_{parcel.source_id}",
        occurred_at=parcel.created_at,
        version=parcel.version,
        value=sum((line.price * line.quantity for line in parcel.lines), Decimal(0)),
        currency=None,
        properties=present(
            {
                "OrderId": parcel.order_id,
                "FulfillmentId": parcel.source_id,
                "TrackingCompany": text(parcel.tracking_company),
                "TrackingNumbers": list(parcel.tracking_numbers),
                "TrackingURLs": list(parcel.tracking_urls),
                "ItemNames": [line.title for line in parcel.lines],
                "Items": [item_properties(line) for line in parcel.lines],
            }
        ),
    )


def started_checkout(checkout: Checkout, profile: Profile, settings: Settings) -> TrackEvent:
    """A checkout that was begun; its id names the moment, since a checkout may be begun again."""
    return TrackEvent(
        kind=Kind.STARTED_CHECKOUT,
        metric=settings.metrics.started_checkout,
        profile=profile,
        scope=settings.scope,
        source_id=checkout.source_id,
        unique_id=f"{checkout.source_id}_{int(checkout.started_at.timestamp())}",
        occurred_at=checkout.started_at,
        version=checkout.version,
        value=checkout.total,
        currency=checkout.currency,
        properties=present(
            {
                "CheckoutId": checkout.source_id,
                "CheckoutURL": text(checkout.url),
                "ItemNames": [line.title for line in checkout.lines],
                "Items": [item_properties(line) for line in checkout.lines],
            }
        ),
    )


def country(order: Order) -> str | None:
    """The country of an order's addresses, for phone numbers written without theirs."""
    address = order.billing or order.shipping
    return address.country_code if address else None


def _order_properties(order: Order, items: list[dict[str, Any]]) -> dict[str, Any]:
    lines = order.lines
    return present(
        {
            "OrderId": order.source_id,
            "OrderNumber": order.name,
            "ItemNames": [line.title for line in lines],
            "Brands": sorted({line.vendor for line in lines if line.vendor}),
            "Item Count": sum(line.quantity for line in lines),
            "DiscountCode": ", ".join(order.discount_codes),
            "DiscountValue": order.discount_total,
            "Items": items,
            "BillingAddress": address_properties(order.billing),
            "ShippingAddress": address_properties(order.shipping),
            "Source Name": text(order.source_name),
            "Customer Locale": text(order.locale),
            "Tags": list(order.tags),
        }
    )
