"""The short way in, as a web server calls it."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from integrations.models import Event, RefusalCount
from integrations.pipeline import writer
from integrations.platforms.shopify.signature import sign
from integrations.web.shortcut import WebhookShortcut
from tests import factories


@pytest.fixture
def send(store, settings):
    settings.SHOPIFY_APP_SECRETS = [factories.SECRET]
    application = WebhookShortcut(lambda environ, start: [b"Django"])

    def call(raw, *, path=None, chunked=False, **changes):
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path or f"/webhooks/shopify/{store.public_id}/",
            "HTTP_X_SHOPIFY_TOPIC": "orders/create",
            "HTTP_X_SHOPIFY_SHOP_DOMAIN": store.domain,
            "HTTP_X_SHOPIFY_WEBHOOK_ID": uuid4().hex,
            "HTTP_X_SHOPIFY_HMAC_SHA256": sign(raw, factories.SECRET),
            "wsgi.input": BytesIO(raw),
        }
        if not chunked:
            environ["CONTENT_LENGTH"] = str(len(raw))
        said = []
        body = b"".join(application(environ | changes, lambda status, headers: said.append(status)))
        return (int(said[0][:3]) if said else None), body

    yield call
    application.writer.close()


def test_a_webhook_is_kept_before_it_is_answered(send):
    assert send(b'{"id": 1}') == (200, b"Stored.\n")
    assert bytes(Event.objects.get().body) == b'{"id": 1}'


def test_whoever_cannot_wait_any_longer_is_told_so_and_leaves_the_others_their_turn(
    send, monkeypatch
):
    monkeypatch.setattr(writer, "PATIENCE", 0.3)

    def one(number):
        try:
            return send(b'{"id": %d}' % number)[0]
        finally:
            connection.close()

    with psycopg.connect(**reachable()) as busy:
        busy.execute("LOCK TABLE integrations_event IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(6) as threads:
            assert set(threads.map(one, range(6))) == {503}

    assert send(b'{"id": 7}')[0] == 200
    assert Event.objects.count() == 1


def test_everything_else_goes_to_django(send):
    assert send(b"", path="/stores/") == (None, b"Django")


def test_a_body_in_chunks_is_kept_and_measured(send, settings):
    settings.WEBHOOK_MAX_BYTES = 1000

    assert send(b"x" * 1000, chunked=True)[0] == 200
    assert send(b"x" * 1001, chunked=True)[0] == 413
    assert send(b"x" * 1001)[0] == 413
    assert Event.objects.count() == 1


def test_a_body_that_breaks_off_is_not_kept(send):
    assert send(b"{}", CONTENT_LENGTH="500")[0] == 400
    assert Event.objects.count() == 0


def test_a_bad_signature_is_refused_and_counted(send, store):
    assert send(b"{}", HTTP_X_SHOPIFY_HMAC_SHA256="AAAA")[0] == 401
    assert send(b"{}", HTTP_X_SHOPIFY_HMAC_SHA256="")[0] == 401
    assert RefusalCount.objects.get(store=store).count == 2


def test_the_shop_and_the_address_must_agree(send):
    assert send(b"{}", HTTP_X_SHOPIFY_SHOP_DOMAIN="other.myshopify.com")[0] == 400
    assert send(b"{}", path=f"/webhooks/shopify/{uuid4()}/")[0] == 404
    assert send(b"{}", REQUEST_METHOD="GET")[0] == 405


def test_webhooks_that_come_together_are_all_kept(send):
    with ThreadPoolExecutor(16) as threads:

        def one(number):
            try:
                return send(b'{"id": %d}' % number)
            finally:
                connection.close()

        answers = list(threads.map(one, range(120)))

    assert {status for status, _ in answers} == {200}
    assert Event.objects.count() == 120


def test_a_delivery_that_comes_again_is_kept_once(send):
    for _ in range(3):
        assert send(b"{}", HTTP_X_SHOPIFY_WEBHOOK_ID="same")[0] == 200
    assert Event.objects.count() == 1


def test_a_restart_of_the_database_costs_no_webhook_that_was_promised(send):
    assert send(b"{}")[0] == 200
    cut_every_other_connection()

    answers = [send(b"{}")[0] for _ in range(3)]

    assert set(answers) <= {200, 503}
    assert answers[-1] == 200
    assert Event.objects.count() == 1 + answers.count(200)


def reachable():
    """How to reach the tests' database without Django."""
    wanted = connection.get_connection_params()
    return {name: wanted[name] for name in ("host", "user", "dbname") if wanted.get(name)}


def cut_every_other_connection():
    """End all connections to this database from a new one, as a restart would."""
    connection.close()
    with psycopg.connect(**reachable(), autocommit=True) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_an_unreachable_database_is_a_503(send, store, monkeypatch):
    assert send(b"{}")[0] == 200
    monkeypatch.setattr(writer, "_connect", lambda: psycopg.connect("host=127.0.0.1 port=1"))
    cut_every_other_connection()

    status, body = send(b"{}")

    assert status == 503
    assert b"again later" in body
    assert Event.objects.count() == 1


def test_an_answer_has_the_id_its_request_came_with():
    said = {}
    WebhookShortcut(lambda environ, start: [b"Django"])(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/webhooks/shopify/any/",
            "HTTP_X_REQUEST_ID": "from-the-proxy-1",
        },
        lambda status, headers: said.update(headers),
    )

    assert said["X-Request-ID"] == "from-the-proxy-1"
