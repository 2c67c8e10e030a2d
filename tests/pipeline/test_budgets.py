"""One row that every process asks before it calls."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from integrations.domain.lanes import Lane
from integrations.models import Budget
from integrations.pipeline import budgets
from integrations.platforms.klaviyo.client import Allowance
from integrations.platforms.klaviyo.endpoints import FACTS, Endpoint
from tests import factories

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def account(transactional_db):
    return factories.an_account().pk


def take(account, *, wanted=1, lane=Lane.LIVE, now=NOON, endpoint=Endpoint.EVENTS):
    return budgets.take(account, endpoint, wanted=wanted, lane=lane, now=now)


def test_many_processes_together_stay_within_one_limit(account):
    workers, start = 6, threading.Barrier(6)

    def work(number):
        start.wait()
        lane = Lane.BACKFILL if number % 2 else Lane.LIVE
        try:
            return sum(take(account, lane=lane).calls for _ in range(10))
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as threads:
        granted = sum(threads.map(work, range(workers)))

    burst = FACTS[Endpoint.EVENTS].limits.burst
    assert 1 <= granted <= burst
    assert granted <= int(burst * budgets.MARGIN)


def test_a_backfill_has_the_whole_minute_while_live_work_is_idle_and_makes_room_when_not(account):
    past, live = [], []
    for second in range(900):
        now = NOON + timedelta(seconds=second)
        # As if each second another process asked, which remembers nothing.
        budgets._known.clear()
        past += [second] * take(account, wanted=60, lane=Lane.BACKFILL, now=now).calls
        if second >= 600:
            live.append(take(account, now=now).calls)

    steady = FACTS[Endpoint.EVENTS].limits.steady
    alone = [second for second in past if 300 <= second < 600]
    assert steady * 5 * 0.95 <= len(alone) <= steady * 5
    # Live work that asks each second is served each second, once it is known.
    assert all(live[120:])
    assert len([second for second in past if second >= 840]) + sum(live[240:]) <= steady


def test_a_minute_is_never_more_than_the_steady_limit(account):
    granted = 0
    for second in range(59):
        granted += take(account, wanted=100, now=NOON + timedelta(seconds=second)).calls

    assert granted == FACTS[Endpoint.EVENTS].limits.steady


def test_each_endpoint_has_an_allowance_of_its_own(account):
    assert take(account, wanted=100).calls == 9
    assert take(account, wanted=100).calls == 0
    assert take(account, wanted=400, endpoint=Endpoint.EVENT).calls == 315


def test_a_backfill_cannot_use_up_what_live_orders_need(account):
    low = take(account, wanted=100, lane=Lane.BACKFILL).calls
    live = take(account, wanted=100).calls

    assert low < 9
    assert low + live == 9


def test_a_wait_is_never_shortened_by_another(account):
    long = budgets.block(account, Endpoint.EVENTS, wait=timedelta(minutes=5), now=NOON)
    budgets.block(account, Endpoint.EVENTS, wait=timedelta(seconds=1), now=NOON)

    early = take(account, now=NOON + timedelta(minutes=4))
    assert (early.calls, early.retry_at) == (0, long)
    assert take(account, now=long).calls == 1
    assert take(account, endpoint=Endpoint.EVENT).calls == 1


def test_a_wait_another_process_was_told_holds_here_too(account):
    take(account)

    def elsewhere():
        budgets.block(account, Endpoint.EVENTS, wait=timedelta(minutes=5), now=NOON)
        connection.close()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    # As a write by another process would: nothing of it is remembered here.
    Budget.objects.update(blocked_until=NOON + timedelta(minutes=5))

    assert take(account, now=NOON + timedelta(seconds=2)).calls == 0


def test_a_learned_limit_replaces_the_published_one(account):
    budgets.learn(account, Endpoint.EVENTS, Allowance(60, 59, timedelta(seconds=30)), now=NOON)

    row = Budget.objects.get()
    assert (row.burst, row.steady) == (4, 60)
    later = NOON + timedelta(minutes=2)
    assert take(account, wanted=100, now=later).calls == 3


def test_what_others_used_of_the_allowance_is_counted(account):
    told = Allowance(150, 20, timedelta(seconds=30))

    budgets.learn(account, Endpoint.EVENTS, told, now=NOON)

    granted = sum(
        take(account, wanted=9, now=NOON + timedelta(seconds=2 * n)).calls for n in range(1, 25)
    )
    assert granted <= 20
