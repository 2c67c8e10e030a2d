"""Why something that arrived needs nothing sent: stated rules, never silence."""

from enum import StrEnum


class Skip(StrEnum):
    """A rule by which a record ends without an operation."""

    UNCHANGED = "unchanged"
    STALE = "stale"
    TEST_ORDER = "test_order"
    NOBODY = "nobody"
    TOPIC_NOT_WANTED = "topic_not_wanted"
    CONSENT_OFF = "consent_off"
    STOCK_PER_LOCATION = "stock_per_location"
    CUSTOMER_DELETED = "customer_deleted"
    ORDER_DELETED = "order_deleted"
    CHECKOUT_DONE = "checkout_done"
    FULFILMENT_CANCELLED = "fulfilment_cancelled"
    NOT_IN_CATALOG = "not_in_catalog"
    COMPLIANCE = "compliance"
    CONNECTION = "connection"
    PATH_TEST = "path_test"
    SET_ASIDE = "set_aside"
    ERASED = "erased"


# One sentence each, for a merchant.
SENTENCES: dict[Skip, str] = {
    Skip.UNCHANGED: "Klaviyo already has exactly this.",
    Skip.STALE: "Klaviyo already has something newer.",
    Skip.TEST_ORDER: "This was a test order. Test orders are not sent.",
    Skip.NOBODY: "There is no e-mail address and no usable phone number to attach this to.",
    Skip.TOPIC_NOT_WANTED: "Klaviyo needs nothing from this kind of message.",
    Skip.CONSENT_OFF: "Marketing consent is not passed on. It stays as it is in Klaviyo.",
    Skip.STOCK_PER_LOCATION: (
        "This is the stock of one location. The total comes with the product itself."
    ),
    Skip.CUSTOMER_DELETED: "A deleted customer stays in Klaviyo until you remove them there.",
    Skip.ORDER_DELETED: "Klaviyo keeps what happened, so a deleted order stays in its history.",
    Skip.CHECKOUT_DONE: "This checkout became an order, and the order is sent instead.",
    Skip.FULFILMENT_CANCELLED: "This delivery was cancelled before it left.",
    Skip.NOT_IN_CATALOG: "This product was never in the Klaviyo catalog.",
    Skip.COMPLIANCE: "A privacy request. It is kept for handling and is not sent to Klaviyo.",
    Skip.CONNECTION: "This is about the connection itself and not about your customers.",
    Skip.PATH_TEST: "A test of the way from the shop to here. It is never sent to Klaviyo.",
    Skip.SET_ASIDE: "It failed, and somebody put what was left of it into the bin.",
    Skip.ERASED: "Its content was erased because the shop asked for it, so nothing can be sent.",
}
