"""Past data by one large export, against a shop that runs it."""

from datetime import timedelta

import pytest
from django.db.models import Sum

from integrations.domain import bulk as rules
from integrations.domain.lanes import Lane
from integrations.domain.windows import JobState, Stretch, Way, WindowState
from integrations.models import BulkLine, Event, SyncJob, SyncWindow
from integrations.pipeline import (
    audit,
    backfill,
    bulk,
    bulk_files,
    bulk_landing,
    bulk_news,
    bulk_tidy,
    landing,
    sync_jobs,
)
from integrations.pipeline.bulk_progress import Progress, Step
from sandbox.messages import Drop
from sandbox.shop.simulation import call_off, edit_order, give_back, ship
from tests import factories

from .conftest import PAST_SHOP, a_shop_with_a_past, events_of

ORDERS = 60


@pytest.fixture
def shop(settings, clock):
    with a_shop_with_a_past(settings, clock, past_orders=ORDERS) as server:
        for _ in range(8):
            for happens in (ship, give_back, call_off, edit_order):
                happens(server.stores[PAST_SHOP].shop)
        yield server


@pytest.fixture
def store(transactional_db, shop):
    return factories.a_store(domain=PAST_SHOP, token="shpat_good")


@pytest.fixture(autouse=True)
def _every_window_is_large(monkeypatch):
    monkeypatch.setattr(rules, "WORTH_IT", timedelta(0))


@pytest.fixture
def job(store, clock):
    return a_job(store, clock)


def a_job(store, clock, *, days=90, streams=("orders",), **changes):
    now = clock()
    wish = sync_jobs.Wish(
        streams=streams, stretch=Stretch(now - timedelta(days=days), now), **changes
    )
    return sync_jobs.draft(store, wish, by=None, now=now)


def start(job, clock):
    sync_jobs.start(job, by=audit.AUTOMATIC, now=clock())


@pytest.fixture
def read(clock):
    """Read every window that is due, in this process."""

    def run(rounds=200, is_over=lambda: False):
        landed = 0
        for _ in range(rounds):
            claim = SyncWindow.objects.claim(by="test", now=clock())
            if claim is None:
                break
            landed += backfill.read_window(claim, clock=clock, is_over=is_over)
        return landed

    return run


@pytest.fixture
def finish(read, work, clock):
    """Read and send until the job is over."""

    def run(job, tries=100):
        for _ in range(tries):
            read()
            work()
            job.refresh_from_db()
            if job.state == JobState.DONE:
                return
            clock.forward(seconds=61)
        raise AssertionError(f"still {job.state}: {list(job.windows.values())}")

    return run


def only(job):
    return job.windows.get()


def runs(shop):
    return list(shop.stores[PAST_SHOP].bulk.runs.values())


def step(job):
    return Progress.of(only(job)).step


def is_whole(shop, job, clock):
    window = only(job)
    kept = shop.stores[PAST_SHOP].memory.orders.rows()
    ended = window.sent + window.unchanged + window.skipped + window.failed
    assert (window.state, window.found) == (WindowState.DONE, len(kept))
    assert window.found == ended
    # By pages, an order of more than a hundred lines comes cut short and is put aside.
    assert window.failed == 0 or window.way == Way.PAGES
    bulk_tidy.tidy(clock=clock, stopping=lambda: False)
    assert not BulkLine.objects.exists()
    return True


def test_a_large_window_comes_by_one_export_and_says_why(shop, klaviyo, job, clock, finish):
    start(job, clock)
    finish(job)

    window = only(job)
    assert window.way == Way.BULK
    assert "one large export" in window.way_reason
    assert is_whole(shop, job, clock)
    assert len(runs(shop)) == 1
    assert events_of(klaviyo, "Placed Order")


def test_an_export_gives_the_same_events_as_pages(shop, klaviyo, store, clock, finish, monkeypatch):
    by_bulk = a_job(store, clock)
    start(by_bulk, clock)
    finish(by_bulk)
    monkeypatch.setattr(rules, "WORTH_IT", timedelta(days=9))
    by_pages = a_job(store, clock)
    start(by_pages, clock)
    finish(by_pages)

    window = only(by_pages)
    assert window.way == Way.PAGES
    assert (window.sent, window.unchanged + window.failed) == (0, only(by_bulk).sent)


