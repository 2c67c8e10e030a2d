"""Missed hours: fetched once somebody asks, or by themselves, and closed when all is there."""

from collections import Counter
from datetime import timedelta

import pytest

from integrations.domain import missed
from integrations.domain.windows import JobKind, JobState, WindowState
from integrations.models import AuditEntry, Event, Gap, SyncJob, SyncWindow
from integrations.pipeline import (
    audit,
    catching_up,
    logins,
    reconnecting,
    returning,
    subscriptions,
    sync_jobs,
)
from sandbox.messages import Reply
from sandbox.shop.simulation import change_customer, change_product, new_order
from sandbox.shopify import breaking
from tests import factories

from .conftest import events_of
from .signing import BROWSER, SHOP, connected_account, connected_shop, install

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(merchant, person, klaviyo_app, clock):
    return connected_account(merchant, person, clock).klaviyo_account


@pytest.fixture
def store(account, shops, person, clock):
    store = connected_shop(account.merchant, person, clock, account=account).store
    subscriptions.subscribe(store, now=clock())
    return store


@pytest.fixture
def shop(shops):
    return shops.stores[SHOP]


def place_order(shop):
    """Somebody whom Klaviyo can know buys something; the shop tells nobody."""
    while True:
        order = new_order(shop.shop)[-1].body
        if order["email"] and not order["test"] and "a" * 90 not in order["email"]:
            return order


def a_gap(store, clock, **changes):
    times = {"since": clock() - timedelta(hours=3), "until": clock() - timedelta(hours=1)}
    return factories.a_gap(store, **{**times, "noticed_at": clock()} | changes)


@pytest.mark.parametrize(
    ("topics", "streams", "lost"),
    [
        ([], ("customers", "products", "orders"), []),
        (["orders/updated", "refunds/create"], ("orders",), []),
        (["inventory_levels/update", "customers/delete"], ("products",), ["customers/delete"]),
        (["checkouts/create"], (), ["checkouts/create"]),
        (
            ["customers_marketing_consent/update", "customers/update"],
            ("customers",),
            ["customers_marketing_consent/update"],
        ),
    ],
)
def test_what_is_read_again_for_which_messages(topics, streams, lost):
    assert missed.streams(topics) == streams
    assert missed.lost(topics) == lost


def test_what_was_lost_while_a_login_was_broken_reaches_klaviyo_exactly_once(
    store, shop, shops, person, klaviyo, clock, finish
):
    breaking.uninstall(shop)
    clock.forward(hours=1)
    placed = [place_order(shop)["id"] for _ in range(4)]
    change_customer(shop.shop)
    change_product(shop.shop)
    clock.forward(hours=1)
    assert not logins.check(store.credential, now=clock())
    found = reconnecting.begin(store, by=person, now=clock())
    begun = reconnecting.sign_in(found, by=person, browser=BROWSER, now=clock())
    returning.from_shopify(install(begun), by=person, browser=BROWSER, now=clock())
    assert not events_of(klaviyo, "Placed Order")

    found.refresh_from_db()
    reconnecting.catch_up(found, by=person, now=clock())
    job = SyncJob.objects.get()
    assert (job.kind, job.state, job.silent) == (JobKind.CATCH_UP, JobState.RUNNING, True)
    finish(job)
    catching_up.look_after(now=clock())

    gap = Gap.objects.get()
    assert gap.job == job
    assert gap.closed_at is not None
    told = Counter(event["unique_id"] for event in events_of(klaviyo, "Placed Order"))
    assert {unique_id.rsplit(":", 1)[-1] for unique_id in told} >= {str(one) for one in placed}
    assert set(told.values()) == {1}
    assert all(event["backfill"] for event in events_of(klaviyo, "Placed Order"))

    # The shop's own messages about the same things change nothing any more.
    again = factories.a_gap(
        store, since=gap.since, until=gap.until, asked_at=clock(), noticed_at=clock()
    )
    calls = len(klaviyo.calls)
    finish(catching_up.begin(again, by=audit.AUTOMATIC, now=clock()))
    assert Counter(e["unique_id"] for e in events_of(klaviyo, "Placed Order")) == told
    assert len(klaviyo.calls) == calls


