"""A platform that has trouble is left alone, probed by one call, and believed when it answers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from integrations import queue
from integrations.domain.breaking import LONGEST_PROBE, BreakerState
from integrations.domain.failures import Failure, FailureKind
from integrations.domain.lanes import Lane
from integrations.domain.windows import Stretch
from integrations.models import (
    Attempt,
    AuditEntry,
    Breaker,
    DeadLetter,
    Event,
    KlaviyoAccount,
    Opening,
    Store,
    StoreLane,
    SyncWindow,
)
from integrations.pipeline import audit, backfill, breakers, probing, sync_jobs
from sandbox.config import ShopConfig
from sandbox.messages import Drop, Reply
from sandbox.shopify import Shopify
from tests import factories

from .conftest import an_order, events_of

DOMAIN = "alpine-demo.myshopify.com"
DOWN = Failure(FailureKind.TRANSIENT, "Klaviyo answered with status 503.", "503", 503)
BROKEN = Reply(503, {"errors": [{"status": 503, "code": "error", "detail": "We are down."}]})


def receive(store, *numbers, lane=Lane.LIVE):
    return [
        factories.an_event(store, body=msgspec.json.encode(an_order(number)), lane=lane)
        for number in numbers
    ]


@pytest.fixture
def suffer(work, clock):
    """Work for some seconds, as drains do."""

    def run(seconds=40):
        for _ in range(seconds // 2):
            work()
            probing.probe_due(clock=clock)
            clock.forward(seconds=2)

    return run


def test_an_outage_costs_a_few_calls_and_then_one_probe_at_a_time(
    klaviyo, store, suffer, work, clock
):
    receive(store, 1, 2, 3)
    klaviyo.script.answer_next(BROKEN, times=10_000)
    suffer()

    account = KlaviyoAccount.objects.get()
    breaker = Breaker.objects.get()
    assert breaker.state == BreakerState.OPEN
    assert account.tripped_at is not None
    tries = max(Event.objects.values_list("failures", flat=True))
    calls = len(klaviyo.calls)
    assert tries <= 5

    # Ten minutes later: not one call for the orders, live or past, and not one try.
    receive(store, 4)
    receive(store, 5, lane=Lane.BACKFILL)
    probes = 0
    for _ in range(300):
        assert work() == 0
        probes += probing.probe_due(clock=clock)
        clock.forward(seconds=2)

    assert len(klaviyo.calls) - calls == probes
    assert 4 <= probes <= 8
    assert max(Event.objects.values_list("failures", flat=True)) == tries
    assert Attempt.objects.filter(event__in=Event.objects.order_by("-id")[:2]).count() == 0
    assert not AuditEntry.objects.filter(action="breaker.closed").exists()


def test_an_answer_closes_it_and_everything_held_arrives_once(klaviyo, store, suffer, work, clock):
    receive(store, *range(1, 6))
    klaviyo.script.answer_next(Drop.BEFORE, times=10_000)
    suffer()
    assert KlaviyoAccount.objects.get().tripped_at
    klaviyo.script.reset()
    OrmQ.objects.all().delete()

    clock.forward(minutes=1)
    assert probing.probe_due(clock=clock) == 1
    for _ in range(10):
        work()
        clock.forward(seconds=30)

    assert KlaviyoAccount.objects.get().tripped_at is None
    asked = sorted(one.task["func"] for one in OrmQ.objects.all())
    assert asked == [queue.DRAIN, queue.PAST]
    assert sorted(Event.objects.values_list("state", flat=True)) == ["delivered"] * 5
    sent = [event["unique_id"] for event in events_of(klaviyo, "Placed Order")]
    assert len(sent) == len(set(sent)) == 5
    opening = Opening.objects.get()
    assert opening.closed_at is not None
    actions = list(AuditEntry.objects.order_by("id").values_list("action", "role"))
    assert actions == [("breaker.opened", "automatic"), ("breaker.closed", "automatic")]


def test_one_record_that_upsets_klaviyo_holds_nobody_else_back(klaviyo, store, suffer, clock):
    receive(store, 1)

    def upset(call):
        return BROKEN if b"buyer1@" in call.body else None

    klaviyo.script.answer_next(upset, times=10_000)
    suffer(120)

    assert Event.objects.get().failures >= 3
    assert KlaviyoAccount.objects.get().tripped_at is None
    assert not Opening.objects.exists()
    receive(store, 2)
    # A lane in trouble rests for five minutes at most.
    suffer(320)
    assert Event.objects.filter(state="delivered").count() == 1


def test_too_many_calls_and_refused_records_are_answers(klaviyo, store, suffer):
    receive(store, 1)
    klaviyo.script.answer_next(Reply(429, {"errors": []}, {"Retry-After": "1"}), times=10_000)
    suffer()

    assert not Breaker.objects.exists()


def test_a_batch_that_goes_well_asks_nothing_of_the_breaker(klaviyo, store, work):
    receive(store, 1)
    work()
    receive(store, 2)
    with CaptureQueriesContext(connection) as seen:
        work()

    assert not [one for one in seen.captured_queries if "breaker" in one["sql"]]


def test_failures_before_and_after_a_success_are_not_in_a_row(klaviyo, store, suffer, work, clock):
    for number in range(1, 5):
        receive(store, number)
        klaviyo.script.answer_next(BROKEN, times=2)
        suffer(14)

    assert Event.objects.filter(state="delivered").count() == 4
    assert Breaker.objects.get().state == BreakerState.CLOSED
    assert not Opening.objects.exists()


def open_it(on, clock, *, probes=1):
    for _ in range(5):
        breakers.failed(on, DOWN, now=clock())
        clock.forward(seconds=4)
    for _ in range(probes):
        breakers.probe_failed(on, DOWN, now=clock())


def test_many_processes_make_one_probe(klaviyo, store, clock):
    open_it(store.klaviyo_account, clock)
    clock.forward(minutes=1)
    klaviyo.script.delay = 0.3
    start = threading.Barrier(5)

    def work(_):
        start.wait()
        try:
            return probing.probe_due(clock=clock)
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as crew:
        assert sum(crew.map(work, range(5))) == 1
    assert len(klaviyo.calls) == 1


def test_probes_come_more_seldom_and_never_too_seldom(store, clock):
    account, waits = store.klaviyo_account, []
    open_it(account, clock)
    for _ in range(12):
        now = clock()
        breakers.probe_failed(account, DOWN, now=now)
        waits.append(Breaker.objects.get().probe_at - now)

    assert waits[0] >= timedelta(seconds=20)
    assert all(wait <= LONGEST_PROBE * 1.2 for wait in waits)
    assert waits[-1] >= LONGEST_PROBE * 0.8
    assert Opening.objects.get().probes == 13


def test_somebody_may_have_it_tried_at_once_and_twice_is_once(klaviyo, store, clock):
    account = store.klaviyo_account
    open_it(account, clock)
    who = audit.AUTOMATIC._replace(name="owner@alpine-demo.shop", role="owner")

    account.refresh_from_db()
    assert probing.try_now(account, by=who, now=clock())
    fresh = KlaviyoAccount.objects.get()
    assert probing.try_now(fresh, by=who, now=clock())

    assert fresh.tripped_at is None
    assert AuditEntry.objects.filter(action="breaker.tried").count() == 1
    assert len(klaviyo.calls) == 1


def test_a_login_that_was_withdrawn_meanwhile_is_the_logins_story(klaviyo, store, clock):
    account = store.klaviyo_account
    open_it(account, clock)
    klaviyo.script.revoked = {"pk_demo"}
    clock.forward(minutes=1)
    probing.probe_due(clock=clock)

    account.refresh_from_db()
    assert account.tripped_at is None
    assert account.held_since is not None


# --- the shop's side -----------------------------------------------------------------------------


@pytest.fixture
def shop(settings, clock):
    config = ShopConfig(domain=DOMAIN, token="shpat_good", past_orders=60, past_days=80, seed=4)
    with Shopify(clock=lambda: clock().timestamp(), shops=[config]) as server:
        settings.SHOPIFY_BASE_URL = server.url + "/{shop}"
        yield server


@pytest.fixture
def past(transactional_db, shop, clock):
    """A shop with a job that has begun."""
    store = factories.a_store(domain=DOMAIN, token="shpat_good")
    now = clock()
    wish = sync_jobs.Wish(streams=("orders",), stretch=Stretch(now - timedelta(days=90), now))
    job = sync_jobs.draft(store, wish, by=None, now=now)
    sync_jobs.start(job, by=audit.AUTOMATIC, now=now)
    return job


def read(clock):
    calls = 0
    while claim := SyncWindow.objects.claim(by="test", now=clock()):
        backfill.read_window(claim, clock=clock, is_over=lambda: False)
        calls += 1
    return calls


@pytest.mark.parametrize("answer", [Drop.BEFORE, Reply(502, None)])
def test_a_shop_that_is_down_holds_its_windows_where_they_are(
    shop, klaviyo, past, work, clock, answer
):
    shop.script.answer_next(answer, times=10_000)
    for _ in range(20):
        read(clock)
        probing.probe_due(clock=clock)
        clock.forward(seconds=2)
    store, window = Store.objects.get(), past.windows.get()
    assert store.tripped_at is not None
    failures, calls = window.failures, len(shop.calls)
    assert 1 <= failures <= 8

    # Live orders go on meanwhile; a window is not even claimed.
    receive(store, 1)
    assert work() == 1
    for _ in range(150):
        assert read(clock) == 0
        probing.probe_due(clock=clock)
        clock.forward(seconds=2)
    window.refresh_from_db()
    assert window.failures == failures
    assert len(shop.calls) - calls <= 6
    assert not SyncWindow.objects.due(clock()).exists()

    shop.script.reset()
    clock.forward(minutes=12)
    probing.probe_due(clock=clock)
    for _ in range(60):
        read(clock)
        work()
        clock.forward(seconds=5)
    past.refresh_from_db()
    window.refresh_from_db()
    assert (past.state, window.found, window.in_flight) == ("done", 60, 0)
    assert not DeadLetter.objects.filter(message__startswith="Gave up").exists()
    sent = [event["unique_id"] for event in events_of(klaviyo, "Placed Order")]
    assert len(sent) == len(set(sent))


def test_what_a_shop_must_be_asked_for_waits_without_a_try(shop, klaviyo, transactional_db, clock):
    store = factories.a_store(domain=DOMAIN, token="shpat_good")
    open_it(store, clock)
    store.refresh_from_db()

    waits = breakers.waits(store, now=clock())

    assert waits is not None
    assert waits.kind is FailureKind.RATE_LIMITED


def test_lanes_of_other_accounts_go_on(klaviyo, store, work, clock):
    other = factories.a_store(token="")
    klaviyo.accounts["DEMO01"].keys.add("pk_demo")
    open_it(other.klaviyo_account, clock)
    receive(store, 1)
    receive(other, 2)

    assert work() == 1
    assert not StoreLane.objects.any_due(clock())