def test_customers_come_by_an_export_too(shop, klaviyo, store, clock, finish):
    job = a_job(store, clock, streams=("customers",))
    start(job, clock)
    finish(job)

    window = only(job)
    people = [row for row in shop.stores[PAST_SHOP].memory.customers.rows()
              if window.since.timestamp() <= row.created < window.until.timestamp()]  # fmt: skip
    assert (window.way, window.found) == (Way.BULK, len(people))


def test_an_empty_export_has_no_file_and_ends_the_window(shop, klaviyo, job, clock, finish):
    shop.stores[PAST_SHOP].memory.orders.load([])
    start(job, clock)
    finish(job)

    assert (only(job).state, only(job).found) == (WindowState.DONE, 0)


def test_nobody_holds_the_window_while_the_shop_works(shop, job, clock, read):
    start(job, clock)
    read()

    window = only(job)
    assert (step(job), window.lease_until) == (Step.RUNNING, None)
    assert timedelta(seconds=3) < window.next_attempt_at - clock() <= timedelta(seconds=5)
    assert "preparing the export" in window.wait_reason


def test_it_asks_less_often_the_longer_it_takes(shop, job, clock, read):
    shop.script.load({})
    shop.configure({"bulk": {"seconds": 3600}})
    start(job, clock)
    waits = []
    for _ in range(6):
        read()
        waits.append(round((only(job).next_attempt_at - clock()).total_seconds()))
        clock.forward(seconds=61)

    assert waits == [5, 10, 20, 40, 60, 60]


def test_the_message_that_it_has_ended_makes_the_window_due(shop, job, store, clock, read):
    start(job, clock)
    read()
    body = f'{{"admin_graphql_api_id": "{runs(shop)[0].gid}", "status": "completed"}}'.encode()

    bulk_news.take(store, b"not json", now=clock())
    assert only(job).next_attempt_at > clock()
    bulk_news.take(store, body, now=clock())

    assert only(job).next_attempt_at <= clock()


def test_the_message_goes_through_the_inbox(shop, klaviyo, job, store, clock, read, work, post):
    start(job, clock)
    read()
    post(store, bulk_news.FINISH, {"admin_graphql_api_id": runs(shop)[0].gid})
    work()

    assert only(job).next_attempt_at <= clock()


def test_a_lost_answer_begins_no_second_run(shop, klaviyo, job, clock, read, finish):
    start(job, clock)
    read(rounds=0)
    sizing_is_done(job, clock)
    shop.script.answer_next(Drop.AFTER)
    read()
    assert (step(job), len(runs(shop))) == (Step.ASKED, 1)
    assert only(job).wait_reason == bulk.UNSURE

    finish(job)

    assert is_whole(shop, job, clock)
    assert len(runs(shop)) == 1


def sizing_is_done(job, clock):
    job.windows.update(counted_at=clock(), expected=ORDERS)


def test_a_call_that_never_arrived_is_made_again(shop, klaviyo, job, clock, read, finish):
    start(job, clock)
    sizing_is_done(job, clock)
    shop.script.answer_next(Drop.BEFORE)
    finish(job)

    assert is_whole(shop, job, clock)


class Died(Exception):
    """The process ends here."""


@pytest.mark.parametrize(
    ("module", "name", "after"),
    [
        (bulk, "ask", False),  # each call to the shop, before it
        (bulk, "ask", True),  # and behind it, with its answer lost
        (bulk_files, "_keep", False),
        (bulk_files, "_keep", True),
        (bulk_files, "_judge", True),
        (bulk_landing, "ask", True),
        (landing, "land", False),
        (landing, "land", True),
    ],
)
def test_a_process_that_dies_between_any_two_steps_loses_and_doubles_nothing(
    shop, klaviyo, job, clock, read, finish, monkeypatch, module, name, after
):
    monkeypatch.setattr(bulk_files, "LINES", 40)
    monkeypatch.setattr(bulk_landing, "ROOTS", 20)
    real, calls = getattr(module, name), []

    def dies(*args, **kwargs):
        calls.append(1)
        # Each of the first four times it gets there.
        if len(calls) > 4:
            return real(*args, **kwargs)
        if after:
            real(*args, **kwargs)
        raise Died

    monkeypatch.setattr(module, name, dies)
    start(job, clock)
    for _ in range(20):
        try:
            finish(job, tries=1)
        except (Died, AssertionError):
            clock.forward(seconds=61)
        if only(job).state == WindowState.DONE:
            break
    finish(job)

    assert is_whole(shop, job, clock)
    placed = [event["unique_id"] for event in events_of(klaviyo, "Placed Order")]
    assert len(placed) == len(set(placed))


