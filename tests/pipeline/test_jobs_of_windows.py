"""What Klaviyo's jobs say about past data corrects the window it came by."""

from datetime import timedelta

import pytest

from integrations.domain.windows import JobState, Stretch, WindowState
from integrations.models import DeadLetter, Event, StoreLane, SyncJob, SyncWindow
from integrations.pipeline import audit, backfill, inbox, jobs, sync_jobs
from sandbox.messages import Reply
from tests import factories

from .conftest import PAST_SHOP, a_shop_with_a_past

TAKEN = "+4915123456789"


@pytest.fixture
def shop(settings, clock):
    with a_shop_with_a_past(settings, clock, past_orders=30) as server:
        yield server


@pytest.fixture
def store(transactional_db, shop):
    return factories.a_store(domain=PAST_SHOP, token="shpat_good")


@pytest.fixture
def started(store, clock):
    def run(stream):
        # The stand-in's people and products are made when it starts.
        clock.forward(minutes=1)
        now = clock()
        stretch = Stretch(now - timedelta(days=20), now)
        wish = sync_jobs.Wish(streams=(stream,), stretch=stretch, window_days=30)
        job = sync_jobs.draft(store, wish, by=None, now=now)
        sync_jobs.start(job, by=audit.AUTOMATIC, now=now)
        return job

    return run


def read(clock, *, rounds=50):
    for _ in range(rounds):
        if (claim := SyncWindow.objects.claim(by="test", now=clock())) is None:
            return
        backfill.read_window(claim, clock=clock, is_over=lambda: False)


def follow(clock):
    clock.forward(minutes=2)
    return jobs.follow_due(clock=clock, stopping=lambda: False)


def counts(window):
    window.refresh_from_db()
    return window.found, window.sent, window.failed, window.in_flight


def test_people_klaviyo_could_not_import_are_failed_records_of_their_window(
    klaviyo, shop, started, work, clock
):
    memory = shop.stores[PAST_SHOP].memory.customers
    person = next(body for body in memory.bodies() if body.get("email"))
    memory.put(person | {"phone": TAKEN})
    people = klaviyo.accounts["DEMO01"].people
    people.upsert(None, {"email": person["email"].lower()}, 0.0)
    people.upsert(None, {"phone_number": TAKEN}, 0.0)
    window = started("customers").windows.get()
    read(clock)
    work()
    found, sent, failed, _ = counts(window)
    assert (failed, window.state) == (0, WindowState.DONE), "202 counts until the job says more"

    follow(clock)

    assert counts(window) == (found, sent - 1, 1, 0)
    assert window.state == WindowState.DONE
    letter = DeadLetter.objects.get()
    assert letter.event.window_id == window.pk
    assert letter.cause.code == "duplicate_profile"


def test_items_that_exist_already_reopen_their_window_until_they_are_changed(
    klaviyo, shop, started, work, clock
):
    account = klaviyo.accounts["DEMO01"]
    for product in shop.stores[PAST_SHOP].memory.products.bodies():
        account.items[f"$custom:::$default:::{product['id']}"] = {
            "attributes": {"title": "By somebody else"},
            "relationships": {},
            "created": 0.0,
            "updated": 0.0,
        }
    job = started("products")
    read(clock)
    work()
    found, *_ = counts(job.windows.get())

    follow(clock)

    window = job.windows.get()
    job.refresh_from_db()
    assert window.in_flight == found
    assert (window.state, job.state) == (WindowState.SENDING, JobState.RUNNING)
    for _ in range(4):
        work()
        follow(clock)
    job.refresh_from_db()
    window = job.windows.get()
    assert counts(window) == (found, found, 0, 0)
    assert (window.state, job.state) == (WindowState.DONE, JobState.DONE)
    assert not DeadLetter.objects.exists()
    assert "By somebody else" not in {row["attributes"]["title"] for row in account.items.values()}


def test_items_that_can_neither_be_made_nor_changed_end_as_failed_of_their_window(
    klaviyo, started, work, clock
):
    def always_fails(call):
        if call.method == "POST":
            return None
        pointer = "/data/attributes/items/data/0/attributes/title"
        error = {"code": "invalid", "detail": "The title is odd.", "source": {"pointer": pointer}}
        attributes = {"status": "complete", "failed_count": 1, "errors": [error]}
        return Reply(200, {"data": {"type": "job", "id": "1", "attributes": attributes}})

    klaviyo.script.answer_next(always_fails, times=1000, match="/api/catalog-item-bulk")
    job = started("products")
    read(clock)
    for _ in range(60):
        work()
        follow(clock)

    window = job.windows.get()
    found, sent, failed, in_flight = counts(window)
    assert failed
    assert (sent + failed, in_flight) == (found, 0)
    assert DeadLetter.objects.filter(event__window=window).count() == failed


def test_a_job_that_ends_after_its_window_was_run_again_does_not_spoil_the_counts(
    klaviyo, shop, started, work, clock
):
    memory = shop.stores[PAST_SHOP].memory.customers
    person = next(body for body in memory.bodies() if body.get("email"))
    memory.put(person | {"phone": TAKEN})
    people = klaviyo.accounts["DEMO01"].people
    people.upsert(None, {"email": person["email"].lower()}, 0.0)
    people.upsert(None, {"phone_number": TAKEN}, 0.0)
    job = started("customers")
    read(clock)
    work()

    sync_jobs.run_again(job.windows.get(), by=audit.AUTOMATIC, now=clock())
    follow(clock)
    read(clock)
    work()

    window = job.windows.get()
    assert window.in_flight == 0
    assert window.sent + window.unchanged + window.skipped + window.failed == window.found


def test_what_an_earlier_run_left_on_its_way_is_counted_with_the_next(
    klaviyo, started, work, clock
):
    job = started("customers")
    read(clock)
    SyncWindow.objects.filter(job=job).update(state=WindowState.FAILED)
    SyncJob.objects.filter(pk=job.pk).update(state=JobState.DONE)

    sync_jobs.run_again(job.windows.get(), by=audit.AUTOMATIC, now=clock())
    read(clock)
    work()
    work()

    window = job.windows.get()
    assert window.in_flight == 0
    assert window.state == WindowState.DONE


def test_a_stop_while_records_are_being_sent_leaves_counts_that_add_up(
    klaviyo, started, clock, monkeypatch
):
    job = started("customers")
    read(clock)
    claim = StoreLane.objects.claim(by="test", now=clock())

    original = inbox.settle
    taken = []

    def settle(batch, *, now):
        if not taken:
            taken.append(sync_jobs.cancel(job, by=audit.AUTOMATIC, now=now))
        return original(batch, now=now)

    monkeypatch.setattr(inbox, "settle", settle)
    inbox.work_off(claim, clock=clock, stopping=lambda: False)

    window = job.windows.get()
    assert (window.found, window.sent, window.state) == (0, 0, WindowState.CANCELLED)
    assert not Event.objects.filter(window=window).exists()
