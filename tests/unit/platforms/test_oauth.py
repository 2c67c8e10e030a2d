"""Both platforms' sign-ins, apart from any server: signatures, addresses, and what answers mean."""

import hashlib
import hmac
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.failures import FailureKind
from integrations.domain.grants import App, Grant
from integrations.platforms.http import Answer
from integrations.platforms.klaviyo import oauth as klaviyo
from integrations.platforms.shopify import oauth as shopify

AUTH, TRANSIENT, LIMITED = FailureKind.AUTH, FailureKind.TRANSIENT, FailureKind.RATE_LIMITED


def signed(pairs, secret="shh"):
    message = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(pairs.items()))
    digest = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return urlencode({**pairs, "hmac": digest}, quote_via=quote)


names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8).filter(
    lambda name: name not in {"hmac", "signature"}
)


@given(st.dictionaries(names, st.text(max_size=12), min_size=1, max_size=6))
def test_a_query_shopify_signed_is_genuine_whatever_it_holds(pairs):
    assert shopify.is_genuine(signed(pairs), ["older", "shh"])
    assert not shopify.is_genuine(signed(pairs), ["older", ""])
    assert not shopify.is_genuine(signed(pairs, secret="theirs"), ["shh"])


def test_the_order_of_a_query_and_its_old_signature_do_not_matter():
    query = signed({"shop": "a.myshopify.com", "code": "c", "state": "s"})

    assert shopify.is_genuine("&".join(reversed(query.split("&"))), ["shh"])
    assert shopify.is_genuine(f"{query}&signature=old", ["shh"])


@pytest.mark.parametrize("query", ["", "hmac=", "code=1", "hmac=zz&code=1", "&&", "=", "hmac"])
def test_a_query_without_a_signature_is_not(query):
    assert not shopify.is_genuine(query, ["shh"])


def test_the_sign_in_page_is_asked_for_an_offline_token():
    url = shopify.authorize_url(
        "https://a.myshopify.com/", client_id="id", scopes=["read_orders", "read_products"],
        redirect_uri="https://c.example/connect/shopify/answer/", state="s s",
    )  # fmt: skip

    assert url.startswith("https://a.myshopify.com/admin/oauth/authorize?client_id=id&scope=")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "client_id": "id",
        "scope": "read_orders,read_products",
        "redirect_uri": "https://c.example/connect/shopify/answer/",
        "state": "s s",
    }


@pytest.mark.parametrize(
    "name", ["a.myshopify.com\n", "A.myshopify.com", "-a.myshopify.com", "a.b.myshopify.com", ""]
)
def test_a_shops_name_is_matched_whole(name):
    assert not shopify.is_shop(name)
    assert shopify.is_shop("a-1.myshopify.com")


def an_answer(status, body=b"", kind="application/json"):
    return Answer(status, {"content-type": kind}, body, 1)


def page(slug):
    return an_answer(400, f"<title>400 - Oauth error {slug}</title>".encode(), "text/html")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (an_answer(400, b'{"error":"invalid_grant"}'), AUTH, "invalid_grant"),
        (an_answer(401, b'{"error":"invalid_client"}'), AUTH, "invalid_client"),
        (page("app_not_installed"), AUTH, "app_not_installed"),
        (page("application_cannot_be_found"), AUTH, "application_cannot_be_found"),
        (page("shop_not_permitted"), AUTH, "shop_not_permitted"),
        (page("invalid_request"), TRANSIENT, "invalid_request"),
        (an_answer(403, b"<html>", "text/html"), TRANSIENT, "403"),
        (an_answer(402, b"<html>", "text/html"), AUTH, "402"),
        (an_answer(423), AUTH, "423"),
        (an_answer(429), LIMITED, "429"),
        (an_answer(430), LIMITED, "430"),
        (an_answer(500, b'{"error":"oops"}'), TRANSIENT, "oops"),
        (an_answer(302), TRANSIENT, "302"),
        (an_answer(400, b"\xff\x00"), TRANSIENT, "400"),
    ],
)
def test_shopifys_last_words_are_told_from_everything_else(answer, kind, code):
    failure = shopify.failure_of(answer)

    assert (failure.kind, failure.code, failure.answer) == (kind, code, "")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (an_answer(400, b'{"error":"invalid_grant"}'), AUTH, "invalid_grant"),
        (an_answer(401, b'{"error":"invalid_client"}'), AUTH, "invalid_client"),
        (an_answer(400, b'{"errors":[{"code":"not_allowed"}]}'), AUTH, "not_allowed"),
        (an_answer(403, b'{"detail":"no"}'), AUTH, "403"),
        (an_answer(403, b"<html>Cloudflare", "text/html"), TRANSIENT, "403"),
        (an_answer(408, b'{"error":"slow"}'), TRANSIENT, "slow"),
        (an_answer(429, b'{"error":"slow_down"}'), LIMITED, "slow_down"),
        (an_answer(503), TRANSIENT, "503"),
    ],
)
def test_klaviyos_last_words_are_told_from_a_proxys_page(answer, kind, code):
    failure = klaviyo.failure_of(answer)

    assert (failure.kind, failure.code, failure.answer) == (kind, code, "")


def test_a_proof_key_is_as_klaviyo_wants_it_and_new_each_time():
    one, other = klaviyo.new_proof_key(), klaviyo.new_proof_key()

    assert 43 <= len(one.verifier) <= 128
    assert len(one.challenge) == 43
    assert "=" not in one.challenge
    assert one.verifier != other.verifier
    assert one.verifier not in repr(one)


def test_what_holds_a_secret_does_not_show_it():
    assert repr(Grant("access", "refresh")) == "<Grant>"
    assert repr(App("id", "secret")) == "<App id>"
