"""Webhook bodies become records, topic by topic, or are skipped by a stated rule."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, DecimalException
from functools import partial
from typing import TypeVar

import msgspec

from integrations.domain.failures import Unreadable
from integrations.domain.records import (
    Address,
    Buyer,
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
    Variant,
)
from integrations.domain.skips import Skip

from . import bodies
from .values import currency, identifier, moment, money, quantity, tags

NOTHING = Decimal(0)
# Our own: what the button "Send a test" posts to a store's address. No shop sends it.
PATH_TEST = "sync_console/test"

B = TypeVar("B", bound=bodies.Body)
Parser = Callable[[bytes, datetime], Record]


def parse(topic: str, body: bytes, *, triggered_at: datetime) -> Record | Skip:
    """Read one body. `triggered_at` stands in for a version where the body carries none.

    Raises Unreadable with the place of the fault.
    """
    if topic in SKIPPED:
        return SKIPPED[topic]
    parser = PARSERS.get(topic)
    if parser is None:
        return Skip.TOPIC_NOT_WANTED
    try:
        return parser(body, triggered_at)
    except msgspec.ValidationError as exc:
        message, _, place = str(exc).partition(" - at `")
        raise Unreadable(message, field=place.rstrip("`"), rule="type") from exc
    except DecimalException as exc:
        raise Unreadable("This is not an amount of money.", rule="amount") from exc
    except msgspec.DecodeError as exc:
        raise Unreadable(f"This is not JSON: {exc}", rule="json") from exc
    except UnicodeDecodeError as exc:
        raise Unreadable("This is not text in UTF-8.", rule="encoding") from exc
    except RecursionError as exc:
        raise Unreadable("This is nested too deeply to be read.", rule="nesting") from exc


def _order(body: bytes, _: datetime) -> Order:
    return order(ORDER.decode(body))


def order(raw: bodies.OrderBody) -> Order:
    """An order from its webhook shape."""
    customer = raw.customer or bodies.PersonBody()
    billing, shipping = address(raw.billing_address), address(raw.shipping_address)
    named = billing or shipping or Address()
    order_currency = currency(raw.currency, "currency")
    return Order(
        source_id=identifier(raw.id, "id"),
        name=raw.name or "",
        test=bool(raw.test),
        buyer=Buyer(
            email=raw.email or raw.contact_email or customer.email,
            phone=raw.phone or customer.phone,
            first_name=customer.first_name or named.first_name,
            last_name=customer.last_name or named.last_name,
        ),
        placed_at=moment(raw.processed_at or raw.created_at, "processed_at"),
        version=moment(raw.updated_at or raw.created_at, "updated_at"),
        currency=order_currency,
        total=money(raw.total_price, "total_price"),
        subtotal=raw.subtotal_price and money(raw.subtotal_price, "subtotal_price"),
        discount_total=raw.total_discounts and money(raw.total_discounts, "total_discounts"),
        discount_codes=tuple(one.code for one in raw.discount_codes if one.code),
        tags=tags(raw.tags),
        source_name=raw.source_name,
        locale=raw.customer_locale,
        cancelled_at=raw.cancelled_at and moment(raw.cancelled_at, "cancelled_at"),
        cancel_reason=raw.cancel_reason,
        billing=billing,
        shipping=shipping,
        lines=tuple(line(one, f"line_items[{n}]") for n, one in enumerate(raw.line_items)),
        refunds=tuple(
            sorted((refund(one, order_currency) for one in raw.refunds), key=_when_then_id)
        ),
        fulfilments=tuple(sorted((fulfilment(one) for one in raw.fulfillments), key=_when_then_id)),
    )


def _refund(body: bytes, _: datetime) -> Refund:
    return refund(REFUND.decode(body), None)


def refund(raw: bodies.RefundBody, order_currency: str | None) -> Refund:
    """A refund, worth what was paid back, or else what its lines were worth."""
    paid = [one for one in raw.transactions if one.kind == "refund" and one.status == "success"]
    parts = [one.amount for one in paid]
    if not paid:
        parts = [one.subtotal for one in raw.refund_line_items]
        parts += [one.amount and abs(one.amount) for one in raw.order_adjustments]
    amount = sum((money(one, "transactions") for one in parts if one), NOTHING)
    at = moment(raw.processed_at or raw.created_at, "processed_at")
    code = next((one.currency for one in paid if one.currency), order_currency)
    return Refund(
        source_id=identifier(raw.id, "id"),
        order_id=identifier(raw.order_id, "order_id"),
        created_at=at,
        amount=money(amount, "transactions"),
        currency=currency(code, "currency") if code else None,
        reason=raw.note,
        lines=tuple(
            line(one.line_item, "refund_line_items", count=one.quantity)
            for one in raw.refund_line_items
            if one.line_item
        ),
        version=at,
    )


def _fulfilment(body: bytes, _: datetime) -> Fulfilment:
    return fulfilment(FULFILMENT.decode(body))


def fulfilment(raw: bodies.FulfilmentBody) -> Fulfilment:
    """A parcel; one that failed or was cancelled never left."""
    numbers = raw.tracking_numbers or ((raw.tracking_number,) if raw.tracking_number else ())
    urls = raw.tracking_urls or ((raw.tracking_url,) if raw.tracking_url else ())
    return Fulfilment(
        source_id=identifier(raw.id, "id"),
        order_id=identifier(raw.order_id, "order_id"),
        created_at=moment(raw.created_at, "created_at"),
        cancelled=raw.status in {"cancelled", "error", "failure"},
        tracking_company=raw.tracking_company,
        tracking_numbers=numbers,
        tracking_urls=urls,
        lines=tuple(line(one, f"line_items[{n}]") for n, one in enumerate(raw.line_items)),
        version=moment(raw.updated_at or raw.created_at, "updated_at"),
    )


def _checkout(body: bytes, _: datetime) -> Checkout:
    raw = CHECKOUT.decode(body)
    customer = raw.customer or bodies.PersonBody()
    return Checkout(
        source_id=identifier(raw.id, "id"),
        buyer=Buyer(
            email=raw.email or customer.email,
            phone=raw.phone or customer.phone,
            first_name=customer.first_name,
            last_name=customer.last_name,
        ),
        started_at=moment(raw.created_at, "created_at"),
        version=moment(raw.updated_at or raw.created_at, "updated_at"),
        completed=raw.completed_at is not None,
        currency=currency(raw.currency, "currency"),
        total=money(raw.total_price, "total_price"),
        url=raw.abandoned_checkout_url,
        lines=tuple(_checkout_line(one, n) for n, one in enumerate(raw.line_items)),
    )


def _checkout_line(raw: bodies.CheckoutLineBody, number: int) -> LineItem:
    known = raw.id or raw.variant_id or number
    fields = {name: getattr(raw, name) for name in _SHARED_LINE_FIELDS}
    return line(bodies.LineBody(id=known, **fields), f"line_items[{number}]")


def _customer(body: bytes, _: datetime) -> Customer:
    raw = CUSTOMER.decode(body)
    return Customer(
        source_id=identifier(raw.id, "id"),
        email=raw.email,
        phone=raw.phone,
        first_name=raw.first_name,
        last_name=raw.last_name,
        locale=raw.locale,
        address=address(raw.default_address),
        version=moment(raw.updated_at, "updated_at"),
    )


def _email_consent(body: bytes, _: datetime) -> Consent:
    raw = EMAIL_CONSENT.decode(body)
    given = raw.email_marketing_consent
    return Consent(
        identifier(raw.customer_id, "id"), "email", given.state, given.consent_updated_at
    )


def _sms_consent(body: bytes, _: datetime) -> Consent:
    raw = SMS_CONSENT.decode(body)
    given, person = raw.sms_marketing_consent, identifier(raw.id, "id")
    return Consent(person, "sms", given.state, given.consent_updated_at)


def _product(body: bytes, _: datetime) -> Product:
    raw = PRODUCT.decode(body)
    version = moment(raw.updated_at, "updated_at")
    by_variant = {one: image.src for image in raw.images for one in image.variant_ids if image.src}
    first = raw.image or next(iter(raw.images), None)
    return Product(
        source_id=identifier(raw.id, "id"),
        title=raw.title or raw.handle or str(raw.id),
        description=raw.body_html or "",
        handle=raw.handle or str(raw.id),
        published=(raw.status or "active") == "active" and raw.published_at is not None,
        vendor=raw.vendor,
        product_type=raw.product_type,
        tags=tags(raw.tags),
        image_url=first.src if first else None,
        variants=tuple(
            Variant(
                source_id=identifier(one.id, f"variants[{n}].id"),
                title=one.title or "",
                sku=one.sku,
                price=money(one.price or NOTHING, f"variants[{n}].price"),
                inventory_quantity=quantity(one.inventory_quantity or 0, f"variants[{n}]"),
                image_url=by_variant.get(one.id),
                version=moment(one.updated_at or version, f"variants[{n}].updated_at"),
            )
            for n, one in enumerate(raw.variants)
        ),
        version=version,
    )


def _inventory_level(body: bytes, _: datetime) -> InventoryLevel:
    raw = INVENTORY_LEVEL.decode(body)
    return InventoryLevel(
        identifier(raw.inventory_item_id, "inventory_item_id"),
        identifier(raw.location_id, "location_id"),
        raw.available,
        raw.updated_at,
    )


def _deletion(body: bytes, triggered_at: datetime, *, stream: Stream) -> Deletion:
    return Deletion(stream, identifier(DELETION.decode(body).id, "id"), triggered_at)


def address(raw: bodies.AddressBody | None) -> Address | None:
    """A postal address from its webhook shape."""
    if raw is None:
        return None
    return Address(
        raw.first_name,
        raw.last_name,
        raw.company,
        raw.address1,
        raw.address2,
        raw.city,
        raw.province,
        raw.province_code,
        raw.zip,
        raw.country,
        raw.country_code,
        raw.phone,
    )


def line(raw: bodies.LineBody, field: str, *, count: int | None = None) -> LineItem:
    """One line; `count` replaces the quantity where only part of it is meant."""
    return LineItem(
        source_id=identifier(raw.id, field),
        title=raw.title or raw.name or "",
        quantity=quantity(raw.quantity if count is None else count, field),
        price=money(raw.price or NOTHING, field),
        product_id=str(raw.product_id) if raw.product_id else None,
        variant_id=str(raw.variant_id) if raw.variant_id else None,
        variant_title=raw.variant_title,
        sku=raw.sku or None,
        vendor=raw.vendor,
    )


def _when_then_id(one: Refund | Fulfilment) -> tuple[datetime, str]:
    return one.created_at, one.source_id


_SHARED_LINE_FIELDS = tuple(
    name for name in bodies.LineBody.__struct_fields__ if name not in {"id", "name"}
)

ORDER = msgspec.json.Decoder(bodies.OrderBody)
REFUND = msgspec.json.Decoder(bodies.RefundBody)
FULFILMENT = msgspec.json.Decoder(bodies.FulfilmentBody)
CHECKOUT = msgspec.json.Decoder(bodies.CheckoutBody)
CUSTOMER = msgspec.json.Decoder(bodies.CustomerBody)
EMAIL_CONSENT = msgspec.json.Decoder(bodies.EmailConsentBody)
SMS_CONSENT = msgspec.json.Decoder(bodies.SmsConsentBody)
PRODUCT = msgspec.json.Decoder(bodies.ProductBody)
INVENTORY_LEVEL = msgspec.json.Decoder(bodies.InventoryLevelBody)
DELETION = msgspec.json.Decoder(bodies.DeletionBody)

PARSERS: dict[str, Parser] = {
    "orders/create": _order,
    "orders/updated": _order,
    "orders/paid": _order,
    "orders/cancelled": _order,
    "orders/fulfilled": _order,
    "orders/partially_fulfilled": _order,
    "orders/delete": partial(_deletion, stream=Stream.ORDERS),
    "refunds/create": _refund,
    "fulfillments/create": _fulfilment,
    "fulfillments/update": _fulfilment,
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    "checkouts/delete": partial(_deletion, stream=Stream.CHECKOUTS),
    "customers/create": _customer,
    "customers/update": _customer,
    "customers/enable": _customer,
    "customers/disable": _customer,
    "customers/delete": partial(_deletion, stream=Stream.CUSTOMERS),
    "customers_email_marketing_consent/update": _email_consent,
    "customers_marketing_consent/update": _sms_consent,
    "products/create": _product,
    "products/update": _product,
    "products/delete": partial(_deletion, stream=Stream.PRODUCTS),
    "inventory_levels/update": _inventory_level,
    "inventory_levels/connect": _inventory_level,
}

# Topics whose news comes with another topic, or that Klaviyo has no place for.
SKIPPED: dict[str, Skip] = {
    "orders/edited": Skip.TOPIC_NOT_WANTED,  # orders/updated brings the whole order
    "fulfillment_events/create": Skip.TOPIC_NOT_WANTED,
    "customers/merge": Skip.TOPIC_NOT_WANTED,
    "customers/purchasing_summary": Skip.TOPIC_NOT_WANTED,
    "customer.tags_added": Skip.TOPIC_NOT_WANTED,
    "customer.tags_removed": Skip.TOPIC_NOT_WANTED,
    "customers_whats_app_marketing_consent/update": Skip.CONSENT_OFF,
    "variants/in_stock": Skip.TOPIC_NOT_WANTED,  # products/update brings the variants
    "variants/out_of_stock": Skip.TOPIC_NOT_WANTED,
    "inventory_levels/disconnect": Skip.STOCK_PER_LOCATION,
    "inventory_items/update": Skip.TOPIC_NOT_WANTED,
    "carts/create": Skip.TOPIC_NOT_WANTED,  # a cart names nobody
    "carts/update": Skip.TOPIC_NOT_WANTED,
    "app/uninstalled": Skip.CONNECTION,
    "app/scopes_update": Skip.CONNECTION,
    "shop/update": Skip.CONNECTION,
    "bulk_operations/finish": Skip.CONNECTION,
    "customers/data_request": Skip.COMPLIANCE,
    "customers/redact": Skip.COMPLIANCE,
    "shop/redact": Skip.COMPLIANCE,
    PATH_TEST: Skip.PATH_TEST,
}
