import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.pointers import (
    Place,
    byte_of,
    depth_over,
    find,
    replaced,
    value_at,
    without,
    written,
)

EVENT = {
    "profile": {"email": "jane@example.com"},
    "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
    "properties": {"Items": [{"SKU": "a"}, {"SKU": "b", "a.b": 3}], "data": {"attributes": 1}},
    "unique_id": "1",
    "value": 12,
}
BULK = "/data/attributes/events-bulk-create/data/3/attributes"
PERSON = {"email": "jane@example.com", "location": {"zip": "1"}}


@pytest.mark.parametrize(
    ("pointer", "path", "is_there"),
    [
        (f"{BULK}/profile/data/attributes/email", ("profile", "email"), True),
        (f"{BULK}/profile/data/attributes/phone_number", ("profile", "phone_number"), False),
        (f"{BULK}/events/data/0/attributes/value", ("value",), True),
        (f"{BULK}/events/data/0/attributes/value_currency", ("value_currency",), False),
        (
            f"{BULK}/events/data/0/attributes/properties/Items/1/SKU",
            ("properties", "Items", 1, "SKU"),
            True,
        ),
        (
            "/data/attributes/metric/data/attributes/name",
            ("metric", "data", "attributes", "name"),
            True,
        ),
        (
            "/data/attributes/properties/data/attributes",
            ("properties", "data", "attributes"),
            True,
        ),
        ("properties.Items.1.a.b", ("properties", "Items", 1, "a.b"), True),
        ("$.properties.Items[1].SKU", ("properties", "Items", 1, "SKU"), True),
        ("$.properties.Items[...].SKU", ("properties", "Items"), True),
        ("properties.Items.9.SKU", ("properties", "Items"), True),
        ("time", ("time",), False),
    ],
)
def test_a_pointer_into_a_request_is_found_in_the_record(pointer, path, is_there):
    assert find(pointer, EVENT) == Place(path, found=is_there)


def test_a_person_stands_bare_in_a_batch_of_people():
    assert find("/data/attributes/profiles/data/17/attributes/email", PERSON) == Place(("email",))
    assert find("/data/attributes/location/zip", PERSON) == Place(("location", "zip"))


@pytest.mark.parametrize("pointer", ["", "/", "/data", "/data/attributes/profiles/data/17", "$"])
def test_a_pointer_to_nothing_of_the_record_is_no_place(pointer):
    assert find(pointer, PERSON) is None


def test_signs_of_json_pointers_are_read():
    assert find("/a~1b/c~0d", {"a/b": {"c~d": 1}}) == Place(("a/b", "c~d"))


def test_the_byte_a_reader_stopped_at_is_read_from_its_message():
    assert byte_of("JSON is malformed: invalid character (byte 17)") == 17
    assert byte_of("Input data was truncated") is None


@given(st.text(max_size=60), st.sampled_from([EVENT, PERSON, [], "x", None]))
def test_whatever_a_platform_writes_a_place_is_one_that_exists(pointer, document):
    place = find(pointer, document)

    if place is not None:
        value_at(document, place.path if place.found else place.path[:-1])


def test_a_value_is_replaced_in_a_copy():
    changed = replaced(EVENT, ("properties", "Items", 1, "SKU"), "c")

    assert value_at(changed, ("properties", "Items", 1, "SKU")) == "c"
    assert value_at(EVENT, ("properties", "Items", 1, "SKU")) == "b"
    assert replaced(PERSON, ("phone_number",), "+49")["phone_number"] == "+49"
    assert replaced(PERSON, (), 1) == 1


def test_a_value_is_taken_out_of_a_copy():
    assert without(EVENT, ("properties", "Items", 0))["properties"]["Items"] == [
        {"SKU": "b", "a.b": 3}
    ]
    assert without(PERSON, ("email",)) == {"location": {"zip": "1"}}
    for missing in (("x",), ("email", "x"), ("email", 0)):
        with pytest.raises(LookupError):
            without(PERSON, missing)


def test_depth_is_measured_without_nesting_calls():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert depth_over(deep, 60)
    assert not depth_over(EVENT, 60)
    assert depth_over({"a": {"b": 1}}, 2)
    # Taken apart by hand: Python itself would nest calls.
    while deep:
        deep = deep.pop()


def test_a_path_is_written_with_dots():
    assert written(("properties", "Items", 1)) == "properties.Items.1"
