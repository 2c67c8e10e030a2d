"""Alerts from end to end: what is wrong is seen, told once, told again when worse, and ended."""

import json
from contextlib import contextmanager
from datetime import time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from integrations.domain.alerting import CLEAR_AFTER
from integrations.models import (
    Alert,
    AlertChannel,
    AlertLimit,
    AlertTelling,
    Call,
    Credential,
    Heartbeat,
    KlaviyoAccount,
    StoreLane,
)
from integrations.pipeline import alerts, audit, health, telling
from tests import factories as a

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


class Ear:
    """Somebody's web hook: keeps what it hears, and can be down."""

    def __init__(self):
        self.heard, self.status = [], 200
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if ear.status == 200:
                    ear.heard.append(json.loads(body))
                self.send_response(ear.status)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_address[1]}/secret-part"

    @property
    def titles(self):
        return [one["title"].removeprefix("Sync Console: ") for one in self.heard]


@contextmanager
def listening():
    ear = Ear()
    thread = Thread(target=ear.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        ear.server.shutdown()
        ear.server.server_close()


@pytest.fixture
def ear():
    with listening() as one:
        yield one


@pytest.fixture
def store(clock):
    store = a.a_store()
    health.beat(health.SWEEP, now=clock())
    return store


def a_channel(ear, merchant=None, **changes):
    channel = AlertChannel(merchant=merchant, name="Ops", made_at=a.NOON, **changes)
    channel.keep(ear.url)
    channel.save()
    return channel


def minutes(clock, number=1):
    """Look once a minute, and send what is due."""
    for _ in range(number):
        clock.forward(minutes=1)
        health.beat(health.SWEEP, now=clock())
        alerts.look(now=clock())
        telling.send_due(clock=clock, stopping=lambda: False)


def break_login(store, state="revoked"):
    Credential.objects.filter(store=store).update(state=state)


def a_call(account, at, status):
    Call.objects.create(
        klaviyo_account=account, endpoint="event-bulk-create-jobs", started_at=at, milliseconds=9,
        status=status, items=1, sent_bytes=1,
    )  # fmt: skip


def is_stuck(store, clock):
    """A message has been due for half an hour, and nothing moves."""
    long_ago = clock() - 30 * MINUTE
    StoreLane.objects.filter(store=store).update(progressed_at=None)
    return a.an_event(store, received_at=long_ago, next_attempt_at=long_ago)


def test_a_broken_login_is_told_once_and_its_end_with_how_long_it_took(store, ear, clock):
    a_channel(ear)
    break_login(store)

    minutes(clock, 5)
    assert ear.titles == ["A login needs somebody"]
    break_login(store, "active")
    minutes(clock, 12)

    assert ear.titles == ["A login needs somebody", "Over: A login needs somebody"]
    assert "It lasted 5 min." in ear.heard[1]["message"]
    assert [one.state for one in Alert.objects.all()] == ["over"]


def test_a_stuck_shop_is_an_alert_and_a_slow_one_only_late(store, ear, clock):
    a_channel(ear)
    # It has worked once: what never did has not started, and is not late.
    minute = (clock() - timedelta(hours=2)).replace(second=0, microsecond=0)
    a.a_tally(store, minute=minute, delivered=1)
    a.an_event(store, received_at=minute, settled_at=minute, state="delivered")
    is_stuck(store, clock)
    minutes(clock, 2)
    assert ear.titles == ["Delivery is stuck"]

    StoreLane.objects.update_or_create(
        store=store, lane=0, defaults={"last_served_at": clock(), "progressed_at": clock()}
    )
    minutes(clock, 12)
    assert set(ear.titles[1:]) == {"Delivery is late", "Over: Delivery is stuck"}


def test_too_many_failures_are_a_warning_and_then_critical(store, ear, clock):
    a_channel(ear)
    minute = clock().replace(second=0, microsecond=0)
    tally = a.a_tally(store, minute=minute, delivered=94, dead=6)
    minutes(clock, 7)
    assert ear.titles == ["Too many messages fail"]
    assert "6 of 100 messages of the last hour failed. 6%." in ear.heard[0]["message"]

    tally.dead, tally.delivered = 30, 70
    tally.save()
    minutes(clock, 1)
    assert ear.titles[1:] == ["Worse: Too many messages fail"]


def test_one_failure_of_two_messages_tells_nobody(store, ear, clock):
    a_channel(ear)
    a.a_tally(store, minute=clock().replace(second=0, microsecond=0), delivered=1, dead=1)

    minutes(clock, 20)

    assert not Alert.objects.exists()


def test_refused_calls_and_a_platform_in_trouble_are_told_for_their_account(store, ear, clock):
    a_channel(ear)
    account = store.klaviyo_account
    for number in range(20):
        a_call(account, clock() + number * MINUTE, 429)
        a_call(account, clock() + number * MINUTE, 202)
    for _ in range(4):
        a_call(account, clock() + 20 * MINUTE, 202)
    KlaviyoAccount.objects.filter(pk=account.pk).update(tripped_at=clock())
    minutes(clock, 21)

    assert set(ear.titles) >= {"A platform has trouble", "Too many calls are refused"}
    assert Alert.objects.get(rule="trouble").klaviyo_account == account


def test_a_channel_that_is_down_loses_nothing_and_hears_it_once(store, ear, clock):
    channel = a_channel(ear)
    ear.status = 503
    break_login(store)
    minutes(clock, 4)
    assert ear.heard == []
    assert "did not take it" in AlertChannel.objects.get().last_error

    ear.status = 200
    minutes(clock, 10)

    assert ear.titles == ["A login needs somebody"]
    channel.refresh_from_db()
    assert (channel.last_error, bool(channel.last_sent_at)) == ("", True)
    assert AlertTelling.objects.get().attempts > 1


def test_what_was_over_before_a_channel_came_back_is_not_told(store, ear, clock):
    a_channel(ear)
    ear.status = 503
    break_login(store, "missing_scopes")
    minutes(clock, 2)
    break_login(store, "active")
    minutes(clock, 15)
    ear.status = 200
    clock.forward(minutes=60)

    telling.send_due(clock=clock, stopping=lambda: False)

    assert ear.heard == []
    assert not AlertTelling.objects.filter(sent_at=None, given_up_at=None).exists()


def test_warnings_wait_for_the_morning_and_what_is_critical_does_not(store, ear, clock):
    now = clock()
    quiet = {"quiet_from": now.time(), "quiet_until": (now + timedelta(hours=2)).time()}
    a_channel(ear, **quiet)
    break_login(store, "missing_scopes")
    minutes(clock, 3)
    assert ear.heard == []

    break_login(store, "revoked")
    minutes(clock, 1)
    assert ear.titles == ["Worse: A login needs somebody"]
    clock.forward(hours=2)
    minutes(clock, 1)
    assert "A login needs somebody" in ear.titles


def test_each_business_hears_of_its_own_and_operators_of_all(store, clock):
    other = a.a_store()
    with listening() as mine, listening() as theirs, listening() as operators:
        a_channel(mine, store.merchant)
        a_channel(theirs, other.merchant)
        a_channel(operators)
        break_login(store)
        minutes(clock, 2)

        assert (len(mine.heard), len(theirs.heard), len(operators.heard)) == (1, 0, 1)


def test_only_what_is_bad_enough_reaches_a_channel(store, ear, clock):
    a_channel(ear, least="critical")
    break_login(store, "missing_scopes")
    minutes(clock, 3)
    assert ear.heard == []

    break_login(store)
    minutes(clock, 1)
    assert ear.titles == ["Worse: A login needs somebody"]


def test_somebody_takes_care_and_nobody_is_told_once_more(store, ear, clock):
    a_channel(ear)
    break_login(store)
    minutes(clock, 1)
    owner = a.a_member(store.merchant, "olive@alpine-demo.shop")
    alert = Alert.objects.get()
    alerts.take(alert, owner, by=audit.person(owner, store.merchant), now=clock())
    with pytest.raises(alerts.Refused):
        alerts.take(alert, owner, by=audit.person(owner, store.merchant), now=clock())

    minutes(clock, 40)

    assert ear.titles == ["A login needs somebody"]


def test_nobody_took_care_so_it_is_told_once_more(store, ear, clock):
    a_channel(ear)
    break_login(store)

    minutes(clock, 45)

    assert ear.titles[1:] == ["Still, and nobody takes care of it: A login needs somebody"]


def test_a_business_may_choose_other_numbers(store, ear, clock):
    a_channel(ear)
    AlertLimit.objects.create(merchant=store.merchant, rule="failing", warning=None, critical=90)
    a.a_tally(store, minute=clock().replace(second=0, microsecond=0), delivered=50, dead=50)

    minutes(clock, 10)

    assert not Alert.objects.filter(rule="failing").exists()


def test_our_own_outage_makes_no_shop_stuck(store, ear, clock):
    a_channel(ear)
    is_stuck(store, clock)
    Heartbeat.objects.all().delete()
    for _ in range(5):
        clock.forward(minutes=1)
        alerts.look(now=clock())

    assert not Alert.objects.filter(rule="stuck").exists()


def test_the_address_of_a_channel_is_kept_encrypted_and_never_told(store, ear, clock, caplog):
    channel = a_channel(ear)
    ear.status = 500
    break_login(store)
    minutes(clock, 3)

    assert b"secret-part" not in bytes(AlertChannel.objects.get().secret)
    told = f"{channel!r}{AlertChannel.objects.values()}{AlertTelling.objects.values()}"
    assert "secret-part" not in told
    assert "secret-part" not in caplog.text


@pytest.mark.parametrize(
    ("address", "words"),
    [("", "Enter"), ("nonsense", "no address"), ("file:///etc/passwd", "stays on the server"),
     ("syslog://", "stays on the server"), ("json://example.com", "")],
)  # fmt: skip
def test_an_address_is_looked_at_before_it_is_kept(address, words):
    assert words in telling.refusal(address, anywhere=True)
    assert bool(telling.refusal(address, anywhere=True)) is bool(words)


def test_people_of_a_business_name_services_and_no_server_of_their_own_choice():
    assert "one of these services" in telling.refusal("json://10.0.0.1/admin")
    assert "one of these services" in telling.refusal("mailto://user:pass@10.0.0.1")
    assert telling.refusal("ann@alpine-demo.shop") == ""
    assert telling.refusal("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops") == ""


def test_an_e_mail_address_is_served_by_our_own_mail_server(store, clock, mailoutbox):
    channel = AlertChannel(name="Ann", made_at=a.NOON)
    channel.keep("ann@alpine-demo.shop")
    channel.save()
    break_login(store)

    minutes(clock, 1)

    assert [one.subject for one in mailoutbox] == ["Sync Console: A login needs somebody"]
    assert mailoutbox[0].to == ["ann@alpine-demo.shop"]


def test_a_test_says_whether_it_arrived(store, ear, clock):
    channel = a_channel(ear)

    assert telling.test(channel, now=clock()) == ""
    assert ear.titles == ["A test from Sync Console"] or len(ear.heard) == 1
    ear.status = 500
    assert "did not take it" in telling.test(channel, now=clock())


def test_looking_takes_as_many_queries_for_many_shops_as_for_one(
    store, clock, django_assert_max_num_queries
):
    for _ in range(8):
        a.a_store(store.klaviyo_account)

    with django_assert_max_num_queries(26):
        alerts.look(now=clock())


def test_quiet_hours_are_whole_or_none(store, ear):
    with pytest.raises(Exception, match="quiet_whole"):
        a_channel(ear, quiet_from=time(22))


def test_the_end_is_told_after_ten_good_minutes_only(store, ear, clock):
    a_channel(ear)
    break_login(store)
    minutes(clock, 1)
    break_login(store, "active")

    minutes(clock, int(CLEAR_AFTER / MINUTE))
    assert len(ear.heard) == 1
    minutes(clock, 2)
    assert len(ear.heard) == 2
