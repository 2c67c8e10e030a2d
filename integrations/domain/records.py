"""What a store told us, typed: one thing of one stream, as it was at one moment."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec


class Stream(StrEnum):
    """The kinds of data that flow from a store."""

    ORDERS = "orders"
    REFUNDS = "refunds"
    FULFILMENTS = "fulfilments"
    CHECKOUTS = "checkouts"
    CUSTOMERS = "customers"
    CONSENT = "consent"
    PRODUCTS = "products"
    INVENTORY = "inventory"


class Address(msgspec.Struct, frozen=True, gc=False):
    """A postal address; every part may be unknown."""

    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    region: str | None = None
    region_code: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code: str | None = None
    phone: str | None = None


class Buyer(msgspec.Struct, frozen=True, gc=False):
    """Who bought, as the store wrote it; nothing here is checked yet."""

    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class LineItem(msgspec.Struct, frozen=True, gc=False):
    """One line of an order; product and variant are unknown once deleted in the store."""

    source_id: str
    title: str
    quantity: int
    price: Decimal
    product_id: str | None = None
    variant_id: str | None = None
    variant_title: str | None = None
    sku: str | None = None
    vendor: str | None = None


class Refund(msgspec.Struct, frozen=True):
    """Money given back for an order."""

    source_id: str
    order_id: str
    created_at: datetime
    amount: Decimal
    currency: str | None
    reason: str | None
    lines: tuple[LineItem, ...]
    version: datetime


class Fulfilment(msgspec.Struct, frozen=True):
    """A parcel (or its digital like) that left for the buyer."""

    source_id: str
    order_id: str
    created_at: datetime
    cancelled: bool
    tracking_company: str | None
    tracking_numbers: tuple[str, ...]
    tracking_urls: tuple[str, ...]
    lines: tuple[LineItem, ...]
    version: datetime


class Order(msgspec.Struct, frozen=True):
    """An order with everything that happened to it so far."""

    source_id: str
    name: str
    test: bool
    buyer: Buyer
    placed_at: datetime
    version: datetime
    currency: str
    total: Decimal
    subtotal: Decimal | None
    discount_total: Decimal | None
    discount_codes: tuple[str, ...]
    tags: tuple[str, ...]
    source_name: str | None
    locale: str | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    billing: Address | None
    shipping: Address | None
    lines: tuple[LineItem, ...]
    refunds: tuple[Refund, ...]
    fulfilments: tuple[Fulfilment, ...]


class Checkout(msgspec.Struct, frozen=True):
    """A checkout that was begun."""

    source_id: str
    buyer: Buyer
    started_at: datetime
    version: datetime
    completed: bool
    currency: str
    total: Decimal
    url: str | None
    lines: tuple[LineItem, ...]


class Customer(msgspec.Struct, frozen=True):
    """A person the store knows."""

    source_id: str
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    locale: str | None
    address: Address | None
    version: datetime


class Consent(msgspec.Struct, frozen=True):
    """What a person said about marketing on one channel."""

    source_id: str
    channel: str
    state: str
    version: datetime | None


class Variant(msgspec.Struct, frozen=True):
    """One buyable form of a product."""

    source_id: str
    title: str
    sku: str | None
    price: Decimal
    inventory_quantity: int | None
    image_url: str | None
    version: datetime


class Product(msgspec.Struct, frozen=True):
    """A product with its variants."""

    source_id: str
    title: str
    description: str
    handle: str
    published: bool
    vendor: str | None
    product_type: str | None
    tags: tuple[str, ...]
    image_url: str | None
    variants: tuple[Variant, ...]
    version: datetime


class InventoryLevel(msgspec.Struct, frozen=True):
    """How much of an item one location has."""

    item_id: str
    location_id: str
    available: int | None
    version: datetime


class Deletion(msgspec.Struct, frozen=True):
    """The store says that something no longer exists."""

    stream: Stream
    source_id: str
    version: datetime


Record = (
    Order
    | Refund
    | Fulfilment
    | Checkout
    | Customer
    | Consent
    | Product
    | InventoryLevel
    | Deletion
)