def test_only_what_changed_in_the_missed_hours_is_read(store, shop, klaviyo, clock, finish):
    place_order(shop)
    clock.forward(hours=4)
    order = place_order(shop)
    clock.forward(hours=2)
    gap = a_gap(store, clock, topics=["orders/create"], asked_at=clock())

    job = catching_up.begin(gap, by=audit.AUTOMATIC, now=clock())
    finish(job)

    assert [window.stream for window in job.windows.all()] == ["orders"]
    assert Event.objects.filter(window__job=job).count() == 1
    assert str(order["id"]) in bytes(Event.objects.get(window__job=job).body).decode()
    assert job.since <= gap.since - missed.OVERLAP


def test_it_is_begun_once_however_often_it_is_asked_for(store, person, clock):
    gap = a_gap(store, clock)

    assert catching_up.ask_for_all(store, by=person, now=clock()) == 1
    assert catching_up.ask_for_all(store, by=person, now=clock()) == 0
    assert catching_up.begin(gap, by=audit.AUTOMATIC, now=clock()) is None

    assert SyncJob.objects.get().asked_by == person
    assert AuditEntry.objects.filter(action="gap.asked").count() == 1


def test_what_nobody_asks_for_is_fetched_by_itself_after_a_while(store, person, clock):
    gap = a_gap(store, clock)
    going_on = a_gap(store, clock, since=clock() - timedelta(days=2), until=None)
    catching_up.look_after(now=clock())
    assert not SyncJob.objects.exists()

    clock.forward(minutes=16)
    busy = reconnecting.begin(store, by=person, now=clock())
    catching_up.look_after(now=clock())
    assert not SyncJob.objects.exists()
    reconnecting.give_up(busy, by=person, now=clock())
    catching_up.look_after(now=clock())

    gap.refresh_from_db()
    going_on.refresh_from_db()
    assert gap.job == SyncJob.objects.get()
    assert (gap.asked_by, going_on.job) == (None, None)


def test_two_gaps_of_the_same_hours_wait_for_each_other(store, klaviyo, clock, finish):
    for _ in range(2):
        a_gap(store, clock, asked_at=clock())

    catching_up.look_after(now=clock())
    first = SyncJob.objects.get()
    finish(first)
    catching_up.look_after(now=clock())

    assert Gap.objects.filter(closed_at=None).count() == 1
    assert SyncJob.objects.count() == 2


def test_a_gap_stays_while_a_part_of_it_is_missing(store, shop, shops, klaviyo, clock, finish):
    gap = a_gap(store, clock, topics=["orders/create"], asked_at=clock())
    job = catching_up.begin(gap, by=audit.AUTOMATIC, now=clock())
    shops.script.answer_next(Reply(200, b"<html>"), times=12)
    finish(job)
    assert job.windows.get().state == WindowState.FAILED
    shops.script.reset()

    catching_up.look_after(now=clock())
    gap.refresh_from_db()
    assert gap.closed_at is None

    sync_jobs.run_again(SyncWindow.objects.get(), by=audit.AUTOMATIC, now=clock())
    finish(job)
    catching_up.look_after(now=clock())
    gap.refresh_from_db()
    assert gap.closed_at is not None


def test_a_catch_up_that_was_stopped_can_be_asked_for_again(store, person, clock):
    gap = a_gap(store, clock)
    catching_up.ask_for_all(store, by=person, now=clock())
    sync_jobs.cancel(SyncJob.objects.get(), by=audit.AUTOMATIC, now=clock())

    catching_up.look_after(now=clock())

    gap.refresh_from_db()
    assert (gap.job, gap.asked_at, gap.closed_at) == (None, None, None)
    assert catching_up.ask_for_all(store, by=person, now=clock()) == 1


def test_what_no_list_shows_is_closed_with_the_reason(store, person, clock):
    gap = a_gap(store, clock, topics=["checkouts/create", "orders/delete"])

    catching_up.ask_for_all(store, by=person, now=clock())

    gap.refresh_from_db()
    assert gap.closed_at is not None
    entry = AuditEntry.objects.get(action="gap.closed")
    assert entry.reason == catching_up.NOTHING_TO_READ
    assert not SyncJob.objects.exists()


def test_a_fetch_of_the_past_does_not_keep_the_missed_hours_waiting(store, person, clock):
    stretch = missed.around(clock() - timedelta(days=9), clock(), now=clock())
    wish = sync_jobs.Wish(streams=("orders",), stretch=stretch)
    sync_jobs.start(
        sync_jobs.draft(store, wish, by=person, now=clock()), by=audit.AUTOMATIC, now=clock()
    )
    a_gap(store, clock)

    catching_up.ask_for_all(store, by=person, now=clock())

    assert SyncJob.objects.filter(kind=JobKind.CATCH_UP, state=JobState.RUNNING).count() == 1
