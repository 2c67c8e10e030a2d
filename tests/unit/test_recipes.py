import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.recipes import (
    LONGEST_LIST,
    LONGEST_TEXT,
    RECIPES,
    apply,
    fitting,
    refusal,
)

PERSON = {
    "email": "jane@example.com",
    "phone_number": "+49 1",
    "location": {"country": "Nowhere", "region": "x", "city": "Berlin"},
}
EVENT = {
    "profile": {"phone_number": "+49301234567"},
    "properties": {"Note": "x", "Items": [{"Name": "a", "SKU": 1}, {"SKU": 2}, 3], "a": {"b": 1}},
    "value": 12,
    "value_currency": "eur",
}


def made(code, document, value=""):
    return apply(RECIPES[code], document, value)


def test_a_phone_number_goes_where_an_address_stays():
    assert "phone_number" not in made("drop_phone", PERSON)
    assert made("drop_phone", EVENT) is None
    both = EVENT | {"profile": {"email": "a@b.de", "phone_number": "1"}}
    assert made("drop_phone", both)["profile"] == {"email": "a@b.de"}


def test_an_address_goes_where_a_phone_number_stays():
    assert "email" not in made("drop_email", PERSON)
    assert made("drop_email", {"email": "a@b.de"}) is None
    assert made("drop_email", EVENT) is None


def test_a_currency_is_set_where_there_is_an_amount():
    assert made("set_currency", EVENT, "EUR")["value_currency"] == "EUR"
    assert made("set_currency", PERSON, "EUR") is None
    assert made("set_currency", EVENT, "eur") is None  # it says so already


def test_an_amount_goes_with_its_currency():
    assert made("drop_value", EVENT).keys() == {"profile", "properties"}
    assert made("drop_value", PERSON) is None


def test_country_and_region_go_and_the_rest_of_the_address_stays():
    assert made("drop_place", PERSON)["location"] == {"city": "Berlin"}
    assert made("drop_place", EVENT) is None
    assert made("drop_place", {"location": {"city": "Berlin"}}) is None


def test_what_is_too_long_is_cut_wherever_it_stands():
    long = {"properties": {"Items": [{"Name": "x" * 30_000}] * 5000}}

    items = made("cut_texts", long)["properties"]["Items"]

    assert len(items) == LONGEST_LIST
    assert len(items[0]["Name"]) == LONGEST_TEXT
    assert made("cut_texts", EVENT) is None


def test_a_detail_goes_from_the_event_or_from_each_item():
    assert "Note" not in made("drop_property", EVENT, "Note")["properties"]
    assert made("drop_property", EVENT, "Items.Name")["properties"]["Items"] == [
        {"SKU": 1},
        {"SKU": 2},
        3,
    ]
    assert made("drop_property", EVENT, "a.b")["properties"]["a"] == {}
    for missing in ("x", "Items.x", "a.x", "Note.x"):
        assert made("drop_property", EVENT, missing) is None
    assert made("drop_property", PERSON, "email") is None


@pytest.mark.parametrize("code", RECIPES)
@given(document=st.sampled_from([PERSON, EVENT, {}, [], "x", None, 7, {"properties": []}]))
def test_no_rule_changes_what_it_is_given_or_applies_twice(code, document):
    before = copy.deepcopy(document)

    once = apply(RECIPES[code], document, "EUR")

    assert document == before
    assert once is None or apply(RECIPES[code], once, "EUR") is None


def test_rules_say_for_which_reasons_they_fit():
    assert fitting("profile.phone_number", "")[0].code == "drop_phone"
    assert fitting("phone_number", "phone")[0].code == "drop_phone"
    assert fitting("value_currency", "")[0].code == "set_currency"
    assert fitting("location.country", "")[0].code == "drop_place"
    assert fitting("", "text")[0].code == "cut_texts"
    assert not RECIPES["drop_phone"].fits("profile.email", "")
    assert len(fitting("", "")) == len(RECIPES)


def test_rules_refuse_what_they_cannot_work_with():
    assert refusal(RECIPES["set_currency"], "") == "Write the currency, such as EUR."
    assert "three capital letters" in refusal(RECIPES["set_currency"], "Euro")
    assert refusal(RECIPES["set_currency"], "EUR") == ""
    assert refusal(RECIPES["drop_phone"], "") == ""
    assert refusal(RECIPES["drop_property"], "Note") == ""
