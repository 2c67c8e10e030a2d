"""A drain in this process: a claimer, a crew, and what keeps the rows honest around them."""

import json
import os
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django_q.models import OrmQ, Task

from integrations import queue
from integrations.domain.lanes import Lane
from integrations.models import Call, Event, Heartbeat, StoreLane, Tally
from integrations.pipeline import drains, health, inbox, intake, maintenance
from tests import factories

from .conftest import an_order, events_of


@pytest.fixture(autouse=True)
def _short_drains(monkeypatch):
    monkeypatch.setattr(drains, "LINGER", 0.2)


def given_orders(store, count, *, first=0, **changes):
    for number in range(first, first + count):
        factories.an_event(store, body=json.dumps(an_order(number)).encode(), **changes)


def drain(clock, stopping=lambda: False, of=drains.LIVE):
    return drains.drain(of=of, clock=clock, stopping=stopping)


def test_a_drain_works_off_every_store_and_leaves_no_sign_of_life(klaviyo, clock, transactional_db):
    account = factories.an_account()
    for number in range(4):
        given_orders(factories.a_store(account, token=""), 10, first=number * 100)

    assert drain(clock) == 40

    assert len(events_of(klaviyo, "Placed Order")) == 40
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    assert not Heartbeat.objects.filter(name__startswith=health.DRAIN).exists()


def test_what_arrives_while_a_drain_is_at_work_is_taken_with_it(klaviyo, store, clock):
    given_orders(store, 1)
    late = threading.Timer(0.1, lambda: (given_orders(store, 5, first=10), connection.close()))
    late.start()

    handled = drain(clock)
    late.join()

    assert handled == 6


def test_live_orders_do_not_wait_behind_what_is_sent_again(
    klaviyo, clock, transactional_db, settings
):
    settings.DRAIN_THREADS = 4
    account = factories.an_account()
    for number in range(6):
        shop = factories.a_store(account, token="")
        given_orders(shop, 60, first=number * 1000, lane=Lane.REPLAY)
        StoreLane.objects.filter(store=shop).update(batch_limit=20)
    live = factories.a_store(account, token="")
    given_orders(live, 3, first=90_000)

    drain(clock)

    done = list(Event.objects.order_by("settled_at", "id").values_list("store_id", flat=True))
    place = max(number for number, one in enumerate(done) if one == live.pk)
    assert place < len(done) / 2, "the live orders went with the first"
    assert len(events_of(klaviyo, "Placed Order")) == 363


def test_a_drain_that_is_asked_to_stop_ends_soon_and_loses_nothing(klaviyo, store, clock):
    given_orders(store, 50)
    klaviyo.script.delay = 0.1
    started = time.monotonic()

    drain(clock, stopping=lambda: time.monotonic() - started > 0.05)

    assert time.monotonic() - started < 5
    assert not StoreLane.objects.filter(lease_until__isnull=False).exists()
    klaviyo.script.delay = 0.0
    clock.forward(minutes=1)
    drain(clock)
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    assert not list(klaviyo.accounts["DEMO01"].doubles())


def test_one_lane_in_trouble_does_not_take_the_others_down(
    klaviyo, clock, transactional_db, monkeypatch
):
    account = factories.an_account()
    bad, good = factories.a_store(account, token=""), factories.a_store(account, token="")
    given_orders(bad, 1)
    given_orders(good, 3, first=10)
    settle = inbox.settle

    def broken(batch, *, now):
        if batch.store.pk == bad.pk:
            raise RuntimeError("a fault of our own")
        settle(batch, now=now)

    monkeypatch.setattr(inbox, "settle", broken)
    drain(clock)

    assert Event.objects.filter(store=good, state="delivered").count() == 3
    assert Event.objects.get(store=bad).state == "waiting"


