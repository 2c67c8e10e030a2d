"""Whom a request to erase is about."""

import json

import pytest

from integrations.domain import erasing

SHOP = "alpine-demo.myshopify.com"
JANE = {"id": 77, "email": "Jane.Doe@Example.com", "phone": "+49 151 2345678"}
REQUEST = {"shop_id": 1, "shop_domain": SHOP, "customer": JANE, "orders_to_redact": [501, 502]}


def wanted(request=REQUEST, topic=erasing.REDACT_CUSTOMER):
    return erasing.read(topic, json.dumps(request).encode(), shop=SHOP)


def about(topic, document, request=REQUEST):
    return erasing.is_about(wanted(request), topic, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("topic", "document"),
    [
        ("orders/create", {"id": 501}),
        ("orders/create", {"id": 9, "email": "jane.doe@example.com "}),
        ("orders/create", {"id": 9, "customer": {"id": 77}}),
        ("orders/create", {"id": 9, "billing_address": {"x": [{"y": "JANE.DOE@example.com"}]}}),
        ("customers/update", {"id": 77}),
        ("customers_email_marketing_consent/update", {"customer_id": 77}),
        ("refunds/create", {"id": 9, "order_id": 502}),
        ("past/orders", {"id": "gid://shopify/Order/501"}),
        ("past/orders", {"id": "gid://shopify/Order/9", "customer": {"id": "gid://shopify/Customer/77"}}),
        ("past/customers", {"id": "gid://shopify/Customer/77"}),
    ],
)  # fmt: skip
def test_what_names_them_is_about_them(topic, document):
    assert about(topic, document)


@pytest.mark.parametrize(
    ("topic", "document"),
    [
        ("orders/create", {"id": 77}),
        ("orders/create", {"id": 9, "line_items": [{"id": 501}]}),
        ("customers/update", {"id": 501}),
        ("customers/update", {"id": 78, "phone": "+491512345678"}),
        ("products/update", {"id": 77}),
        ("orders/create", {"id": 9, "note": "for jane.doe@example.community"}),
    ],
)
def test_what_does_not_name_them_stays(topic, document):
    assert not about(topic, document)


def test_a_number_counts_only_where_nothing_else_is_known():
    request = REQUEST | {"customer": {"phone": "+49 151 2345678"}, "orders_to_redact": []}

    assert about("customers/update", {"id": 5, "phone": "+491512345678"}, request)


def test_what_cannot_be_read_is_searched_for_the_address():
    assert erasing.is_about(wanted(), "orders/create", b'{"email": "jane.doe@example.com"')
    assert not erasing.is_about(wanted(), "orders/create", b'{"email": "bob@example.com"')


def test_a_request_for_another_shop_is_not_believed():
    assert wanted(REQUEST | {"shop_domain": "other.myshopify.com"}) is None
    assert erasing.read(erasing.REDACT_SHOP, b"{}", shop=SHOP) is None
    assert erasing.read(erasing.REDACT_SHOP, b"nonsense", shop=SHOP) is None


def test_a_whole_shop_is_everything():
    found = wanted({"shop_domain": SHOP}, erasing.REDACT_SHOP)

    assert erasing.is_about(found, "products/update", b"nonsense")
