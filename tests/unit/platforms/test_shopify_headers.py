"""What a webhook's headers say, and what they may not say."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.platforms.shopify.headers import NotAWebhook, moment, read
from integrations.platforms.shopify.signature import is_genuine, sign
from integrations.platforms.shopify.webhooks import PARSERS, SKIPPED

GOOD = {
    "topic": "orders/create",
    "shop-domain": "alpine.myshopify.com",
    "hmac-sha256": "c2ln",
    "webhook-id": "w-1",
    "event-id": "e-1",
    "triggered-at": "2026-11-20T12:00:00.123456789Z",
    "api-version": "2026-10",
}


def headers(prefix: str = "x-shopify-", **changes: str) -> dict[str, str]:
    named = GOOD | {name.replace("_", "-"): value for name, value in changes.items()}
    return {prefix + name: value for name, value in named.items()}


@pytest.mark.parametrize("prefix", ["x-shopify-", "shopify-"])
def test_both_families_of_header_names_are_read(prefix):
    delivery = read(headers(prefix))

    assert delivery.topic == "orders/create"
    assert delivery.shop == "alpine.myshopify.com"
    assert (delivery.webhook_id, delivery.event_id) == ("w-1", "e-1")
    assert delivery.triggered_at == datetime(2026, 11, 20, 12, 0, 0, 123456, UTC)


@pytest.mark.parametrize("topic", sorted(PARSERS | SKIPPED))
def test_every_topic_we_know_can_be_received(topic):
    assert read(headers(topic=topic)).topic == topic


@pytest.mark.parametrize(
    "changes",
    [
        {"topic": ""},
        {"topic": "orders"},
        {"topic": "orders/create/more"},
        {"topic": "orders/" + "x" * 80},
        {"topic": "orders/cre\x00ate"},
        {"shop_domain": ""},
        {"shop_domain": "alpine.myshopify.com.evil.org"},
        {"shop_domain": "alpine.myshopify.com\n"},
        {"shop_domain": "evil.org/alpine.myshopify.com"},
        {"webhook_id": ""},
        {"webhook_id": "w" * 201},
        {"webhook_id": "w\x00"},
    ],
    ids=str,
)
def test_what_cannot_be_a_webhook_is_named(changes):
    found = headers(**changes)
    if changes == {"shop_domain": "alpine.myshopify.com\n"}:
        with pytest.raises(NotAWebhook, match="shop domain"):
            read(found)
        return
    with pytest.raises(NotAWebhook, match="missing or malformed"):
        read(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-20T12:00:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
    ],
)
def test_a_time_nobody_can_compute_with_counts_as_missing(text):
    assert moment(text) is None


@given(st.text(max_size=40) | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat))
def test_a_time_is_either_usable_or_missing(text):
    found = moment(text)

    assert found is None or found.astimezone(UTC).year in range(1969, 2201)


def test_any_of_several_secrets_signs_during_a_rotation():
    body = b'{"id": 1}'

    assert is_genuine(body, sign(body, "old"), ["new", "old"])
    assert is_genuine(body, sign(body, "new"), ["new", "old"])
    assert not is_genuine(body, sign(body, "other"), ["new", "old"])
    assert not is_genuine(body, "", ["new"])
    assert not is_genuine(body, sign(body, "new"), [])


def test_an_empty_secret_in_the_settings_opens_nothing():
    body = b'{"id": 1}'

    assert not is_genuine(body, sign(body, ""), ["", "new"])


@given(st.binary(max_size=200), st.text(max_size=60))
def test_no_signature_breaks_the_comparison(body, signature):
    assert is_genuine(body, signature, ["secret"]) == (signature == sign(body, "secret"))