def test_a_drain_has_more_lanes_on_their_way_than_threads(
    klaviyo, clock, transactional_db, settings
):
    settings.DRAIN_THREADS = 1
    account = factories.an_account()
    for number in range(5):
        given_orders(factories.a_store(account, token=""), 1, first=number * 100)
    klaviyo.script.delay = 0.5

    drain(clock)

    calls = Call.objects.filter(endpoint="event-bulk-create-jobs")
    assert len(calls) == 5
    # One thread, and yet the last call began before the first had ended.
    ended = min(one.started_at + timedelta(milliseconds=one.milliseconds) for one in calls)
    assert max(one.started_at for one in calls) < ended
    assert Event.objects.filter(state="delivered").count() == 5


# --- past data ----------------------------------------------------------------------------------


def states(lane):
    return set(Event.objects.filter(lane=lane).values_list("state", flat=True))


def test_past_data_has_a_drain_of_its_own_and_neither_touches_the_others_lanes(
    klaviyo, store, clock
):
    given_orders(store, 3)
    given_orders(store, 2, first=10, lane=Lane.REPLAY)
    given_orders(store, 20, first=100, lane=Lane.BACKFILL)

    assert drain(clock, of=drains.PAST) == 20
    assert states(Lane.BACKFILL) == {"delivered"}
    assert states(Lane.LIVE) == states(Lane.REPLAY) == {"waiting"}

    given_orders(store, 20, first=200, lane=Lane.BACKFILL)
    assert drain(clock) == 5
    assert states(Lane.LIVE) == states(Lane.REPLAY) == {"delivered"}
    assert states(Lane.BACKFILL) == {"delivered", "waiting"}


def test_whoever_drains_past_data_lets_others_go_first_and_keeps_no_niceness(
    klaviyo, store, clock, monkeypatch
):
    given_orders(store, 1, lane=Lane.BACKFILL)
    mine, seen = os.getpriority(os.PRIO_PROCESS, 0), []
    settle = inbox.settle

    def noted(batch, *, now):
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        settle(batch, now=now)

    monkeypatch.setattr(inbox, "settle", noted)
    drain(clock, of=drains.PAST)
    given_orders(store, 1, first=10)
    drain(clock)

    assert seen == [drains.PAST.niceness, mine]
    assert os.getpriority(os.PRIO_PROCESS, 0) == mine


def test_one_drain_of_past_data_is_enough_until_it_is_dead(klaviyo, store, clock):
    given_orders(store, 4, lane=Lane.BACKFILL)
    health.beat(f"{health.PAST}elsewhere:1", now=clock())

    assert drain(clock, of=drains.PAST) == 0

    clock.forward(seconds=4)
    assert drain(clock, of=drains.PAST) == 4


def test_each_kind_of_work_wakes_its_own_drain(store, clock):
    given_orders(store, 1, lane=Lane.BACKFILL)
    maintenance.sweep(now=clock())
    assert (len(asked_for(queue.DRAIN)), len(asked_for(queue.PAST))) == (0, 1)

    # A drain of past data at work is none for live orders.
    health.beat(f"{health.PAST}elsewhere:1", now=clock())
    given_orders(store, 1, first=10)
    maintenance.sweep(now=clock())
    assert (len(asked_for(queue.DRAIN)), len(asked_for(queue.PAST))) == (1, 1)


def test_past_data_that_a_killed_process_had_in_hand_goes_on_within_a_lease(klaviyo, store, clock):
    given_orders(store, 6, lane=Lane.BACKFILL)
    claim = StoreLane.objects.claim(by="dies", now=clock(), highest=Lane.BACKFILL)
    StoreLane.objects.take(claim, most=6, most_bytes=10**6, now=clock())
    health.beat(f"{health.PAST}dies:1", now=clock())

    clock.forward(seconds=31)
    assert maintenance.wake_past(now=clock())
    for _ in range(10):
        drain(clock, of=drains.PAST)

    assert states(Lane.BACKFILL) == {"delivered"}
    assert not list(klaviyo.accounts["DEMO01"].doubles())


def test_a_drain_of_past_data_that_must_stop_gives_its_lanes_back(klaviyo, store, clock):
    given_orders(store, 50, lane=Lane.BACKFILL)
    klaviyo.script.delay = 0.1
    started = time.monotonic()

    drain(clock, lambda: time.monotonic() - started > 0.05, of=drains.PAST)

    assert not StoreLane.objects.filter(lease_until__isnull=False).exists()
    assert not Heartbeat.objects.filter(name__startswith=health.PAST).exists()
    klaviyo.script.delay = 0.0
    clock.forward(minutes=1)
    drain(clock, of=drains.PAST)
    assert states(Lane.BACKFILL) == {"delivered"}
    assert not list(klaviyo.accounts["DEMO01"].doubles())


