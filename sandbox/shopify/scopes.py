"""What an app needs to have been granted for a field, an object or a topic."""

from typing import Any

from graphql import GraphQLError

DOCUMENTATION = "https://shopify.dev/api/usage/access-scopes"
# A part of Shopify's list, enough to tell a scope from a slip of the pen.
_AREAS = (
    "orders", "customers", "products", "inventory", "locations", "fulfillments", "draft_orders",
    "returns", "checkouts", "discounts", "price_rules", "marketing_events", "reports", "content",
    "themes", "script_tags", "shipping", "files", "metaobjects", "customer_merge",
)  # fmt: skip
KNOWN = {f"{verb}_{area}" for area in _AREAS for verb in ("read", "write")} | {"read_all_orders"}

FIELDS = {
    "QueryRoot.orders": "read_orders",
    "QueryRoot.order": "read_orders",
    "QueryRoot.refund": "read_orders",
    "QueryRoot.fulfillment": "read_orders",
    "QueryRoot.ordersCount": "read_orders",
    "QueryRoot.abandonedCheckouts": "read_orders",
    "QueryRoot.customers": "read_customers",
    "QueryRoot.customer": "read_customers",
    "QueryRoot.customersCount": "read_customers",
    "QueryRoot.customerByIdentifier": "read_customers",
    "QueryRoot.products": "read_products",
    "QueryRoot.product": "read_products",
    "QueryRoot.productsCount": "read_products",
    "QueryRoot.productVariant": "read_products",
    "QueryRoot.productVariants": "read_products",
    "QueryRoot.productVariantsCount": "read_products",
    "QueryRoot.inventoryItems": "read_inventory",
    "QueryRoot.locations": "read_locations",
    "Order.customer": "read_customers",
    "InventoryLevel.location": "read_locations",
}
# For `node` and `nodes`, which do not say what they are about.
OBJECTS = {
    "Order": "read_orders",
    "AbandonedCheckout": "read_orders",
    "Customer": "read_customers",
    "Product": "read_products",
    "ProductVariant": "read_products",
    "InventoryItem": "read_inventory",
}
# The first prefix that fits decides.
_TOPICS = (
    ("ORDERS_", "read_orders"),
    ("REFUNDS_", "read_orders"),
    ("CHECKOUTS_", "read_orders"),
    ("CARTS_", "read_orders"),
    ("FULFILLMENTS_", "read_fulfillments"),
    ("FULFILLMENT_EVENTS_", "read_fulfillments"),
    ("CUSTOMERS_MERGE", "read_customer_merge"),
    ("CUSTOMER", "read_customers"),
    ("PRODUCTS_", "read_products"),
    ("VARIANTS_", "read_products"),
    ("INVENTORY_", "read_inventory"),
    ("LOCATIONS_", "read_locations"),
    ("DRAFT_ORDERS_", "read_draft_orders"),
    ("RETURNS_", "read_returns"),
)


def of_topic(topic: str) -> str | None:
    """Name the scope a topic of the enum needs; None when it needs none."""
    return next((scope for prefix, scope in _TOPICS if topic.startswith(prefix)), None)


def allows(granted: list[str], needed: str | None) -> bool:
    """Tell whether a scope was granted; whoever may write may read."""
    return needed is None or needed in granted or needed.replace("read_", "write_", 1) in granted


def parsed(text: str) -> list[str]:
    """Read a comma-separated list, each scope once."""
    return list(dict.fromkeys(scope.strip() for scope in text.split(",") if scope.strip()))


def written(scopes: list[str]) -> str:
    """Write scopes as the token endpoint does: without those that another implies."""
    own = [s for s in scopes if s == "read_all_orders" or not _implied(s, scopes)]
    return ",".join(own)


def _implied(scope: str, scopes: list[str]) -> bool:
    return scope.startswith("read_") and scope.replace("read_", "write_", 1) in scopes


def denied(name: str, needed: str) -> GraphQLError:
    """Refuse one field, in Shopify's words."""
    required = f"`{needed}` access scope."
    extensions: dict[str, Any] = {
        "code": "ACCESS_DENIED",
        "documentation": DOCUMENTATION,
        "requiredAccess": required,
    }
    message = f"Access denied for {name} field. Required access: {required}"
    return GraphQLError(message, extensions=extensions)
