"""How much a shop says there is: asked before, cut by, and held against what came."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from integrations.domain.failures import PlatformError
from integrations.domain.windows import JobKind, JobState, Stretch, WindowState
from integrations.models import Event, SyncWindow
from integrations.pipeline import audit, completeness, sizing, sync_jobs
from integrations.platforms.shopify import counts
from integrations.platforms.shopify.client import Shopify as Client
from sandbox.config import ShopConfig
from sandbox.messages import Reply
from sandbox.shopify import Shopify
from tests import factories

DOMAIN = "counted.myshopify.com"
ORDERS = 60
STREAMS = ("customers", "products", "orders")


@pytest.fixture
def shop(settings, clock):
    config = ShopConfig(domain=DOMAIN, token="shpat_good", past_orders=ORDERS, past_days=80, seed=8)
    with Shopify(clock=lambda: clock().timestamp(), shops=[config]) as server:
        settings.SHOPIFY_BASE_URL = server.url + "/{shop}"
        yield server


@pytest.fixture
def memory(shop):
    return shop.stores[DOMAIN].memory


@pytest.fixture
def store(transactional_db, shop):
    return factories.a_store(domain=DOMAIN, token="shpat_good")


@pytest.fixture
def client(shop):
    return Client(f"{shop.url}/{DOMAIN}", "shpat_good")


def started(store, clock, *, days=90, streams=("orders",), **changes):
    now = clock()
    wish = sync_jobs.Wish(
        streams=streams, stretch=Stretch(now - timedelta(days=days), now), **changes
    )
    job = sync_jobs.draft(store, wish, by=None, now=now)
    sync_jobs.start(job, by=audit.AUTOMATIC, now=now)
    return job


def counted(number, precision="EXACT", stream="orders"):
    return Reply(200, {"data": {f"{stream}Count": {"count": number, "precision": precision}}})


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("changed", [False, True])
def test_a_count_is_of_what_the_search_finds_or_says_that_it_is_not(
    client, memory, clock, stream, changed
):
    rows = memory.shelf(stream).rows()
    moments = sorted(row.updated if changed else row.created for row in rows)
    since = datetime.fromtimestamp(moments[len(moments) // 2], UTC)
    until = since + timedelta(days=20)
    expected = sum(since.timestamp() <= moment < until.timestamp() for moment in moments)

    found = counts.count(client, stream, Stretch(since, until), changed=changed)

    if (stream, changed) == ("customers", True):
        assert not found.exact
        assert found.number >= expected
    else:
        assert found == counts.Count(expected, exact=True)


def test_a_count_that_stopped_counting_is_not_exact(client, shop, clock):
    shop.script.answer_next(counted(10_000, "AT_LEAST"))

    found = counts.count(client, "orders", Stretch(clock() - timedelta(days=1), clock()))

    assert found == counts.Count(10_000, exact=False)


def test_a_count_of_something_else_is_a_failure(client, shop, clock):
    shop.script.answer_next(Reply(200, {"data": {"shop": None}}))

    with pytest.raises(PlatformError):
        counts.count(client, "orders", Stretch(clock() - timedelta(days=1), clock()))


def test_all_windows_of_a_job_know_how_much_is_coming_before_the_first_is_read(
    store, memory, clock, read
):
    job = started(store, clock, streams=STREAMS, window_days=30)

    read(rounds=1)

    windows = list(job.windows.all())
    assert all(window.counted_at for window in windows)
    for stream in STREAMS:
        total = sum(window.expected for window in windows if window.stream == stream)
        made = [row.created for row in memory.shelf(stream).rows()]
        assert total == sum(job.since.timestamp() <= one < job.until.timestamp() for one in made)


def test_a_window_is_never_read_in_one_piece_beyond_what_can_be_paged_through(
    store, shop, klaviyo, clock, finish, monkeypatch
):
    monkeypatch.setattr(sizing, "MOST_ROWS", 25)
    monkeypatch.setattr(sizing, "COMFORTABLE_ROWS", 20)
    job = started(store, clock)

    finish(job)

    windows = list(job.windows.order_by("position"))
    assert len(windows) > 2
    assert (windows[0].until, windows[-1].since) == (job.until, job.since)
    assert all(new.since == old.until for new, old in pairwise(windows))
    assert [w.position for w in windows] == list(range(len(windows)))
    assert all(w.expected == w.found <= 25 for w in windows)
    assert sum(w.found for w in windows) == ORDERS


def test_a_count_that_nobody_understands_stops_no_window(store, shop, klaviyo, clock, finish):
    shop.script.answer_next(Reply(200, b"<html>"))
    job = started(store, clock)

    finish(job)

    window = job.windows.get()
    assert (window.expected, window.found) == (None, ORDERS)


def test_too_little_is_looked_at_twice_and_then_said(store, shop, klaviyo, clock, finish):
    def boasts(call):
        return counted(ORDERS + 20) if b"OrdersCount" in call.body else None

    shop.script.answer_next(boasts, times=200)
    job = started(store, clock)
    finish(job)

    window = job.windows.get()
    assert (window.state, window.error_code) == (WindowState.FAILED, completeness.INCOMPLETE)
    assert window.last_error.startswith("The shop says that there are 80 orders in this period")
    assert (window.looks, window.found) == (2, ORDERS)
    assert Event.objects.filter(window=window, state="waiting").count() == 0
    assert window.in_flight == 0


def test_what_was_deleted_meanwhile_is_not_missed(store, shop, memory, klaviyo, clock, finish):
    shop.script.answer_next(counted(ORDERS + 20))
    job = started(store, clock)

    finish(job)

    window = job.windows.get()
    assert (window.state, window.looks) == (WindowState.DONE, 2)
    assert window.expected == window.found == ORDERS
    assert Event.objects.filter(window=window).count() == ORDERS


def test_what_changed_meanwhile_leaves_a_catch_up_and_is_not_missed(
    store, shop, klaviyo, clock, finish
):
    shop.script.answer_next(counted(ORDERS + 20))
    job = started(store, clock, kind=JobKind.CATCH_UP)

    finish(job)

    assert SyncWindow.objects.get().state == WindowState.DONE
    assert job.state == JobState.DONE


def test_a_run_for_what_is_missing_counts_each_record_once_in_a_second_look(
    store, shop, klaviyo, clock, finish
):
    finish(started(store, clock))
    shop.script.answer_next(counted(ORDERS + 20))

    again = started(store, clock, only_missing=True)
    finish(again)

    window = again.windows.get()
    assert (window.state, window.found + window.left_out) == (WindowState.DONE, ORDERS)
