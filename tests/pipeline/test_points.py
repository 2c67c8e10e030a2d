"""A shop's query points: taken in one statement, and never more than there are."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection

from integrations.domain.lanes import Lane
from integrations.models import ShopBudget
from integrations.pipeline import points
from integrations.platforms.shopify.client import Cost
from tests import factories


@pytest.fixture
def store(transactional_db):
    return factories.a_store()


def held(store, now, *, available, maximum=1000.0, rate=50.0):
    points.learn(store.pk, Cost(1, 1, maximum, available, rate), now=now)


def left(store):
    return round(ShopBudget.objects.get(store=store).available)


def test_what_the_bucket_gave_back_meanwhile_may_be_taken(store, clock):
    now = clock()
    held(store, now, available=100)

    assert points.take(store.pk, 400, lane=Lane.BACKFILL, now=now) is not None
    # 100 and ten seconds' 500, without the price of one look-up.
    later = now + timedelta(seconds=10)
    assert points.take(store.pk, 400, lane=Lane.BACKFILL, now=later) is None
    assert left(store) == 200


def test_it_never_holds_more_than_it_can(store, clock):
    held(store, clock(), available=900)

    later = clock() + timedelta(hours=1)
    assert points.take(store.pk, 100, lane=Lane.BACKFILL, now=later) is None
    assert left(store) == 900


def test_live_work_of_late_keeps_a_part_for_itself(store, clock):
    now = clock()
    held(store, now, available=400)
    assert points.take(store.pk, 10, lane=Lane.LIVE, now=now) is None

    wait = points.take(store.pk, 250, lane=Lane.BACKFILL, now=now)
    assert wait is not None
    assert wait > now
    assert points.take(store.pk, 150, lane=Lane.BACKFILL, now=now) is None
    assert left(store) == 240


def test_a_wait_the_shop_asked_for_holds_for_everybody(store, clock):
    now = clock()
    held(store, now, available=900)
    until = points.block(store.pk, timedelta(seconds=30), now=now)

    for lane in (Lane.LIVE, Lane.BACKFILL, Lane.REPORT):
        assert points.take(store.pk, 1, lane=lane, now=now + timedelta(seconds=29)) == until
    assert points.take(store.pk, 1, lane=Lane.BACKFILL, now=until) is None


def test_many_at_once_take_no_more_than_there_is(store, clock):
    now, granted = clock(), []
    held(store, now, available=560)

    def work():
        try:
            for _ in range(10):
                granted.append(points.take(store.pk, 10, lane=Lane.BACKFILL, now=now) is None)
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    # 560 without the price of one look-up.
    assert sum(granted) == 50
    assert left(store) == 60
