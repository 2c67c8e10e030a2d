"""Which kind of data a message is about, for figures that tell orders from the rest."""

from enum import StrEnum


class DataType(StrEnum):
    """What merchants tell apart."""

    ORDERS = "orders"
    CUSTOMERS = "customers"
    PRODUCTS = "products"
    CHECKOUTS = "checkouts"
    OTHER = "other"


WORDS = {
    DataType.ORDERS: "Orders",
    DataType.CUSTOMERS: "Customers",
    DataType.PRODUCTS: "Products",
    DataType.CHECKOUTS: "Checkouts",
    DataType.OTHER: "Everything else",
}
# A topic begins with one of these: `orders/create`, `customer.tags_added`.
STEMS = {
    "orders": DataType.ORDERS,
    "refunds": DataType.ORDERS,
    "fulfillments": DataType.ORDERS,
    "fulfillment_events": DataType.ORDERS,
    "customers": DataType.CUSTOMERS,
    "customer": DataType.CUSTOMERS,
    "customers_email_marketing_consent": DataType.CUSTOMERS,
    "customers_marketing_consent": DataType.CUSTOMERS,
    "customers_whats_app_marketing_consent": DataType.CUSTOMERS,
    "products": DataType.PRODUCTS,
    "variants": DataType.PRODUCTS,
    "inventory_levels": DataType.PRODUCTS,
    "inventory_items": DataType.PRODUCTS,
    "checkouts": DataType.CHECKOUTS,
    "carts": DataType.CHECKOUTS,
}
# Of the topics of its own kind: what stands between the stem and the rest.
SEPARATORS = "/."


def of_topic(topic: str) -> DataType:
    """The kind of data a message of this topic is about."""
    stem = topic
    for separator in SEPARATORS:
        stem = stem.partition(separator)[0]
    return STEMS.get(stem, DataType.OTHER)


def beginnings(kind: DataType) -> list[str]:
    """How the topics of a kind begin; those of OTHER begin with none of any kind."""
    return [
        stem + separator
        for stem, found in STEMS.items()
        if found is kind or kind is DataType.OTHER
        for separator in SEPARATORS
    ]
