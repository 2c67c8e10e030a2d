"""Webhook bodies become records, topic by topic, or are skipped by a stated rule."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.failures import Unreadable
from integrations.domain.records import (
    Checkout,
    Consent,
    Customer,
    Deletion,
    Fulfilment,
    InventoryLevel,
    Order,
    Product,
    Refund,
    Stream,
)
from integrations.domain.skips import Skip
from integrations.platforms.shopify.values import money
from integrations.platforms.shopify.webhooks import PARSERS, SKIPPED, parse

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BIG = 2**53 + 1


def read(topic: str, body: object):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse(topic, raw, triggered_at=NOON)


def an_order(**changes: object) -> dict[str, object]:
    return {
        "id": BIG,
        "created_at": "2026-11-20T08:00:00-04:00",
        "total_price": "99.50",
        "currency": "EUR",
    } | changes


def a_line(**changes: object) -> dict[str, object]:
    return {"id": BIG, "title": "Tent", "quantity": 2, "price": "49.75"} | changes


@pytest.mark.parametrize(
    "topic", [one for one in PARSERS if one.startswith("orders/") and one != "orders/delete"]
)
def test_every_message_of_an_order_brings_the_whole_order(topic):
    assert isinstance(read(topic, an_order()), Order)


@pytest.mark.parametrize(("topic", "rule"), SKIPPED.items())
def test_a_topic_we_need_nothing_from_is_skipped_whatever_it_says(topic, rule):
    assert read(topic, b"not even json") is rule


def test_a_topic_nobody_knows_is_skipped():
    assert read("themes/publish", {}) is Skip.TOPIC_NOT_WANTED


@pytest.mark.parametrize("number", [BIG, 2**63 - 1, 2**63, 2**64 - 1, str(BIG), 1])
def test_ids_are_exact_above_what_a_float_can_hold(number):
    order = read("orders/create", an_order(id=number, line_items=[a_line(id=number)]))

    assert order.source_id == order.lines[0].source_id == str(number)


@pytest.mark.parametrize("number", [1.5, True, None, "", "a b", "é", "x" * 49, [], {}])
def test_what_is_no_id_is_said_so(number):
    with pytest.raises(Unreadable) as caught:
        read("orders/create", an_order(id=number))

    assert caught.value.rule in {"id", "type"}
    assert caught.value.field in {"$.id", "$"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [("99.50", "99.50"), (99.5, "99.50"), ("100", "100.00"), ("0.1", "0.10"), ("1.234", "1.234"),
     ("-0", "0.00"), ("1E+3", "1000.00"), ("0.00000001", "0.00")],
)  # fmt: skip
def test_money_is_exact_and_written_one_way(said, meant):
    order = read("orders/create", an_order(total_price=said))

    assert isinstance(order.total, Decimal)
    assert str(order.total) == meant


@pytest.mark.parametrize(
    "said", ['"NaN"', '"sNaN"', '"Infinity"', "1e999999", "1e99999999999", '"1e16"', "9" * 500]
)
def test_what_is_no_money_is_said_so(said):
    raw = json.dumps(an_order(total_price="@")).replace('"@"', said).encode()
    refund = f'{{"id":1,"order_id":2,"created_at":"2026-11-20T12:00:00Z","transactions":[{{"kind":"refund","status":"success","amount":{said}}},{{"kind":"refund","status":"success","amount":{said}}}]}}'  # noqa: E501

    for topic, body in [("orders/create", raw), ("refunds/create", refund.encode())]:
        with pytest.raises(Unreadable) as caught:
            read(topic, body)
        assert caught.value.rule in {"amount", "type"}


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=3))
def test_no_amount_a_shop_can_have_is_changed(amount):
    assert money(amount, "x") == amount


def test_times_are_utc_whatever_offset_the_shop_lives_in():
    order = read("orders/create", an_order(updated_at="2026-11-20T23:30:00+14:00"))

    assert order.placed_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert order.placed_at.tzinfo is UTC
    assert order.version == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "said", "rule"),
    [
        ("updated_at", "9999-12-31T23:59:59-14:00", "date"),
        ("updated_at", "0001-01-01T00:00:00+14:00", "date"),
        ("processed_at", "2200-01-01T00:00:00Z", "date"),
        ("cancelled_at", "1800-01-01T00:00:00Z", "date"),
        ("created_at", "2026-11-20T12:00:00", "type"),
        ("created_at", "2026-02-30T12:00:00Z", "type"),
        ("created_at", 1700000000, "type"),
    ],
)
def test_what_is_no_time_is_said_so(field, said, rule):
    with pytest.raises(Unreadable) as caught:
        read("orders/create", an_order(**{field: said}))

    assert (caught.value.rule, caught.value.field) == (rule, f"$.{field}")


def test_an_imported_order_happened_when_it_was_processed():
    order = read("orders/create", an_order(processed_at="2019-05-01T10:00:00Z"))

    assert order.placed_at == datetime(2019, 5, 1, 10, tzinfo=UTC)


def test_a_cancelled_order_is_still_an_order():
    said = {"cancelled_at": "2026-11-20T13:00:00Z", "cancel_reason": "fraud"}

    order = read("orders/cancelled", an_order(**said))

    assert (order.cancelled_at.hour, order.cancel_reason) == (13, "fraud")


def test_the_currency_is_the_shops_and_not_the_buyers():
    order = read("orders/create", an_order(currency="chf", presentment_currency="EUR"))

    assert order.currency == "CHF"


@pytest.mark.parametrize("code", ["", "EURO", "E1R", "€"])
def test_what_is_no_currency_is_said_so(code):
    with pytest.raises(Unreadable) as caught:
        read("orders/create", an_order(currency=code))

    assert caught.value.rule == "currency"


@pytest.mark.parametrize(
    ("said", "email", "phone"),
    [
        ({"email": "a@b.co"}, "a@b.co", None),
        ({"email": "", "contact_email": "c@b.co"}, "c@b.co", None),
        ({"customer": {"email": "d@b.co", "phone": "+49"}}, "d@b.co", "+49"),
        ({"phone": "+41"}, None, "+41"),
        ({"customer": None}, None, None),
        ({}, None, None),
    ],
)
def test_a_buyer_is_found_where_the_shop_put_them(said, email, phone):
    order = read("orders/create", an_order(**said))

    assert (order.buyer.email, order.buyer.phone) == (email, phone)


def test_a_guest_is_named_by_the_address():
    guest = {"billing_address": {"first_name": "Ann", "last_name": "Lee"}}

    order = read("orders/create", an_order(**guest))

    assert (order.buyer.first_name, order.buyer.last_name) == ("Ann", "Lee")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("vip, new ,,", ("vip", "new")),
        (["vip", " new "], ("vip", "new")),
        ("", ()),
        ([], ()),
        (None, ()),
    ],
)
def test_tags_come_in_both_shapes(said, meant):
    assert read("orders/create", an_order(tags=said)).tags == meant


def test_a_line_of_a_deleted_product_keeps_sku_and_title():
    line = a_line(product_id=None, variant_id=None, sku="T-1")

    [found] = read("orders/create", an_order(line_items=[line])).lines

    assert (found.product_id, found.variant_id) == (None, None)
    assert (found.sku, found.title) == ("T-1", "Tent")


@pytest.mark.parametrize("count", [10**9 + 1, -(10**10), 2**63])
def test_what_is_no_quantity_is_said_so(count):
    with pytest.raises(Unreadable) as caught:
        read("orders/create", an_order(line_items=[a_line(quantity=count)]))
    assert caught.value.rule == "quantity"

    variant = {"id": 1, "inventory_quantity": count}
    with pytest.raises(Unreadable) as caught:
        read("products/create", {"id": 1, "updated_at": "2026-11-20T12:00:00Z",
                                 "variants": [variant]})  # fmt: skip
    assert caught.value.rule == "quantity"


def a_refund(**changes: object) -> dict[str, object]:
    return {"id": 1, "order_id": BIG, "created_at": "2026-11-20T12:00:00Z"} | changes


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ({"transactions": [{"kind": "refund", "status": "success", "amount": "10"},
                           {"kind": "refund", "status": "success", "amount": "2.5"}]}, "12.50"),
        ({"transactions": [{"kind": "refund", "status": "failure", "amount": "10"},
                           {"kind": "void", "status": "success", "amount": "3"}],
          "refund_line_items": [{"quantity": 1, "subtotal": "5.00"}]}, "5.00"),
        ({"refund_line_items": [{"subtotal": None}, {"subtotal": "5.00"}],
          "order_adjustments": [{"amount": "-2.00"}, {"amount": None}]}, "7.00"),
        ({}, "0.00"),
    ],
)  # fmt: skip
def test_a_refund_is_worth_what_was_paid_back_or_else_its_lines(said, amount):
    refund = read("refunds/create", a_refund(**said))

    assert isinstance(refund, Refund)
    assert (refund.order_id, str(refund.amount)) == (str(BIG), amount)


def test_a_refunded_line_counts_what_was_given_back():
    line = {"quantity": 1, "line_item": a_line(quantity=5)}

    refund = read("refunds/create", a_refund(refund_line_items=[line, {"quantity": 3}]))

    assert [one.quantity for one in refund.lines] == [1]


@pytest.mark.parametrize("topic", ["fulfillments/create", "fulfillments/update"])
@pytest.mark.parametrize(
    ("status", "cancelled"),
    [("success", False), (None, False), ("pending", False), ("cancelled", True), ("error", True),
     ("failure", True)],
)  # fmt: skip
def test_a_parcel_left_or_did_not(topic, status, cancelled):
    parcel = read(topic, a_refund(status=status, tracking_number="1Z", tracking_url="https://t"))

    assert isinstance(parcel, Fulfilment)
    assert parcel.cancelled is cancelled
    assert (parcel.tracking_numbers, parcel.tracking_urls) == (("1Z",), ("https://t",))


@pytest.mark.parametrize("topic", ["checkouts/create", "checkouts/update"])
def test_a_checkout_is_read_with_lines_that_have_no_id(topic):
    body = an_order(line_items=[{"variant_id": 8, "price": "1"}, {"title": "T"}, {"id": 5}],
                    email="a@b.co", abandoned_checkout_url="https://r")  # fmt: skip

    checkout = read(topic, body)

    assert isinstance(checkout, Checkout)
    assert [line.source_id for line in checkout.lines] == ["8", "1", "5"]
    assert not checkout.completed
    assert read(topic, body | {"completed_at": "2026-11-20T12:00:00Z"}).completed


@pytest.mark.parametrize(
    "topic", ["customers/create", "customers/update", "customers/enable", "customers/disable"]
)
def test_a_customer_is_read_without_any_consent(topic):
    body = {"id": 5, "updated_at": "2026-11-20T12:00:00Z", "email": "a@b.co",
            "accepts_marketing": True, "email_marketing_consent": {"state": "subscribed"},
            "default_address": {"city": "Bern", "country_code": "CH"}}  # fmt: skip

    customer = read(topic, body)

    assert isinstance(customer, Customer)
    assert customer.address.city == "Bern"
    assert "subscribed" not in repr(customer)


def test_consent_is_read_as_its_own_thing():
    given = {"state": "subscribed", "consent_updated_at": "2026-11-20T12:00:00Z"}

    email = read("customers_email_marketing_consent/update",
                 {"customer_id": 5, "email_marketing_consent": given})  # fmt: skip
    sms = read("customers_marketing_consent/update", {"id": 5, "sms_marketing_consent": given})

    assert (email, sms) == (
        Consent("5", "email", "subscribed", NOON),
        Consent("5", "sms", "subscribed", NOON),
    )


@pytest.mark.parametrize(
    ("topic", "stream"),
    [
        ("orders/delete", Stream.ORDERS),
        ("customers/delete", Stream.CUSTOMERS),
        ("products/delete", Stream.PRODUCTS),
        ("checkouts/delete", Stream.CHECKOUTS),
    ],
)
def test_a_deletion_carries_only_its_id_and_is_as_old_as_its_message(topic, stream):
    assert read(topic, {"id": BIG}) == Deletion(stream, str(BIG), NOON)


def test_a_product_is_published_only_when_active_and_out():
    body = {"id": 7, "updated_at": "2026-11-20T12:00:00Z", "published_at": "2026-01-01T00:00:00Z",
            "images": [{"src": "https://cdn/all.png"},
                       {"src": "https://cdn/red.png", "variant_ids": [8]}],
            "variants": [{"id": 8, "updated_at": "2026-11-20T13:00:00Z"},
                         {"id": 9, "price": "1"}]}  # fmt: skip

    product = read("products/update", body)

    assert isinstance(product, Product)
    assert product.published
    assert (product.title, product.handle, product.description) == ("7", "7", "")
    assert product.image_url == "https://cdn/all.png"
    assert [one.image_url for one in product.variants] == ["https://cdn/red.png", None]
    assert [one.version.hour for one in product.variants] == [13, 12]
    assert not read("products/create", body | {"status": "draft"}).published
    assert not read("products/create", body | {"published_at": None}).published


@pytest.mark.parametrize("topic", ["inventory_levels/update", "inventory_levels/connect"])
def test_the_stock_of_a_place_is_read(topic):
    body = {"inventory_item_id": 1, "location_id": 2, "updated_at": "2026-11-20T12:00:00Z"}

    assert read(topic, body | {"available": 3}) == InventoryLevel("1", "2", 3, NOON)


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b'{"id": NaN}', "json"),
        (b'{"name": "\\ud800"}', "json"),
        (b"[]", "type"),
        (b"{}", "type"),
        (b'{"x":' * 5000, "nesting"),
    ],
)
@pytest.mark.parametrize("topic", sorted(PARSERS))
def test_what_cannot_be_read_says_why(topic, raw, rule):
    with pytest.raises(Unreadable) as caught:
        read(topic, raw)

    assert caught.value.rule == rule


def test_text_that_is_no_utf_8_is_said_so():
    with pytest.raises(Unreadable) as caught:
        read("orders/create", b'{"name": "\xff"}')

    assert caught.value.rule == "encoding"


def test_the_place_of_a_fault_is_named():
    with pytest.raises(Unreadable) as caught:
        read("orders/create", an_order(line_items=[a_line(), a_line(title=5)]))

    assert caught.value.field == "$.line_items[1].title"


def test_of_a_key_that_comes_twice_the_last_counts():
    raw = json.dumps(an_order()).encode()[:-1] + b', "total_price": "1.00"}'

    assert read("orders/create", raw).total == Decimal(1)
