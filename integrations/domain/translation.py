"""Records in, operations out: what each thing a store tells us means to Klaviyo."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from . import catalog
from .operations import Kind, Operation, Profile, TrackEvent, UpsertProfile
from .people import Contact, buyer_contact, contact
from .properties import (
    address_properties,
    item_properties,
    location,
    present,
    text,
)
from .records import (
    Checkout,
    Consent,
    Customer,
    Deletion,
    Fulfilment,
    InventoryLevel,
    LineItem,
    Order,
    Product,
    Record,
    Refund,
    Stream,
)
from .skips import Skip


class MetricNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each metric is called in one Klaviyo account; flows listen to these names."""

    placed_order: str = "Placed Order"
    ordered_product: str = "Ordered Product"
    fulfilled_order: str = "Fulfilled Order"
    cancelled_order: str = "Cancelled Order"
    refunded_order: str = "Refunded Order"
    started_checkout: str = "Started Checkout"


class Settings(msgspec.Struct, frozen=True):
    """What translation must know about the store a record came from."""

    scope: str
    shop_url: str
    metrics: MetricNames = MetricNames()


# What a deletion in the store means for what Klaviyo holds.
DELETIONS = {
    Stream.CUSTOMERS: Skip.CUSTOMER_DELETED,
    Stream.ORDERS: Skip.ORDER_DELETED,
}


class Translation(msgspec.Struct):
    """What became of one record: operations, or the rule by which there are none."""

    operations: list[Operation] = msgspec.field(default_factory=list)
    skip: Skip | None = None
    notes: tuple[str, ...] = ()
    # The order a refund or parcel belongs to, when its buyer is not known yet.
    needs_order: str | None = None


def translate(
    record: Record, *, settings: Settings, buyers: Mapping[str, Profile] | None = None
) -> Translation:
    """Say what a record means to Klaviyo.

    `buyers` names the profile each known order was attached to; refunds and parcels that come
    on their own are attached to the same one, and ask for their order when it is missing.
    """
    match record:
        case Order():
            return _order(record, settings)
        case Refund() | Fulfilment():
            return _part_of_order(record, settings, buyers or {})
        case Checkout():
            return _checkout(record, settings)
        case Customer():
            return _customer(record, settings)
        case Product():
            return Translation(catalog.upserts(record, settings.scope, settings.shop_url))
        case Deletion(stream=Stream.PRODUCTS):
            return Translation([catalog.deletion(record, settings.scope)])
        case _:
            return Translation(skip=_told_elsewhere(record))


def _told_elsewhere(record: Deletion | Consent | InventoryLevel) -> Skip:
    match record:
        case Consent():
            return Skip.CONSENT_OFF
        case InventoryLevel():
            return Skip.STOCK_PER_LOCATION
        case Deletion(stream=stream):
            return DELETIONS.get(stream, Skip.TOPIC_NOT_WANTED)


def _order(order: Order, settings: Settings) -> Translation:
    if order.test:
        return Translation(skip=Skip.TEST_ORDER)
    found = buyer_contact(order.buyer, country=_country(order))
    profile = found.profile
    if profile is None:
        return Translation(skip=Skip.NOBODY, notes=found.notes)
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
        _fulfilled(parcel, profile, settings)
        for parcel in order.fulfilments
        if not parcel.cancelled
    ]
    operations += [_refunded(refund, profile, settings) for refund in order.refunds]
    operations.append(_buyer_profile(order, found, profile, settings))
    return Translation(operations, notes=found.notes)


def _part_of_order(
    record: Refund | Fulfilment, settings: Settings, buyers: Mapping[str, Profile]
) -> Translation:
    if isinstance(record, Fulfilment) and record.cancelled:
        return Translation(skip=Skip.FULFILMENT_CANCELLED)
    profile = buyers.get(record.order_id)
    if profile is None:
        return Translation(needs_order=record.order_id)
    if isinstance(record, Refund):
        return Translation([_refunded(record, profile, settings)])
    return Translation([_fulfilled(record, profile, settings)])


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


def _refunded(refund: Refund, profile: Profile, settings: Settings) -> TrackEvent:
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


def _fulfilled(parcel: Fulfilment, profile: Profile, settings: Settings) -> TrackEvent:
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


def _checkout(checkout: Checkout, settings: Settings) -> Translation:
    if checkout.completed:
        return Translation(skip=Skip.CHECKOUT_DONE)
    found = buyer_contact(checkout.buyer, country=None)
    profile = found.profile
    if profile is None:
        return Translation(skip=Skip.NOBODY, notes=found.notes)
    event = TrackEvent(
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
    return Translation([event], notes=found.notes)


def _customer(customer: Customer, settings: Settings) -> Translation:
    country = customer.address.country_code if customer.address else None
    found = contact(customer.email, customer.phone, country=country)
    profile = found.profile
    if profile is None:
        return Translation(skip=Skip.NOBODY, notes=found.notes)
    attributes = present(
        {
            "email": found.email,
            "phone_number": found.phone,
            "first_name": text(customer.first_name),
            "last_name": text(customer.last_name),
            "locale": text(customer.locale),
            "location": location(customer.address),
        }
    )
    upsert = UpsertProfile(
        profile, settings.scope, customer.version, attributes, note=",".join(found.notes) or None
    )
    return Translation([upsert], notes=found.notes)


def _buyer_profile(
    order: Order, found: Contact, profile: Profile, settings: Settings
) -> UpsertProfile:
    """What an order says about its buyer, so that guests get a name and a place too."""
    address = order.shipping or order.billing
    attributes = present(
        {
            "email": found.email,
            "phone_number": found.phone,
            "first_name": text(order.buyer.first_name),
            "last_name": text(order.buyer.last_name),
            "location": location(address),
        }
    )
    return UpsertProfile(
        profile, settings.scope, order.version, attributes, note=",".join(found.notes) or None
    )


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


def _country(order: Order) -> str | None:
    address = order.billing or order.shipping
    return address.country_code if address else None
