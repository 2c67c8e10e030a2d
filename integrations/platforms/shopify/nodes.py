"""The GraphQL shape of an order, with only the fields we ask for."""

from decimal import Decimal

import msgspec

from .bodies import Moment


class Node(msgspec.Struct, frozen=True, rename="camel"):
    """Common settings of all shapes."""


class Money(Node, frozen=True):
    amount: Decimal
    currency_code: str | None = None


class MoneyBag(Node, frozen=True):
    shop_money: Money


class Named(Node, frozen=True):
    id: str


class PageInfo(Node, frozen=True):
    has_next_page: bool


class Email(Node, frozen=True):
    email_address: str | None = None


class Phone(Node, frozen=True):
    phone_number: str | None = None


class CustomerNode(Node, frozen=True):
    first_name: str | None = None
    last_name: str | None = None
    default_email_address: Email | None = None
    default_phone_number: Phone | None = None


class AddressNode(Node, frozen=True):
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
    country_code_v2: str | None = msgspec.field(default=None, name="countryCodeV2")
    phone: str | None = None


class LineNode(Node, frozen=True):
    id: str
    title: str
    quantity: int
    original_unit_price_set: MoneyBag
    variant_title: str | None = None
    sku: str | None = None
    vendor: str | None = None
    product: Named | None = None
    variant: Named | None = None


class Lines(Node, frozen=True):
    page_info: PageInfo
    nodes: tuple[LineNode, ...]


class PartLine(Node, frozen=True):
    line_item: LineNode
    quantity: int | None = None


class PartLines(Node, frozen=True):
    page_info: PageInfo
    nodes: tuple[PartLine, ...]


class Tracking(Node, frozen=True):
    company: str | None = None
    number: str | None = None
    url: str | None = None


class FulfilmentNode(Node, frozen=True):
    legacy_resource_id: str
    status: str
    created_at: Moment
    updated_at: Moment
    tracking_info: tuple[Tracking, ...]
    fulfillment_line_items: PartLines


class RefundNode(Node, frozen=True):
    legacy_resource_id: str
    created_at: Moment | None
    total_refunded_set: MoneyBag
    refund_line_items: PartLines
    processed_at: Moment | None = None
    note: str | None = None


class OrderNode(Node, frozen=True):
    legacy_resource_id: str
    name: str
    test: bool
    created_at: Moment
    processed_at: Moment
    updated_at: Moment
    currency_code: str
    total_price_set: MoneyBag
    line_items: Lines
    fulfillments: tuple[FulfilmentNode, ...]
    refunds: tuple[RefundNode, ...]
    tags: tuple[str, ...] = ()
    discount_codes: tuple[str, ...] = ()
    email: str | None = None
    phone: str | None = None
    customer_locale: str | None = None
    cancelled_at: Moment | None = None
    cancel_reason: str | None = None
    source_name: str | None = None
    subtotal_price_set: MoneyBag | None = None
    total_discounts_set: MoneyBag | None = None
    customer: CustomerNode | None = None
    billing_address: AddressNode | None = None
    shipping_address: AddressNode | None = None
