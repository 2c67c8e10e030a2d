"""What a sender of webhooks is told, and what is kept."""

import hashlib
import json
import threading

import pytest
from django.db import connection

from integrations.models import DeadLetter, Event, RefusalCount, Store
from integrations.pipeline import intake
from integrations.platforms.shopify.signature import sign
from tests import factories

from .conftest import an_order

SECRET = factories.SECRET


def counts() -> dict[tuple[object, str], int]:
    return {(one.store_id, one.reason): one.count for one in RefusalCount.objects.all()}


def test_a_signed_webhook_is_kept_as_it_came(store, post):
    raw = b'{ "id": 1,\r\n "note": "\xc3\xa9\\u0000" }  '

    answer = post(store, "orders/create", raw)

    assert (answer.status_code, answer.content) == (200, b"Stored.\n")
    event = Event.objects.get()
    assert bytes(event.body) == raw
    assert (event.topic, event.state, event.lane) == ("orders/create", "waiting", 0)
    assert (event.webhook_id, event.event_id, event.api_version) == ("w-1", "e-1", "2026-10")
    assert event.triggered_at is not None


def test_a_delivery_that_comes_again_is_kept_once(store, post):
    same = {"X-Shopify-Webhook-Id": "w-same"}

    first = post(store, "orders/create", an_order(), headers=same)
    second = post(store, "orders/create", an_order(), headers=same)

    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == b"Already stored.\n"
    assert Event.objects.count() == 1


def test_header_names_may_be_written_in_any_case_and_in_either_family(store, post, client):
    raw = b"{}"
    for number, style in enumerate(["X-SHOPIFY-{}", "x-shopify-{}", "Shopify-{}", "shopify-{}"]):
        values = {
            "Topic": "orders/create",
            "Shop-Domain": store.domain.upper(),
            "Webhook-Id": f"w-{number}",
            "Hmac-Sha256": sign(raw, SECRET),
        }
        answer = client.post(
            f"/webhooks/shopify/{store.public_id}/",
            raw,
            content_type="application/json",
            headers={style.format(name): value for name, value in values.items()},
        )
        assert answer.status_code == 200, style
    assert Event.objects.count() == 4


def test_during_a_rotation_both_secrets_are_good(store, post, settings):
    settings.SHOPIFY_APP_SECRETS = ["new-secret", SECRET]

    assert post(store, "orders/create", b"{}").status_code == 200
    assert post(store, "orders/create", b"{}", secret="new-secret").status_code == 200
    assert post(store, "orders/create", b"{}", secret="older").status_code == 401


@pytest.mark.parametrize("secrets", [[], [""], ["", "another"]])
def test_a_missing_or_empty_secret_lets_nobody_in(store, post, settings, secrets):
    settings.SHOPIFY_APP_SECRETS = secrets

    assert post(store, "orders/create", b"{}").status_code == 401
    assert post(store, "orders/create", b"{}", secret="").status_code == 401


@pytest.mark.parametrize("signature", ["AAAA", None, "", "é", "x" * 500])
def test_a_bad_signature_is_refused_and_counted_and_its_body_not_kept(store, post, signature):
    for _ in range(2):
        answer = post(
            store, "orders/create", an_order(), headers={"X-Shopify-Hmac-Sha256": signature}
        )
        assert answer.status_code == 401

    assert Event.objects.count() == 0
    assert counts() == {(store.pk, "signature"): 2}


def test_the_signature_is_over_the_raw_bytes(store, post):
    spaced = json.dumps(an_order(), indent=1).encode()
    tight = json.dumps(an_order(), separators=(",", ":")).encode()

    answer = post(
        store, "orders/create", spaced, headers={"X-Shopify-Hmac-Sha256": sign(tight, SECRET)}
    )

    assert answer.status_code == 401


def test_the_shop_must_be_the_one_of_the_address(store, post):
    other = factories.a_store(store.klaviyo_account, token="")

    answer = post(store, "orders/create", b"{}", headers={"X-Shopify-Shop-Domain": other.domain})

    assert answer.status_code == 400
    assert Event.objects.count() == 0
    assert counts() == {(store.pk, "shop"): 1}


@pytest.mark.parametrize(
    "address", ["/webhooks/shopify/00000000-0000-4000-8000-000000000000/", "/webhooks/shopify/x/"]
)
def test_an_unknown_store_is_not_found(store, post, address):
    assert post(store, "orders/create", b"{}", address=address).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Shopify-Topic": None},
        {"X-Shopify-Topic": "orders"},
        {"X-Shopify-Topic": "orders/" + "x" * 100},
        {"X-Shopify-Shop-Domain": None},
        {"X-Shopify-Shop-Domain": "evil.org"},
        {"X-Shopify-Webhook-Id": None},
        {"X-Shopify-Webhook-Id": "w" * 300},
    ],
    ids=str,
)
def test_what_cannot_be_a_webhook_is_refused(store, post, headers):
    assert post(store, "orders/create", b"{}", headers=headers).status_code == 400
    assert Event.objects.count() == 0


@pytest.mark.parametrize("method", ["get", "put", "delete", "head", "options"])
def test_only_post_is_a_webhook(store, client, method):
    answer = getattr(client, method)(f"/webhooks/shopify/{store.public_id}/")

    assert answer.status_code == 405
    assert answer["Allow"] == "POST"


def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_kept(store, post, settings):
    settings.WEBHOOK_MAX_BYTES = 1000

    assert post(store, "orders/create", b"x" * 1000).status_code == 200
    assert post(store, "orders/create", b"x" * 1001).status_code == 413
    assert Event.objects.count() == 1


