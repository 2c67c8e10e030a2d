"""What machines ask the console: whether it is ready; and what they are told."""

import json
import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from integrations.models import Heartbeat
from integrations.pipeline import readiness
from syncconsole.logs import JsonFormatter


@pytest.fixture(autouse=True)
def _nothing_known():
    """Forget what was cached."""
    readiness.schema.is_current = False
    yield
    readiness.schema.is_current = False


def test_readyz_names_each_thing_that_works(client, db):
    Heartbeat.objects.create(name="sweep", beat_at=timezone.now())

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.content == b"database: ok\nmigrations: ok\nworkers: ok\n"


@pytest.mark.parametrize("silence", [None, timedelta(minutes=4)])
def test_silent_workers_are_a_warning_since_webhooks_are_kept_without_them(client, db, silence):
    if silence:
        Heartbeat.objects.create(name="sweep", beat_at=timezone.now() - silence)

    response = client.get("/readyz")

    assert response.status_code == 200
    assert b"workers: warning" in response.content


def test_tables_of_an_older_version_are_not_ready(client, db):
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'integrations' AND name = "
            "(SELECT max(name) FROM django_migrations WHERE app = 'integrations')"
        )

    response = client.get("/readyz")

    assert response.status_code == 503
    assert b"migrations: some are not applied" in response.content


def test_migrations_are_looked_at_once(client, db, django_assert_num_queries):
    client.get("/readyz")

    with django_assert_num_queries(2):
        client.get("/readyz")


def test_readyz_says_503_when_the_database_does_not_answer(client, db):
    with connection.execute_wrapper(gone):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.content == b"database: does not answer\n"


def gone(execute, sql, params, many, context):
    from django.db import OperationalError

    raise OperationalError("the server closed the connection unexpectedly")


def test_an_answer_has_the_id_its_request_came_with(client, db):
    response = client.get("/healthz", headers={"X-Request-ID": "from-the-proxy-1"})

    assert response["X-Request-ID"] == "from-the-proxy-1"


def test_a_request_without_an_id_gets_one(client, db):
    one, other = (client.get("/healthz")["X-Request-ID"] for _ in range(2))

    assert len(one) == 32
    assert one != other


def test_what_is_logged_of_a_request_has_its_id_and_no_token(client, db):
    heard = Heard()
    logging.getLogger("django.request").addHandler(heard)
    try:
        client.get(
            f"/invitations/{'t' * 30}/none",
            headers={"X-Request-ID": "from-the-proxy-1", "Authorization": "Bearer secret-token"},
        )
    finally:
        logging.getLogger("django.request").removeHandler(heard)

    (line,) = heard.lines
    assert json.loads(line)["request_id"] == "from-the-proxy-1"
    assert "secret-token" not in line
    assert "t" * 30 not in line


class Heard(logging.Handler):
    """What was logged, as it would be written."""

    def __init__(self):
        super().__init__()
        self.lines = []
        self.setFormatter(JsonFormatter())

    def emit(self, record):
        self.lines.append(self.format(record))
