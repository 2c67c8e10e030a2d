"""The messages we want from every shop, and the permission each of them needs."""

from .webhooks import PARSERS

# The shop tells us by these that the connection itself has changed, or that a large export has
# ended. They need no permission.
OF_THE_CONNECTION = ("app/uninstalled", "app/scopes_update", "bulk_operations/finish")
_SCOPES = {
    "orders": "read_orders",
    "refunds": "read_orders",
    "checkouts": "read_orders",
    "fulfillments": "read_fulfillments",
    "customers": "read_customers",
    "customers_email_marketing_consent": "read_customers",
    "customers_marketing_consent": "read_customers",
    "products": "read_products",
    "inventory_levels": "read_inventory",
}

# topic -> scope; empty where none is needed.
WANTED: dict[str, str] = {
    topic: _SCOPES[topic.partition("/")[0]] for topic in PARSERS
} | dict.fromkeys(OF_THE_CONNECTION, "")