def test_a_stop_in_the_middle_of_the_file_goes_on_at_the_byte(
    shop, klaviyo, job, clock, read, finish, monkeypatch
):
    monkeypatch.setattr(bulk_files, "SECONDS", -1.0)
    monkeypatch.setattr("integrations.platforms.downloads.PIECE", 4096)
    start(job, clock)
    read()
    clock.forward(seconds=61)
    seen = []

    def is_over():
        return len(seen) > 3 or bool(seen.append(1))

    read(rounds=1, is_over=is_over)
    half = Progress.of(only(job))
    assert half.step is Step.FETCHING
    assert 0 < half.offset < half.size
    assert BulkLine.objects.exists()

    finish(job)

    assert is_whole(shop, job, clock)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_in_the_file_is_taken_up(
    shop, klaviyo, job, clock, finish, monkeypatch, ranges
):
    monkeypatch.setattr(bulk_files, "SECONDS", -1.0)
    monkeypatch.setattr("integrations.platforms.downloads.PIECE", 4096)
    shop.configure({"bulk": {"downloads": ["drop", "drop"], "ranges": ranges}})
    start(job, clock)
    finish(job)

    assert is_whole(shop, job, clock)
    assert len(runs(shop)) == 1


def test_a_file_that_ends_early_is_fetched_again(shop, klaviyo, job, clock, finish):
    shop.configure({"bulk": {"downloads": ["cut"]}})
    start(job, clock)
    finish(job)

    assert is_whole(shop, job, clock)
    assert len(runs(shop)) == 1


def test_a_file_that_ends_early_twice_fails_the_window_by_name(shop, klaviyo, job, clock, finish):
    shop.configure({"bulk": {"downloads": ["cut", "cut"]}})
    start(job, clock)
    finish(job)

    window = only(job)
    assert (window.state, window.error_code) == (WindowState.FAILED, "bulk_cut_short")
    assert (window.found, Event.objects.filter(lane=Lane.BACKFILL).count()) == (0, 0)
    bulk_tidy.tidy(clock=clock, stopping=lambda: False)
    assert not BulkLine.objects.exists()

    sync_jobs.run_again(window, by=audit.AUTOMATIC, now=clock())
    finish(job)
    assert is_whole(shop, job, clock)


def test_a_page_instead_of_the_file_is_never_landed(shop, klaviyo, job, clock, finish):
    shop.configure({"bulk": {"downloads": ["html"]}})
    start(job, clock)
    finish(job)

    assert is_whole(shop, job, clock)


def test_a_link_that_is_no_longer_good_is_asked_for_anew_and_then_the_run_is_made_again(
    shop, klaviyo, job, clock, finish
):
    shop.configure({"bulk": {"downloads": ["refuse"]}})
    start(job, clock)
    finish(job)
    assert len(runs(shop)) == 1

    shop.configure({"bulk": {"downloads": ["refuse", "refuse"]}})
    sync_jobs.run_again(only(job), by=audit.AUTOMATIC, now=clock())
    finish(job)

    assert len(runs(shop)) == 3
    assert is_whole(shop, job, clock)


def test_an_export_that_expired_while_nobody_fetched_it_is_made_again(
    shop, klaviyo, job, clock, read, finish
):
    start(job, clock)
    read()
    clock.forward(seconds=5)
    runs(shop)[0].worker.join()
    shop.stores[PAST_SHOP].bulk.advance(clock().timestamp())
    clock.forward(days=8)
    finish(job)

    assert [run.status for run in runs(shop)] == ["EXPIRED", "COMPLETED"]
    assert is_whole(shop, job, clock)


@pytest.mark.parametrize("fate", ["TIMEOUT", "INTERNAL_SERVER_ERROR", "CANCELED"])
def test_what_a_failed_run_left_behind_is_never_taken_for_the_whole(
    shop, klaviyo, job, clock, finish, fate
):
    shop.configure({"bulk": {"fail": [fate]}})
    start(job, clock)
    finish(job)

    assert len(runs(shop)) == 2
    assert is_whole(shop, job, clock)


def test_runs_that_keep_failing_give_way_to_pages(shop, klaviyo, job, clock, finish):
    shop.configure({"bulk": {"fail": ["TIMEOUT"] * 3}})
    start(job, clock)
    finish(job)

    assert only(job).way == Way.PAGES
    assert "timeout" in only(job).way_reason
    assert is_whole(shop, job, clock)


