"""What a store's data is called at Klaviyo."""

import msgspec


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