def test_a_body_without_a_length_is_read_to_its_end_and_measured(store, settings, rf):
    settings.WEBHOOK_MAX_BYTES = 1000
    settings.SHOPIFY_APP_SECRETS = [SECRET]

    assert chunked(rf, store, b"x" * 1000).status_code == 200
    assert chunked(rf, store, b"x" * 1001).status_code == 413
    assert bytes(Event.objects.get().body) == b"x" * 1000


@pytest.mark.parametrize("length", ["abc", "-5", ""])
def test_a_length_that_is_no_number_breaks_nothing(store, settings, rf, length):
    settings.SHOPIFY_APP_SECRETS = [SECRET]

    assert chunked(rf, store, b"{}", CONTENT_LENGTH=length).status_code == 200


def chunked(rf, store, raw, **environ):
    """What a server hands on when the sender named no length: a stream that ends."""
    from io import BytesIO

    from integrations.web.receive import shopify

    request = rf.post(
        f"/webhooks/shopify/{store.public_id}/",
        content_type="application/json",
        headers={
            "X-Shopify-Topic": "orders/create",
            "X-Shopify-Shop-Domain": store.domain,
            "X-Shopify-Webhook-Id": hashlib.sha256(raw).hexdigest(),
            "X-Shopify-Hmac-Sha256": sign(raw, SECRET),
        },
    )
    request.META.pop("CONTENT_LENGTH")
    request.META |= {"wsgi.input": BytesIO(raw), "wsgi.input_terminated": True} | environ
    return shopify(request, str(store.public_id))


# --- privacy requests ---------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["customers/data_request", "customers/redact", "shop/redact"])
def test_a_privacy_request_finds_its_store_in_the_signed_body(store, post, work, klaviyo, topic):
    body = {"shop_id": 1, "shop_domain": store.domain.upper(), "customer": {"id": 5}}

    answer = post(
        store,
        topic,
        body,
        address="/webhooks/shopify/compliance/",
        headers={"X-Shopify-Shop-Domain": "somebody-else.myshopify.com"},
    )
    work()

    assert answer.status_code == 200
    event = Event.objects.get()
    assert (event.store_id, event.skip) == (store.pk, "compliance")


def test_a_privacy_request_with_a_bad_signature_is_refused(store, post):
    answer = post(
        store,
        "shop/redact",
        {"shop_domain": store.domain},
        address="/webhooks/shopify/compliance/",
        secret="wrong",
    )

    assert answer.status_code == 401
    assert counts() == {(None, "signature"): 1}


@pytest.mark.parametrize(
    ("topic", "body", "status"),
    [
        ("orders/create", {"shop_domain": "x.myshopify.com"}, 400),
        ("shop/redact", {"shop_domain": "unknown.myshopify.com"}, 404),
        ("shop/redact", {"shop_domain": "evil.org"}, 404),
        ("shop/redact", {"shop_domain": 5}, 404),
        ("shop/redact", {}, 404),
        ("shop/redact", b"{broken", 404),
        ("shop/redact", b"\xff\xfe", 404),
        ("shop/redact", b"[" * 5000, 404),
    ],
)
def test_only_privacy_requests_of_known_shops_come_that_way(store, post, topic, body, status):
    answer = post(store, topic, body, address="/webhooks/shopify/compliance/")

    assert answer.status_code == status
    assert Event.objects.count() == 0


# --- trouble of our own -------------------------------------------------------------------------


def test_a_broken_database_connection_is_a_503_and_the_next_webhook_is_kept(store, post):
    assert post(store, "orders/create", b"{}").status_code == 200
    cut_own_connection()

    answer = post(store, "orders/create", b"{}")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert post(store, "orders/create", b"{}").status_code == 200
    assert Event.objects.count() == 2


def cut_own_connection() -> None:
    """End this process's connection from the server's side, as a restart would."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()

    def cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.close()

    thread = threading.Thread(target=cut)
    thread.start()
    thread.join()


def test_a_store_that_was_deleted_a_moment_ago_is_not_found(store, post):
    assert post(store, "orders/create", b"{}").status_code == 200
    Event.objects.all().delete()
    Store.objects.all().delete()

    assert post(store, "orders/create", b"{}").status_code == 404


def test_a_store_that_was_just_connected_is_known_at_once(store, post):
    intake.find_store("00000000-0000-4000-8000-000000000000")
    new = factories.a_store(store.klaviyo_account, token="")

    assert post(new, "orders/create", b"{}").status_code == 200


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", "json"),
        (b'{"id": 3, "broken', "json"),
        (b"\xff\xfe{}", "json"),
        (b'{"id": 1, "name": "\xff"}', "encoding"),
        (b"[]", "type"),
        (b"null", "type"),
        (b'{"id": {}}', "type"),
        (b'{"x":' * 3000, "nesting"),
    ],
    ids=lambda one: str(one)[:20],
)
def test_a_signed_body_that_cannot_be_read_is_kept_and_put_aside(
    store, post, work, klaviyo, raw, rule
):
    assert post(store, "orders/create", raw).status_code == 200
    assert post(store, "orders/create", an_order()).status_code == 200
    work()

    letter = DeadLetter.objects.get()
    assert (letter.cause.code, letter.cause.rule) == ("unreadable", rule)
    assert bytes(letter.event.body) == raw
    assert sorted(Event.objects.values_list("state", flat=True)) == ["dead", "delivered"]
