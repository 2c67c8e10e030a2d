"""The schema of the stand-in is a true part of Shopify's."""

import gzip
import json
from pathlib import Path

import pytest
from graphql import (
    build_client_schema,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    is_union_type,
)

from sandbox.shopify.graph import schema

REAL = Path(__file__).parents[3] / "shared/contracts/shopify-admin-2026-10.introspection.json.gz"


@pytest.fixture(scope="module")
def real():
    if not REAL.exists():
        pytest.skip("Shopify's introspection is not beside this checkout")
    told = json.loads(gzip.decompress(REAL.read_bytes()))
    return build_client_schema(told.get("data", told), assume_valid=True)


def own_types():
    return [kind for name, kind in schema().type_map.items() if not name.startswith("__")]


def test_every_field_and_argument_has_shopifys_type(real):
    for kind in own_types():
        if is_object_type(kind) or is_interface_type(kind):
            twin = real.type_map[kind.name]
            for name, field in kind.fields.items():
                assert str(field.type) == str(twin.fields[name].type), f"{kind.name}.{name}"
                for argument, own in field.args.items():
                    told = twin.fields[name].args[argument]
                    assert str(own.type) == str(told.type), f"{kind.name}.{name}({argument})"


def test_required_arguments_are_not_left_out(real):
    for kind in own_types():
        if is_object_type(kind):
            for name, field in kind.fields.items():
                told = real.type_map[kind.name].fields[name].args
                needed = {key for key, value in told.items() if str(value.type).endswith("!")}
                assert needed <= set(field.args)


def test_enums_inputs_and_unions_are_whole(real):
    for kind in own_types():
        twin = real.type_map.get(kind.name)
        if is_enum_type(kind):
            assert set(kind.values) == set(twin.values)
        elif is_input_object_type(kind):
            assert {n: str(f.type) for n, f in kind.fields.items()} == {
                n: str(f.type) for n, f in twin.fields.items()
            }
        elif is_union_type(kind):
            assert {t.name for t in kind.types} <= {t.name for t in twin.types}


def test_types_claim_no_interface_they_do_not_have(real):
    for kind in own_types():
        if is_object_type(kind):
            told = {interface.name for interface in real.type_map[kind.name].interfaces}
            assert {interface.name for interface in kind.interfaces} <= told
