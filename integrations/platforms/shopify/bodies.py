"""The shapes of webhook bodies, with only the fields we read. Everything else is passed over.

Source: the payload catalogue of the Admin API; older bodies leave many of these keys out.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

Id = int | str
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Body(msgspec.Struct, frozen=True, gc=False):
    """Common settings of all shapes."""


class AddressBody(Body, frozen=True, gc=False):
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code: str | None = None
    phone: str | None = None


class LineBody(Body, frozen=True, gc=False):
    id: Id
    title: str | None = None
    name: str | None = None
    quantity: int = 0
    price: Decimal | None = None
    product_id: Id | None = None
    variant_id: Id | None = None
    variant_title: str | None = None
    sku: str | None = None
    vendor: str | None = None


class DiscountCodeBody(Body, frozen=True, gc=False):
    code: str | None = None


class PersonBody(Body, frozen=True, gc=False):
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class TransactionBody(Body, frozen=True, gc=False):
    kind: str | None = None
    status: str | None = None
    amount: Decimal | None = None
    currency: str | None = None


class RefundLineBody(Body, frozen=True, gc=False):
    quantity: int = 0
    subtotal: Decimal | None = None
    line_item: LineBody | None = None


class AdjustmentBody(Body, frozen=True, gc=False):
    amount: Decimal | None = None


class RefundBody(Body, frozen=True, gc=False):
    id: Id
    order_id: Id
    created_at: Moment
    processed_at: Moment | None = None
    note: str | None = None
    refund_line_items: tuple[RefundLineBody, ...] = ()
    transactions: tuple[TransactionBody, ...] = ()
    order_adjustments: tuple[AdjustmentBody, ...] = ()


class FulfilmentBody(Body, frozen=True, gc=False):
    id: Id
    order_id: Id
    created_at: Moment
    updated_at: Moment | None = None
    status: str | None = None
    tracking_company: str | None = None
    tracking_number: str | None = None
    tracking_numbers: tuple[str, ...] = ()
    tracking_url: str | None = None
    tracking_urls: tuple[str, ...] = ()
    line_items: tuple[LineBody, ...] = ()


class OrderBody(Body, frozen=True, gc=False):
    id: Id
    created_at: Moment
    total_price: Decimal
    currency: str
    name: str | None = None
    test: bool | None = None
    email: str | None = None
    contact_email: str | None = None
    phone: str | None = None
    updated_at: Moment | None = None
    processed_at: Moment | None = None
    cancelled_at: Moment | None = None
    cancel_reason: str | None = None
    subtotal_price: Decimal | None = None
    total_discounts: Decimal | None = None
    discount_codes: tuple[DiscountCodeBody, ...] = ()
    tags: str | tuple[str, ...] | None = None
    source_name: str | None = None
    customer_locale: str | None = None
    customer: PersonBody | None = None
    billing_address: AddressBody | None = None
    shipping_address: AddressBody | None = None
    line_items: tuple[LineBody, ...] = ()
    refunds: tuple[RefundBody, ...] = ()
    fulfillments: tuple[FulfilmentBody, ...] = ()


class CheckoutLineBody(Body, frozen=True, gc=False):
    id: Id | None = None
    key: str | None = None
    title: str | None = None
    quantity: int = 0
    price: Decimal | None = None
    product_id: Id | None = None
    variant_id: Id | None = None
    variant_title: str | None = None
    sku: str | None = None
    vendor: str | None = None


class CheckoutBody(Body, frozen=True, gc=False):
    id: Id
    created_at: Moment
    currency: str
    total_price: Decimal
    updated_at: Moment | None = None
    completed_at: Moment | None = None
    email: str | None = None
    phone: str | None = None
    abandoned_checkout_url: str | None = None
    customer: PersonBody | None = None
    line_items: tuple[CheckoutLineBody, ...] = ()


class CustomerBody(Body, frozen=True, gc=False):
    id: Id
    updated_at: Moment
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    locale: str | None = None
    default_address: AddressBody | None = None


class ConsentStateBody(Body, frozen=True, gc=False):
    state: str
    consent_updated_at: Moment | None = None


class EmailConsentBody(Body, frozen=True, gc=False):
    customer_id: Id
    email_marketing_consent: ConsentStateBody


class SmsConsentBody(Body, frozen=True, gc=False):
    id: Id
    sms_marketing_consent: ConsentStateBody


class ImageBody(Body, frozen=True, gc=False):
    src: str | None = None
    variant_ids: tuple[Id, ...] = ()


class VariantBody(Body, frozen=True, gc=False):
    id: Id
    title: str | None = None
    sku: str | None = None
    price: Decimal | None = None
    inventory_quantity: int | None = None
    updated_at: Moment | None = None


class ProductBody(Body, frozen=True, gc=False):
    id: Id
    updated_at: Moment
    title: str | None = None
    handle: str | None = None
    body_html: str | None = None
    status: str | None = None
    published_at: Moment | None = None
    vendor: str | None = None
    product_type: str | None = None
    tags: str | tuple[str, ...] | None = None
    image: ImageBody | None = None
    images: tuple[ImageBody, ...] = ()
    variants: tuple[VariantBody, ...] = ()


class InventoryLevelBody(Body, frozen=True, gc=False):
    inventory_item_id: Id
    location_id: Id
    updated_at: Moment
    available: int | None = None


class DeletionBody(Body, frozen=True, gc=False):
    id: Id