def test_an_idle_drain_keeps_its_worker_while_long_work_could_take_it(store, clock, monkeypatch):
    monkeypatch.setattr(drains, "LINGER", 0.05)
    health.beat(f"{health.READER}elsewhere:1", now=clock())
    started = time.monotonic()

    drain(clock, stopping=lambda: time.monotonic() - started > 0.6)
    assert time.monotonic() - started > 0.6, "it stayed until it was asked to stop"

    health.gone(f"{health.READER}elsewhere:1")
    started = time.monotonic()
    drain(clock, stopping=lambda: time.monotonic() - started > 5)
    assert time.monotonic() - started < 3


def test_a_sweep_sees_to_a_drain_beside_long_work(store, clock):
    health.beat(f"{health.READER}elsewhere:1", now=clock())

    maintenance.sweep(now=clock())

    assert len(asked_for(queue.DRAIN)) == 1


# --- nudges and sweeps --------------------------------------------------------------------------


def asked_for(task):
    return [one for one in OrmQ.objects.all() if one.task["func"] == task]


def test_many_webhooks_ask_for_one_drain(store, post):
    intake._Nudges.last = 0.0
    for number in range(20):
        post(store, "orders/create", an_order(number))

    assert len(asked_for(queue.DRAIN)) == 1


def test_no_nudge_is_sent_while_a_drain_is_at_work(store, post, clock):
    intake._Nudges.last = 0.0
    health.beat(f"{health.DRAIN}elsewhere:1", now=clock())

    post(store, "orders/create", an_order())

    assert asked_for(queue.DRAIN) == []


def test_a_sweep_finds_what_a_lost_nudge_left_behind(store, clock):
    given_orders(store, 1)

    maintenance.sweep(now=clock())

    assert len(asked_for(queue.DRAIN)) == 1
    assert Heartbeat.objects.filter(name=health.SWEEP).exists()


def test_a_sweep_asks_for_nothing_when_nothing_is_due(store, clock):
    given_orders(store, 1, next_attempt_at=clock() + timedelta(hours=1))

    maintenance.sweep(now=clock())

    assert asked_for(queue.DRAIN) == []


def test_a_nudge_carries_no_data_and_a_sweep_finds_a_dead_workers_lane(store, work, clock, klaviyo):
    given_orders(store, 1)
    assert StoreLane.objects.claim(by="dies", now=clock())
    clock.forward(seconds=31)
    maintenance.sweep(now=clock())

    [asked] = asked_for(queue.DRAIN)
    assert (asked.task["args"], asked.task["kwargs"]) == ((), {})
    work()
    assert len(events_of(klaviyo, "Placed Order")) == 1


# --- terms --------------------------------------------------------------------------------------


def test_what_has_served_its_term_is_dropped_and_the_rest_is_kept(store, clock):
    now = clock()
    for days in (1, 13, 15, 100):
        Call.objects.create(
            store=store, klaviyo_account=store.klaviyo_account, endpoint="events", items=1,
            started_at=now - timedelta(days=days), milliseconds=5, sent_bytes=10,
        )  # fmt: skip
        Task.objects.create(
            id=f"t{days}", name="t", func="f", success=False, attempt_count=1,
            started=now - timedelta(days=days), stopped=now - timedelta(days=days),
        )  # fmt: skip
        health.beat(f"beat {days}", now=now - timedelta(days=days, minutes=-5))
    factories.a_tally(store, minute=now - timedelta(days=399))
    factories.a_tally(store, minute=now - timedelta(days=401))

    maintenance.prune(now=now)

    assert Call.objects.count() == 2
    assert Task.objects.count() == 2
    assert Heartbeat.objects.count() == 1
    assert Tally.objects.count() == 1
    assert Event.objects.count() == 0
