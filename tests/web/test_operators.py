"""What machines ask the console: whether it is ready, and how it is doing; and what is logged."""

import json
import logging
from datetime import timedelta
from math import inf

import pytest
from django.db import connection
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from integrations.domain import gauges
from integrations.models import (
    Call,
    FigureMark,
    Heartbeat,
    RefusalCount,
    ScheduleRun,
    Store,
    StoreLane,
)
from integrations.pipeline import readiness
from syncconsole.logs import JsonFormatter
from tests import factories as a


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


TOKEN = "a-token-of-the-monitoring-system"


@pytest.fixture
def scrape(client, db, settings):
    settings.METRICS_TOKEN = TOKEN

    def ask(authorization=f"Bearer {TOKEN}"):
        return client.get("/metrics", headers={"Authorization": authorization})

    return ask


def figures(response):
    """Every sample, by its name and labels."""
    assert response.status_code == 200
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(response.content.decode())
        for one in family.samples
    }


def test_without_a_token_in_the_settings_there_are_no_metrics(client, db, settings):
    settings.METRICS_TOKEN = ""

    for said in ("", "Bearer ", f"Bearer {TOKEN}"):
        assert client.get("/metrics", headers={"Authorization": said}).status_code == 404


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer \u00e9\u00ff",
        "Bearer " + "\ud800",
        "Bearer " + "x" * 100_000,
        "Bearer \x00\r\nX-Evil: 1",
    ],
)
def test_whoever_has_another_token_is_told_nothing(client, db, settings, said):
    settings.METRICS_TOKEN = TOKEN

    response = client.get("/metrics", HTTP_AUTHORIZATION=said)

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert b"syncconsole" not in response.content


def test_the_scheme_may_be_written_in_any_way(scrape):
    assert scrape(f"bearer {TOKEN}").status_code == 200


def test_every_figure_is_there_in_an_empty_console(scrape):
    response = scrape()

    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    assert {name for name, *_ in figures(response)} == {one.name for one in gauges.EVERY}
    for one in gauges.EVERY:
        assert f"# HELP {one.name} " in response.content.decode()
        assert f"# TYPE {one.name} gauge" in response.content.decode()


def test_what_the_tables_hold_is_told(scrape, world, now):
    now = timezone.now()
    store, minute = world.store, now.replace(second=0, microsecond=0)
    a.an_event(store, state="waiting", next_attempt_at=now - timedelta(minutes=7))
    a.an_event(store, state="waiting", next_attempt_at=now + timedelta(minutes=7))
    StoreLane.objects.get_or_create(store=store, lane=0, defaults={"last_served_at": now})
    FigureMark.objects.create(name="figures", counted_until=minute)
    a.a_lag_figure(store, start=minute - timedelta(minutes=1), arrived=9, settled=7, failed=2)
    for status, number in ((202, 2), (429, 1), (503, 3), (None, 1)):
        for _ in range(number):
            Call.objects.create(
                klaviyo_account=world.account, store=store, endpoint="x", items=1, sent_bytes=1,
                started_at=now - timedelta(minutes=1), milliseconds=1, status=status,
            )  # fmt: skip
    for of, count in ((store, 2), (None, 3)):
        hour = minute.replace(minute=0)
        RefusalCount.objects.create(store=of, reason="signature", hour=hour, count=count)
    ScheduleRun.objects.create(name="integrations.tasks.sweep", began_at=now - timedelta(hours=1))

    told = figures(scrape())

    assert told["syncconsole_messages_waiting", "live"] == 2
    assert 420 <= told["syncconsole_oldest_due_age_seconds", "live"] < 480
    assert told["syncconsole_oldest_due_age_seconds", "backfill"] == 0
    assert told["syncconsole_failed_records", "open"] == 1
    outcomes = {
        one: told["syncconsole_messages_last_minute", one]
        for one in ("received", "delivered", "skipped", "dead")
    }
    assert outcomes == {"received": 9, "delivered": 5, "skipped": 0, "dead": 2}
    assert told["syncconsole_figures_age_seconds",] < 120
    calls = [
        told["syncconsole_calls_last_5_minutes", "klaviyo", one]
        for one in ("2xx", "429", "5xx", "none")
    ]
    assert calls == [2, 1, 3, 1]
    assert told["syncconsole_webhooks_turned_away_last_2_hours", "signature"] == 5
    assert told["syncconsole_heartbeat_age_seconds", "sweep"] < 60
    assert told["syncconsole_heartbeat_age_seconds", "drain"] == inf
    assert told["syncconsole_schedule_missed", "sweep"] == 1
    assert told["syncconsole_schedule_missed", "prune"] == 0


@pytest.mark.parametrize("held", ["paused_at", "tripped_at"])
def test_what_is_held_back_waits_and_is_not_late(scrape, world, held):
    now = timezone.now()
    a.an_event(world.store, state="waiting", next_attempt_at=now - timedelta(minutes=7))
    StoreLane.objects.get_or_create(store=world.store, lane=0, defaults={"last_served_at": now})
    Store.objects.filter(pk=world.store.pk).update(**{held: now})

    told = figures(scrape())

    assert told["syncconsole_messages_waiting", "live"] == 1
    assert told["syncconsole_oldest_due_age_seconds", "live"] == 0


def test_no_more_is_counted_than_there_is_time_for(scrape, world, monkeypatch):
    monkeypatch.setattr(gauges, "MOST_WAITING", 3)
    other = a.a_store(world.account)
    for store in (world.store, world.store, world.store, world.store, other):
        a.an_event(store, state="waiting")

    assert figures(scrape())["syncconsole_messages_waiting", "live"] == 3


def test_a_scrape_asks_the_same_number_of_questions_however_many_shops_there_are(
    scrape, world, django_assert_num_queries
):
    for _ in range(3):
        store = a.a_store(a.an_account(world.store.merchant))
        a.an_event(store, state="waiting")
        a.a_dead_letter(store)

    with django_assert_num_queries(16):
        response = scrape()

    names = {name for name, *_ in figures(response)}
    assert len(names) == len(gauges.EVERY)


def test_no_series_is_of_one_shop_or_person(scrape, world):
    before = len(figures(scrape()))
    for _ in range(3):
        store = a.a_store(a.an_account(world.store.merchant))
        a.an_event(store, state="waiting")
        a.a_dead_letter(store)

    assert len(figures(scrape())) == before


def test_a_scrape_of_a_database_that_is_gone_says_so(scrape):
    with connection.execute_wrapper(gone):
        response = scrape()

    assert (response.status_code, response.content) == (503, b"no database\n")
