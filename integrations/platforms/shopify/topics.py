"""What each kind of message means, in the words of a shop owner."""

# A noun for lists and a sentence for what happened.
TITLES: dict[str, str] = {
    "orders/create": "New order",
    "orders/updated": "Order changed",
    "orders/paid": "Order paid",
    "orders/cancelled": "Order cancelled",
    "orders/fulfilled": "Order shipped",
    "orders/partially_fulfilled": "Order partly shipped",
    "orders/edited": "Order edited",
    "orders/delete": "Order deleted",
    "refunds/create": "Refund",
    "fulfillments/create": "Parcel sent",
    "fulfillments/update": "Parcel changed",
    "fulfillment_events/create": "News of a parcel",
    "checkouts/create": "Checkout started",
    "checkouts/update": "Checkout changed",
    "checkouts/delete": "Checkout deleted",
    "carts/create": "Cart started",
    "carts/update": "Cart changed",
    "customers/create": "New customer",
    "customers/update": "Customer changed",
    "customers/enable": "Customer account opened",
    "customers/disable": "Customer account closed",
    "customers/delete": "Customer deleted",
    "customers/merge": "Customers merged",
    "customers/purchasing_summary": "Purchases of a customer",
    "customer.tags_added": "Customer tag added",
    "customer.tags_removed": "Customer tag removed",
    "customers_email_marketing_consent/update": "E-mail consent changed",
    "customers_marketing_consent/update": "Text message consent changed",
    "customers_whats_app_marketing_consent/update": "WhatsApp consent changed",
    "products/create": "New product",
    "products/update": "Product changed",
    "products/delete": "Product deleted",
    "variants/in_stock": "Variant in stock",
    "variants/out_of_stock": "Variant out of stock",
    "inventory_levels/update": "Stock changed",
    "inventory_levels/connect": "Stock location added",
    "inventory_levels/disconnect": "Stock location removed",
    "inventory_items/update": "Stock item changed",
    "app/uninstalled": "App removed from the shop",
    "app/scopes_update": "Permissions changed",
    "shop/update": "Shop settings changed",
    "bulk_operations/finish": "Large export finished",
    "customers/data_request": "Request for a customer's data",
    "customers/redact": "Request to erase a customer",
    "shop/redact": "Request to erase the shop",
    "sync_console/test": "Test message of our own",
}


def title(topic: str) -> str:
    """A message's kind in plain words; one we do not know keeps its name, made readable."""
    known = TITLES.get(topic)
    return known or topic.replace("/", ": ").replace("_", " ").capitalize()