def test_a_missing_permission_fails_the_window_by_name(shop, klaviyo, job, clock, finish):
    shop.configure({"bulk": {"fail": ["ACCESS_DENIED"]}})
    start(job, clock)
    finish(job)

    assert only(job).error_code == "bulk_access_denied"
    assert "permission" in only(job).last_error


@pytest.mark.parametrize("code", ["LIMIT_REACHED", "OPERATION_IN_PROGRESS"])
def test_a_shop_that_is_busy_is_waited_for(shop, klaviyo, job, clock, read, finish, code):
    shop.configure({"bulk": {"refuse": [code]}})
    start(job, clock)
    read()
    assert (step(job), only(job).wait_reason) == (Step.NOTHING, bulk.FULL)

    finish(job)

    assert is_whole(shop, job, clock)


def test_runs_of_other_programs_count(shop, klaviyo, job, clock, read, finish):
    shop.configure({"bulk": {"others": 5}})
    start(job, clock)
    for _ in range(8):
        read()
        clock.forward(seconds=61)
    assert only(job).wait_reason == bulk.FULL
    shop.configure({"bulk": {"others": 0}})

    finish(job)

    assert is_whole(shop, job, clock)


def test_five_at_a_time_over_all_windows(shop, klaviyo, store, clock, read, finish):
    shop.configure({"bulk": {"seconds": 600}})
    job = a_job(store, clock, days=88, window_days=11)
    start(job, clock)
    read()

    waiting = job.windows.filter(wait_reason=bulk.FULL)
    assert (len(runs(shop)), waiting.count()) == (5, 3)
    shop.configure({"bulk": {"seconds": 1}})
    finish(job)

    found = job.windows.aggregate(found=Sum("found"))["found"]
    assert found == len(shop.stores[PAST_SHOP].memory.orders.rows())


def test_a_query_the_shop_does_not_take_gives_way_to_pages(
    shop, klaviyo, job, clock, finish, monkeypatch
):
    monkeypatch.setattr(bulk.shop, "query", lambda *_, **__: "{ shop { name } }")
    start(job, clock)
    finish(job)

    assert only(job).way == Way.PAGES
    assert is_whole(shop, job, clock)


def test_a_pause_stops_the_run_and_a_resume_begins_another(shop, klaviyo, job, clock, read, finish):
    start(job, clock)
    read()
    sync_jobs.pause(job, by=audit.AUTOMATIC, now=clock())

    assert bulk_tidy.tidy(clock=clock, stopping=lambda: False) == 1
    assert runs(shop)[0].status in {"CANCELING", "CANCELED"}
    assert only(job).bulk == {}
    sync_jobs.resume(job, by=audit.AUTOMATIC, now=clock())
    finish(job)

    assert is_whole(shop, job, clock)


def test_a_stop_stops_the_run_whose_answer_was_lost(shop, job, clock, read):
    start(job, clock)
    sizing_is_done(job, clock)
    shop.script.answer_next(Drop.AFTER)
    read()
    sync_jobs.cancel(job, by=audit.AUTOMATIC, now=clock())

    assert bulk_tidy.tidy(clock=clock, stopping=lambda: False) == 1
    assert bulk_tidy.tidy(clock=clock, stopping=lambda: False) == 0
    assert runs(shop)[0].status in {"CANCELING", "CANCELED"}


def test_an_expired_token_holds_the_export_where_it_is(shop, klaviyo, job, clock, read):
    start(job, clock)
    read()
    shop.stores[PAST_SHOP].access.withdraw()
    clock.forward(seconds=61)
    read(rounds=3)

    assert (step(job), only(job).wait_reason) == (Step.RUNNING, backfill.LOGIN)


def test_no_link_and_no_token_is_kept_or_sent_along(shop, klaviyo, job, clock, read, caplog):
    start(job, clock)
    for _ in range(4):
        read()
        assert "Signature" not in str(SyncWindow.objects.values())
        assert "Signature" not in str(list(SyncJob.objects.values()))
        clock.forward(seconds=61)

    fetched = [call for call in shop.calls if "bulk-operation-outputs" in call["path"]]
    assert [call["status"] for call in fetched] == [200]
    assert "Signature" not in caplog.text


def test_a_run_for_what_is_missing_leaves_out_what_arrived(shop, klaviyo, store, clock, finish):
    first = a_job(store, clock)
    start(first, clock)
    finish(first)

    again = a_job(store, clock, only_missing=True)
    start(again, clock)
    finish(again)

    window, before = only(again), only(first)
    assert window.found + window.left_out == before.found
    assert (window.left_out, window.sent) == (before.sent, 0)
