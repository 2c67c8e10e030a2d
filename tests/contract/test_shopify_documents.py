"""Every GraphQL document, judged by Shopify's own schema."""

import gzip
import json
from importlib.resources import files
from pathlib import Path

import pytest
from graphql import (
    NoDeprecatedCustomRule,
    build_client_schema,
    parse,
    specified_rules,
    validate,
)

from integrations.platforms import shopify
from integrations.platforms.shopify import variants, whole_orders
from integrations.platforms.shopify.client import document

SCHEMA = (
    Path(__file__).resolve().parents[3]
    / "shared"
    / "contracts"
    / "shopify-admin-2026-10.introspection.json.gz"
)
NAMES = sorted(
    one.name.removesuffix(".graphql")
    for one in files(shopify).iterdir()
    if one.name.endswith(".graphql")
)


@pytest.fixture(scope="module")
def schema():
    if not SCHEMA.is_file():
        pytest.skip("Shopify's published schema is not beside this project")
    found = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    return build_client_schema(found.get("data", found), assume_valid=True)


def test_there_are_documents():
    assert "orders_by_id" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_valid_and_uses_nothing_deprecated(schema, name):
    faults = validate(schema, parse(document(name)), [*specified_rules, NoDeprecatedCustomRule])

    assert [fault.message for fault in faults] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_document_stays_below_what_one_query_may_cost(schema, name):
    from sandbox.shopify.cost import MAX_COST, requested_cost
    from sandbox.shopify.graph import schema as own

    ids = [f"gid://shopify/Order/{number}" for number in range(10)]

    assert requested_cost(own(), parse(document(name)), None, {"ids": ids}) <= MAX_COST


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("order_lines", whole_orders.LINES_POINTS),
        ("refund_lines", whole_orders.LINES_POINTS),
        ("fulfillment_lines", whole_orders.LINES_POINTS),
        ("order_parts", whole_orders.PARTS_POINTS),
        ("product_variants", variants.POINTS),
    ],
)
def test_what_is_paid_for_a_list_that_broke_off_is_what_it_asks_for(name, points):
    from sandbox.shopify.cost import requested_cost
    from sandbox.shopify.graph import schema as own

    assert points * 0.7 <= requested_cost(own(), parse(document(name)), None, {}) <= points
