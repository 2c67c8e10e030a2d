"""Past data, window by window, against a shop that has some."""

import threading
import time
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.db.models import Sum
from django_q.models import OrmQ

from integrations import queue
from integrations.domain.windows import BadRange, JobState, Stretch, WindowState
from integrations.models import (
    AuditEntry,
    Credential,
    Delivery,
    Event,
    SyncJob,
    SyncWindow,
    statements,
)
from integrations.models.sync_jobs import WINDOW_LEASE
from integrations.pipeline import audit, backfill, health, landing, logins, sync_jobs
from integrations.pipeline.backfill import BEAT_EVERY
from integrations.pipeline.pulse import LOOK_EVERY, Pulse
from integrations.platforms.shopify import pages
from tests import factories

from .conftest import PAST_SHOP, a_shop_with_a_past, events_of

ORDERS = 60


@pytest.fixture
def shop(settings, clock):
    with a_shop_with_a_past(settings, clock, past_orders=ORDERS) as server:
        yield server


@pytest.fixture
def store(transactional_db, shop):
    return factories.a_store(domain=PAST_SHOP, token="shpat_good")


@pytest.fixture
def job(store, clock):
    return a_job(store, clock)


def a_job(store, clock, *, days=90, **changes):
    now = clock()
    wish = sync_jobs.Wish(
        streams=("orders",), stretch=Stretch(now - timedelta(days=days), now), **changes
    )
    return sync_jobs.draft(store, wish, by=None, now=now)


def start(job, clock):
    sync_jobs.start(job, by=audit.AUTOMATIC, now=clock())


def orders_of(shop):
    return shop.stores[PAST_SHOP].memory.orders.bodies()


def totals(job):
    return job.windows.aggregate(
        *(Sum(name, default=0) for name in ("found", "sent", "unchanged", "skipped", "failed"))
    )


def test_everything_in_the_range_is_found_and_ends_as_exactly_one_thing(
    shop, klaviyo, job, clock, finish
):
    start(job, clock)
    finish(job)

    counts = totals(job)
    assert counts["found__sum"] == len(list(orders_of(shop)))
    assert counts["found__sum"] == sum(
        counts[f"{name}__sum"] for name in ("sent", "unchanged", "skipped", "failed")
    )
    ended = Counter(Event.objects.filter(window__job=job).values_list("state", flat=True))
    assert ended["delivered"] == counts["sent__sum"]
    assert {window.state for window in job.windows.all()} == {WindowState.DONE}


def test_it_is_silent_unless_somebody_chose_otherwise_and_said_why(
    shop, klaviyo, store, job, clock, finish
):
    start(job, clock)
    finish(job)
    assert {event["backfill"] for event in events_of(klaviyo, "Placed Order")} == {True}

    with pytest.raises(BadRange):
        a_job(store, clock, silent=False)
    klaviyo.reset()
    klaviyo.accounts["DEMO01"].keys.add("pk_demo")
    Delivery.objects.all().delete()
    loud = a_job(store, clock, silent=False, loud_reason="Win-back flow wants them")
    start(loud, clock)
    finish(loud)
    assert {event["backfill"] for event in events_of(klaviyo, "Placed Order")} == {False}


def test_windows_go_newest_first_and_meet_without_a_gap(store, clock):
    job = a_job(store, clock, days=200)

    windows = list(job.windows.order_by("position"))

    assert windows[0].until == job.until
    assert windows[-1].since == job.since
    assert all(new.since == old.until for new, old in pairwise(windows))


def test_a_second_run_finds_everything_unchanged(shop, klaviyo, job, clock, finish):
    start(job, clock)
    finish(job)
    before, calls = totals(job), len(klaviyo.calls)

    sync_jobs.run_again(job.windows.get(), by=audit.AUTOMATIC, now=clock())
    finish(job)

    after = totals(job)
    assert after["found__sum"] == before["found__sum"]
    assert after["sent__sum"] == 0
    assert after["unchanged__sum"] == before["sent__sum"]
    assert len(klaviyo.calls) == calls


