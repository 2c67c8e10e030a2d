from datetime import UTC, datetime
from decimal import Decimal

import pytest

from integrations.platforms.klaviyo import documents

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVENT = {
    "profile": {"email": "jane@example.com"},
    "metric": {"data": {}},
    "properties": {"Items": []},
    "time": "2026-11-20T12:00:00Z",
    "unique_id": "1",
    "value": Decimal("12.50"),
    "value_currency": "EUR",
}
PERSON = {"email": "jane@example.com", "phone_number": "+49301234567", "location": {"zip": "1"}}
PRODUCT = {"title": "Shirt", "url": "https://a.de/x", "price": 12, "published": True}


def faults(kind, document, size=100):
    return {one.path for one in documents.faults(kind, document, size=size, now=NOON)}


def test_what_klaviyo_takes_has_no_fault():
    assert faults("placed_order", EVENT) == set()
    assert faults("profile", PERSON) == set()
    assert faults("catalog_item", PRODUCT) == set()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"profile": {"email": "jane"}}, "profile.email"),
        ({"profile": {"phone_number": "030 12"}}, "profile.phone_number"),
        ({"profile": {}}, "profile.email"),
        ({"profile": []}, "profile"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-11-20T12:00:00"}, "time"),
        ({"time": "1999-11-20T12:00:00Z"}, "time"),
        ({"time": None}, "time"),
        ({"value": "12"}, "value"),
        ({"value": Decimal("1e400")}, "value"),
        ({"value": True}, "value"),
        ({"value_currency": "eur"}, "value_currency"),
        ({"properties": []}, "properties"),
        ({"properties": {str(number): 1 for number in range(401)}}, "properties"),
        ({"properties": {"a": "x" * 100_001}}, "properties.a"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_klaviyo_would_refuse_of_an_event_is_named(change, path):
    assert faults("placed_order", EVENT | change) == {path}


@pytest.mark.parametrize(
    ("kind", "change", "path"),
    [
        ("profile", {"email": 7}, "email"),
        ("profile", {"first_name": 7}, "first_name"),
        ("profile", {"location": "Berlin"}, "location"),
        ("catalog_item", {"title": None}, "title"),
        ("catalog_item", {"url": "a.de"}, "url"),
        ("catalog_item", {"price": "12"}, "price"),
        ("catalog_variant", {"inventory_quantity": 1.5}, "inventory_quantity"),
        ("catalog_item", {"published": "yes"}, "published"),
    ],
)
def test_what_klaviyo_would_refuse_of_people_and_products_is_named(kind, change, path):
    base = PERSON if kind == "profile" else PRODUCT

    assert faults(kind, base | change) == {path}


def test_what_is_no_object_or_too_large_is_refused():
    assert faults("placed_order", []) == {""}
    assert faults("catalog_item", PRODUCT, size=100_001) == {""}
