"""What machines ask the console: whether it is ready."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from integrations.models import Heartbeat
from integrations.pipeline import readiness


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