def test_a_run_for_what_is_missing_leaves_out_what_arrived(shop, klaviyo, store, clock, finish):
    first = a_job(store, clock)
    start(first, clock)
    finish(first)
    lost = Delivery.objects.filter(kind="placed_order").first()
    Delivery.objects.filter(source_id=lost.source_id).delete()

    again = a_job(store, clock, only_missing=True)
    start(again, clock)
    finish(again)

    window = again.windows.get()
    assert Event.objects.filter(window=window, state="delivered").count() == 1
    assert window.left_out + window.found == first.windows.get().found


def test_a_pause_holds_what_is_landed_and_a_resume_lets_it_go(
    shop, klaviyo, job, clock, read, work
):
    start(job, clock)
    landed = read()
    sync_jobs.pause(job, by=audit.AUTOMATIC, now=clock())
    assert work() == 0
    assert SyncWindow.objects.claim(by="other", now=clock()) is None

    sync_jobs.resume(job, by=audit.AUTOMATIC, now=clock())
    read()
    work()

    job.refresh_from_db()
    assert (job.state, totals(job)["found__sum"]) == (JobState.DONE, landed)


def test_a_stop_takes_back_what_was_not_sent_and_says_how_much(
    shop, klaviyo, job, clock, read, work
):
    start(job, clock)
    landed = read()

    assert sync_jobs.cancel(job, by=audit.AUTOMATIC, now=clock()) == landed

    assert work() == 0
    assert not events_of(klaviyo, "Placed Order")
    assert {w.state for w in job.windows.all()} == {WindowState.CANCELLED}
    with pytest.raises(sync_jobs.NotNow):
        sync_jobs.resume(job, by=audit.AUTOMATIC, now=clock())


def test_a_reader_that_dies_between_two_pages_is_taken_over_at_the_cursor(
    shop, klaviyo, job, clock, finish, monkeypatch
):
    monkeypatch.setattr(pages, "next_size", lambda size, cost: size)
    start(job, clock)
    claim = SyncWindow.objects.claim(by="dies", now=clock())
    seen = []
    backfill.read_window(claim, clock=clock, is_over=lambda: len(seen) > 1 or seen.append(1))
    SyncWindow.objects.filter(pk=claim.pk).update(lease_until=clock() + WINDOW_LEASE)
    assert SyncWindow.objects.claim(by="early", now=clock()) is None

    clock.forward(seconds=21)
    finish(job)

    assert totals(job)["found__sum"] == ORDERS
    assert (
        Counter(e["unique_id"] for e in events_of(klaviyo, "Placed Order")).most_common(1)[0][1]
        == 1
    )


def test_what_a_killed_reader_held_goes_on_within_half_a_minute(shop, klaviyo, job, clock, finish):
    start(job, clock)
    began = clock()
    assert SyncWindow.objects.claim(by="killed", now=clock())
    OrmQ.objects.all().delete()
    pulse = Pulse()

    while not OrmQ.objects.exists():
        clock.forward(seconds=LOOK_EVERY.total_seconds())
        pulse.look(now=clock())

    assert clock() - began < timedelta(seconds=30)
    assert [one.task["func"] for one in OrmQ.objects.all()] == [queue.READ]
    pulse.look(now=clock())
    assert OrmQ.objects.count() == 1, "asked for once, however often it looks"
    finish(job)
    assert totals(job)["found__sum"] == ORDERS


