"""Who a record is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.operations import Profile
from integrations.domain.people import (
    EMAIL_DROPPED,
    PHONE_DROPPED,
    buyer_contact,
    clean_email,
    clean_phone,
    contact,
)
from integrations.domain.records import Buyer
from sandbox.klaviyo.checks import PHONE, is_email


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (" Ann.Lee@Alpine-Demo.SHOP ", "ann.lee@alpine-demo.shop"),
        ("o'neil+tag@mail.co.uk", "o'neil+tag@mail.co.uk"),
        ("a" * 64 + "@b.co", "a" * 64 + "@b.co"),
    ],
)
def test_a_good_address_is_written_one_way(raw, clean):
    assert clean_email(raw) == clean


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "ann",
        "ann@",
        "@shop.co",
        "ann@shop",
        "ann@@shop.co",
        "ann@shop..co",
        ".ann@shop.co",
        "ann.@shop.co",
        "an..n@shop.co",
        "ann@-shop.co",
        "ann@shop.123",
        "ann@shop.c",
        "ann lee@shop.co",
        "ann\n@shop.co",
        "ann@shop.co\0",
        "änn@shop.co",
        "a" * 65 + "@b.co",
        "a" * 60 + "@" + "b" * 40 + ".co",
    ],
)
def test_an_address_klaviyo_would_refuse_is_not_used(raw):
    assert clean_email(raw) is None


@given(
    st.emails() | st.from_regex(r"[a-z.!+-]{1,12}@[a-z0-9.-]{1,20}\.[a-z0-9]{1,4}", fullmatch=True)
)
def test_what_we_let_pass_klaviyo_lets_pass(raw):
    found = clean_email(raw)

    # Addresses under a domain of another script are passed on, and judged by Klaviyo alone.
    assert found is None or is_email(found) or ".xn--" in found


@pytest.mark.parametrize(
    ("raw", "country", "number"),
    [
        ("+49 151 23456789", None, "+4915123456789"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("(212) 555-2368", "US", "+12125552368"),
        ("0151 23456789", None, None),
        ("12", "DE", None),
        ("not a phone", "DE", None),
        ("+1 000 000 0000", None, None),
        ("", "DE", None),
        (None, None, None),
        ("+49" + "1" * 60, None, None),
        ("0151 23456789", "XX", None),
    ],
)
def test_numbers_are_written_in_one_form_or_not_used(raw, country, number):
    assert clean_phone(raw, country) == number


@given(st.text(max_size=45), st.sampled_from([None, "DE", "US", "GB", "ZZ"]))
def test_no_text_becomes_a_number_klaviyo_refuses(raw, country):
    found = clean_phone(raw, country)

    assert found is None or PHONE.fullmatch(found)


def test_the_address_comes_first_and_each_fault_is_noted():
    both = contact("ann@shop.co", "+4915123456789", country=None)
    phone = contact("broken", "+4915123456789", country=None)
    nobody = contact("broken", "12", country="DE")

    assert both.profile == Profile(email="ann@shop.co")
    assert phone.profile == Profile(phone="+4915123456789")
    assert phone.notes == (EMAIL_DROPPED,)
    assert nobody.profile is None
    assert nobody.notes == (EMAIL_DROPPED, PHONE_DROPPED)


def test_a_buyer_is_a_contact():
    assert buyer_contact(Buyer(email="A@Shop.co"), country=None).email == "a@shop.co"


@pytest.mark.parametrize("profile", [Profile(email="a@b.co"), Profile(phone="+4915123456789")])
def test_a_person_is_one_word_and_can_be_read_back(profile):
    assert Profile.from_key(profile.key) == profile
    assert Profile().key == ""
