"""Records in, operations out: what each thing a store tells us means to Klaviyo."""

from collections.abc import Mapping

import msgspec

from . import catalog, orders, profiles
from .metrics import Settings
from .operations import Operation, Profile
from .people import buyer_contact, contact
from .records import (
    Checkout,
    Consent,
    Customer,
    Deletion,
    Fulfilment,
    InventoryLevel,
    Order,
    Product,
    Record,
    Refund,
    Stream,
)
from .skips import Skip

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
        case Deletion(stream=stream):  # pragma: no branch
            return DELETIONS.get(stream, Skip.TOPIC_NOT_WANTED)


def _order(order: Order, settings: Settings) -> Translation:
    if order.test:
        return Translation(skip=Skip.TEST_ORDER)
    found = buyer_contact(order.buyer, country=orders.country(order))
    profile = found.profile
    if profile is None:
        return Translation(skip=Skip.NOBODY, notes=found.notes)
    return Translation(orders.order_operations(order, found, profile, settings), notes=found.notes)


def _part_of_order(
    record: Refund | Fulfilment, settings: Settings, buyers: Mapping[str, Profile]
) -> Translation:
    if isinstance(record, Fulfilment) and record.cancelled:
        return Translation(skip=Skip.FULFILMENT_CANCELLED)
    profile = buyers.get(record.order_id)
    if profile is None:
        return Translation(needs_order=record.order_id)
    if isinstance(record, Refund):
        return Translation([orders.refunded(record, profile, settings)])
    return Translation([orders.fulfilled(record, profile, settings)])


def _checkout(checkout: Checkout, settings: Settings) -> Translation:
    if checkout.completed:
        return Translation(skip=Skip.CHECKOUT_DONE)
    found = buyer_contact(checkout.buyer, country=None)
    profile = found.profile
    if profile is None:
        return Translation(skip=Skip.NOBODY, notes=found.notes)
    return Translation([orders.started_checkout(checkout, profile, settings)], notes=found.notes)


def _customer(customer: Customer, settings: Settings) -> Translation:
    country = customer.address.country_code if customer.address else None
    found = contact(customer.email, customer.phone, country=country)
    profile = found.profile
    if profile is None:
        return Translation(skip=Skip.NOBODY, notes=found.notes)
    upsert = profiles.upsert(
        profile,
        found,
        scope=settings.scope,
        version=customer.version,
        first_name=customer.first_name,
        last_name=customer.last_name,
        address=customer.address,
        locale=customer.locale,
    )
    return Translation([upsert], notes=found.notes)