def test_a_window_whose_page_takes_long_stays_with_its_reader(
    shop, klaviyo, job, clock, monkeypatch
):
    monkeypatch.setattr(backfill, "READERS", 1)
    start(job, clock)
    SyncWindow.objects.update(counted_at=clock(), way="pages")
    shop.script.delay = 5.0
    is_over = threading.Event()

    def work():
        backfill.read(clock=clock, stopping=is_over.is_set)
        connection.close()

    reader = threading.Thread(target=work)
    reader.start()
    wait_for = time.monotonic() + 5
    while not SyncWindow.objects.exclude(lease_by="").exists() and time.monotonic() < wait_for:
        time.sleep(0.05)

    # Three times twelve seconds by the clock of the leases, while one page is read.
    taken = []
    for _ in range(3):
        clock.forward(seconds=12)
        time.sleep(1.3 * BEAT_EVERY)
        assert totals(job)["found__sum"] == 0, "the page is still read"
        taken.append(SyncWindow.objects.claim(by="other", now=clock()))
    shop.script.delay = 0.0
    is_over.set()
    reader.join()

    assert taken == [None, None, None]
    assert totals(job)["found__sum"] > 0


def test_a_renewal_brings_back_no_window_that_was_given_back_or_taken_over(
    shop, klaviyo, job, clock
):
    start(job, clock)
    claim = SyncWindow.objects.claim(by="first", now=clock())
    assert SyncWindow.objects.renew([claim], now=clock()) == 1
    backfill.give_back(claim, until=clock())
    assert SyncWindow.objects.renew([claim], now=clock()) == 0

    taken = SyncWindow.objects.claim(by="second", now=clock())

    assert SyncWindow.objects.renew([claim], now=clock()) == 0
    assert SyncWindow.objects.renew([claim, taken], now=clock()) == 1
    assert SyncWindow.objects.renew([], now=clock()) == 0


def test_whoever_lost_the_lease_lands_nothing(shop, klaviyo, job, clock):
    start(job, clock)
    old = SyncWindow.objects.claim(by="slow", now=clock())
    clock.forward(seconds=61)
    new = SyncWindow.objects.claim(by="quick", now=clock())
    window = SyncWindow.objects.select_related("job__store").get(pk=new.pk)

    with pytest.raises(landing.LostWindow):
        landing.land(old, window, [], cursor="x", is_last=False, now=clock())

    window.refresh_from_db()
    assert window.cursor == ""


def test_a_page_takes_a_handful_of_round_trips(shop, klaviyo, job, clock, monkeypatch):
    start(job, clock)
    SyncWindow.objects.update(counted_at=clock(), way="pages", page_size=10)
    claim = SyncWindow.objects.claim(by="test", now=clock())
    # Somebody sends what is landed, and the shop has points to spare.
    health.beat(f"{health.PAST}elsewhere:1", now=clock())
    shop.stores[PAST_SHOP].bucket.maximum = shop.stores[PAST_SHOP].bucket.restore_rate = 20_000.0
    asked, run = [], statements.run

    def prepared(statement, values, **options):
        asked.append(statement)
        return run(statement, values, **options)

    def other(execute, statement, *rest):
        asked.append(statement)
        return execute(statement, *rest)

    monkeypatch.setattr(statements, "run", prepared)
    with connection.execute_wrapper(other):
        assert backfill.read_window(claim, clock=clock, is_over=lambda: False) == ORDERS

    landed = [place for place, statement in enumerate(asked) if "), landed AS (" in statement]
    assert len(landed) >= 3
    # Whether to read on, points, the login, what the shop said of its points, landing, the nudge;
    # a page of which an order's lists came cut short takes two for each call besides.
    assert min(behind - before for before, behind in pairwise(landed)) == 6


def test_the_same_range_is_not_fetched_twice_at_once(shop, store, job, clock):
    start(job, clock)

    with pytest.raises(sync_jobs.Overlap) as refused:
        start(a_job(store, clock, days=10), clock)

    assert refused.value.job == job


