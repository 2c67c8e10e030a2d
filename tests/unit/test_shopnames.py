"""People paste what they have; only a shop's own name gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.shopnames import NotAShop, domain_of
from integrations.platforms.shopify.headers import SHOP


@pytest.mark.parametrize(
    "typed",
    [
        "alpine",
        " Alpine ",
        "alpine.myshopify.com",
        "https://alpine.myshopify.com",
        "https://ALPINE.myshopify.com/admin/orders?x=1",
        "alpine.myshopify.com/",
        "https://admin.shopify.com/store/alpine",
        "admin.shopify.com/store/alpine/settings/domains?tab=1#a",
    ],
)
def test_a_shop_is_found_in_what_people_have_at_hand(typed):
    assert domain_of(typed) == "alpine.myshopify.com"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Enter"),
        ("   ", "Enter"),
        ("www.alpine-outdoor.com", "customers see"),
        ("https://alpine.myshopify.com.evil.example/", "customers see"),
        ("alpine.myshopify.com.evil.example", "customers see"),
        ("evil.example/alpine.myshopify.com", "customers see"),
        ("alpine.myshopify.com@evil.example", "customers see"),
        ("my shop", "letters"),
        ("-alpine", "letters"),
        ("alpine/orders", "letters"),
        ("älpine", "letters"),
        ("admin.shopify.com/store/", "customers see"),
        ("admin.shopify.com.evil.example/store/alpine", "customers see"),
    ],
)
def test_anything_else_is_refused_with_a_hint(typed, words):
    with pytest.raises(NotAShop, match=words):
        domain_of(typed)


@given(st.text(max_size=80))
def test_whatever_gets_through_is_a_shops_own_name(typed):
    try:
        found = domain_of(typed)
    except NotAShop:
        return
    assert SHOP.match(found)