@pytest.mark.parametrize(
    ("since", "until", "code"),
    [(0, -1, "end_before_start"), (1, 2, "future"), (-9000, 0, "too_early")],
)
def test_a_range_that_cannot_be_meant_is_refused(store, clock, since, until, code):
    now = clock()
    stretch = Stretch(now + timedelta(days=since), now + timedelta(days=until))

    with pytest.raises(BadRange) as refused:
        sync_jobs.draft(
            store, sync_jobs.Wish(streams=("orders",), stretch=stretch), by=None, now=now
        )

    assert refused.value.code == code
    assert not SyncJob.objects.exists()


def test_a_throttled_shop_is_waited_for(shop, klaviyo, job, clock, finish):
    shop.script.load({"answer_next": [{"status": 429, "headers": {"Retry-After": "2"}}]})
    start(job, clock)
    finish(job)

    assert totals(job)["found__sum"] == ORDERS


def test_a_login_that_does_not_work_holds_the_window_at_its_cursor(
    shop, klaviyo, job, clock, read, finish
):
    shop.stores[PAST_SHOP].access.withdraw()
    start(job, clock)

    assert read(rounds=3) == 0

    window = job.windows.get()
    assert (window.state, window.failures) == (WindowState.READING, 0)
    assert window.wait_reason == backfill.LOGIN


def test_a_stream_the_login_may_not_read_is_refused_before_anything_is_planned(store, clock):
    granted = ["read_orders", "write_products"]
    Credential.objects.filter(store=store).update(scopes=granted)
    stretch = Stretch(clock() - timedelta(days=30), clock())

    with pytest.raises(BadRange, match="customers: read_customers is missing") as told:
        sync_jobs.draft(
            store,
            sync_jobs.Wish(streams=("orders", "customers", "products"), stretch=stretch),
            by=None,
            now=clock(),
        )

    assert told.value.code == "missing_scope"
    assert not SyncJob.objects.exists()
    sync_jobs.draft(
        store,
        sync_jobs.Wish(streams=("orders", "products"), stretch=stretch),
        by=None,
        now=clock(),
    )


def test_a_plan_whose_permission_went_missing_meanwhile_does_not_start(store, clock):
    job = a_job(store, clock)
    Credential.objects.filter(store=store).update(scopes=["read_customers"])

    with pytest.raises(sync_jobs.NotNow, match="read_orders is missing"):
        start(job, clock)

    job.refresh_from_db()
    assert job.state == JobState.DRAFT


def test_a_permission_that_goes_missing_ends_its_windows_by_name_and_no_others(
    shop, klaviyo, store, clock, finish
):
    clock.forward(minutes=1)
    wish = sync_jobs.Wish(
        streams=("customers", "products"), stretch=Stretch(clock() - timedelta(days=300), clock())
    )
    job = sync_jobs.draft(store, wish, by=None, now=clock())
    start(job, clock)
    shop.stores[PAST_SHOP].access.scopes.remove("read_products")

    finish(job)

    ended = {(one.stream, one.state) for one in job.windows.all()}
    assert ended == {("customers", WindowState.DONE), ("products", WindowState.FAILED)}
    for failed in job.windows.filter(stream="products"):
        assert "read_products is missing. Reconnect the shop" in failed.last_error
        assert failed.calls == 0
    assert job.windows.filter(stream="customers", found__gt=0).exists()

    shop.stores[PAST_SHOP].access.scopes.append("read_products")
    assert logins.check(Credential.objects.get(store=store), now=clock(), asked=True)
    for window in job.windows.filter(state=WindowState.FAILED):
        sync_jobs.run_again(window, by=audit.AUTOMATIC, now=clock())
    finish(job)
    assert {one.state for one in job.windows.all()} == {WindowState.DONE}


def test_every_step_is_on_record(shop, job, clock):
    start(job, clock)
    sync_jobs.pause(job, by=audit.AUTOMATIC, now=clock(), reason="Stocktaking")
    sync_jobs.resume(job, by=audit.AUTOMATIC, now=clock())
    sync_jobs.cancel(job, by=audit.AUTOMATIC, now=clock())

    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["job.started", "job.paused", "job.started", "job.stopped"]
