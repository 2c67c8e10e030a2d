"""Closing minutes: what they come to, twice, late, and for a shop that never sells."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from integrations import queue, tasks
from integrations.domain.histograms import LAG, LATENCY
from integrations.domain.resolutions import Resolution
from integrations.models import (
    Budget,
    Call,
    CallFigures,
    CauseCount,
    DepthFigures,
    FigureMark,
    LagFigures,
    ScheduleRun,
    UnfinishedMinute,
)
from integrations.pipeline import maintenance, measuring, schedule_runs, tallies
from tests import factories as a

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def run(now):
    return measuring.run(clock=lambda: now, stopping=lambda: False)


@pytest.fixture
def store(db):
    FigureMark.objects.create(name=measuring.MARK, counted_until=NOON)
    return a.a_store()


def a_call(store, at=NOON, *, shops=False, **changes):
    defaults = {
        "klaviyo_account": None if shops else store.klaviyo_account,
        "store": store,
        "endpoint": "events",
        "started_at": at,
        "milliseconds": 90,
        "status": 202,
        "items": 1,
        "sent_bytes": 1,
    }
    return Call.objects.create(**defaults | changes)


def settle(event, at, state="delivered"):
    """As settling does: the event, and the tally of its minute."""
    event.state, event.settled_at = state, at
    event.save()
    tallies.add(event.store_id, [(event, state, "")], now=at)


def calls(resolution=Resolution.MINUTE):
    rows = CallFigures.objects.filter(resolution=resolution).order_by("start", "endpoint")
    return [(row.start, row.calls, row.throttled, row.errors) for row in rows]


def lags(resolution=Resolution.MINUTE):
    rows = LagFigures.objects.filter(resolution=resolution).order_by("start", "data_type")
    return [
        (row.start, row.data_type, row.arrived, row.settled, row.delivered, row.failed)
        for row in rows
    ]


# --- calls ---------------------------------------------------------------------------------------


def test_calls_are_counted_by_account_endpoint_and_minute(store):
    other = a.a_store(store.klaviyo_account)
    Budget.objects.create(
        klaviyo_account=store.klaviyo_account,
        endpoint="events",
        burst=10,
        steady=150,
        updated_at=NOON,
    )
    a_call(store)
    a_call(other, NOON + timedelta(seconds=59.9), milliseconds=400)
    a_call(store, status=429)
    a_call(store, status=503)
    a_call(store, status=None, error="no answer")
    a_call(store, NOON + MINUTE, endpoint="profile-import")

    run(NOON + 3 * MINUTE)

    assert calls() == [(NOON, 5, 1, 2), (NOON + MINUTE, 1, 0, 0)]
    row = CallFigures.objects.get(start=NOON, resolution=Resolution.MINUTE)
    assert (row.klaviyo_account, row.store) == (store.klaviyo_account, None)
    assert (row.milliseconds, row.allowed, row.busiest) == (4 * 90 + 400, 150, 5)
    assert row.latency == LATENCY.count([90, 90, 90, 90, 400])


def test_a_shops_own_calls_are_the_shops(store):
    a_call(store, shops=True, endpoint="graphql")

    run(NOON + 2 * MINUTE)

    row = CallFigures.objects.get(resolution=Resolution.MINUTE)
    assert (row.klaviyo_account, row.store, row.allowed) == (None, store, 0)


def test_the_minute_that_runs_is_left_alone(store):
    a_call(store)

    run(NOON + timedelta(seconds=74))
    assert calls() == []

    run(NOON + timedelta(seconds=76))
    assert calls() == [(NOON, 1, 0, 0)]


def test_a_second_run_changes_nothing(store):
    a_call(store)
    run(NOON + 2 * MINUTE)
    first = list(CallFigures.objects.order_by("pk").values())

    assert run(NOON + 2 * MINUTE) == 0
    FigureMark.objects.update(counted_until=NOON)
    run(NOON + 2 * MINUTE)

    assert list(CallFigures.objects.order_by("pk").values()) == first


def test_a_call_that_is_written_down_late_is_counted_still(store):
    run(NOON + timedelta(seconds=80))
    a_call(store, NOON + timedelta(seconds=50))

    run(NOON + timedelta(seconds=140))

    assert calls() == [(NOON, 1, 0, 0)]


def test_hours_and_days_are_sums_of_their_minutes(store):
    a_call(store, milliseconds=20)
    a_call(store, NOON + 30 * MINUTE, status=429, milliseconds=3000)
    a_call(store, NOON + HOUR)

    run(NOON + 2 * HOUR)

    assert calls(Resolution.HOUR) == [(NOON, 2, 1, 0), (NOON + HOUR, 1, 0, 0)]
    assert calls(Resolution.DAY) == [(NOON - 12 * HOUR, 3, 1, 0)]
    day = CallFigures.objects.get(resolution=Resolution.DAY)
    assert day.latency == LATENCY.count([20, 3000, 90])
    assert (day.milliseconds, day.busiest) == (3110, 1)


def test_what_a_pause_left_out_is_filled_in_later_in_bounded_turns(store):
    for hours in range(5):
        a_call(store, NOON + hours * HOUR)
    ticks = iter(range(1000))

    def slow():
        """Two seconds each time somebody looks at the clock."""
        return NOON + 6 * HOUR + timedelta(seconds=2 * next(ticks))

    first = measuring.run(clock=slow, stopping=lambda: False)
    reached = FigureMark.objects.get().counted_until
    run(NOON + 6 * HOUR)

    assert 0 < first < 10
    assert NOON < reached < NOON + 3 * HOUR
    assert [row[1] for row in calls(Resolution.HOUR)] == [1] * 5


def test_a_worker_that_is_asked_to_stop_begins_no_other_piece(store):
    assert measuring.run(clock=lambda: NOON + HOUR, stopping=lambda: True) == 0
    assert FigureMark.objects.get().counted_until == NOON


def test_a_clock_that_is_behind_counts_nothing_and_loses_nothing(store):
    a_call(store)

    assert run(NOON - HOUR) == 0
    run(NOON + 2 * MINUTE)

    assert calls() == [(NOON, 1, 0, 0)]


# --- lag -----------------------------------------------------------------------------------------


def test_messages_are_counted_by_what_became_of_them(store):
    settle(a.an_event(store, received_at=NOON), NOON + timedelta(seconds=2))
    settle(a.an_event(store, received_at=NOON), NOON + timedelta(seconds=9), "dead")
    skipped = a.an_event(store, received_at=NOON)
    skipped.skip = "unchanged"
    settle(skipped, NOON + MINUTE, "skipped")
    settle(a.an_event(store, received_at=NOON, topic="carts/update"), NOON + MINUTE)

    run(NOON + 2 * MINUTE)

    assert lags() == [(NOON, "checkouts", 1, 1, 1, 0), (NOON, "orders", 3, 3, 1, 1)]
    orders = LagFigures.objects.get(resolution=Resolution.HOUR, data_type="orders")
    assert orders.lag == LAG.count([2])
    assert not UnfinishedMinute.objects.exists()


def test_past_data_is_no_question_about_now(store):
    a.an_event(store, received_at=NOON, lane=2, state="delivered")

    run(NOON + 2 * MINUTE)

    assert lags() == []


def test_a_message_that_waits_for_hours_is_counted_when_it_arrives(store):
    event = a.an_event(store, received_at=NOON)
    run(NOON + 2 * MINUTE)
    assert lags() == [(NOON, "orders", 1, 0, 0, 0)]
    assert run(NOON + HOUR) > 0
    assert run(NOON + 5 * HOUR) > 0

    settle(event, NOON + 5 * HOUR)
    assert run(NOON + 5 * HOUR) == 1
    assert run(NOON + 5 * HOUR) == 0

    assert lags() == [(NOON, "orders", 1, 1, 1, 0)]
    for resolution in Resolution:
        assert LagFigures.objects.get(resolution=resolution).lag == LAG.count([5 * 3600])
    assert not UnfinishedMinute.objects.exists()


def test_a_burst_after_a_silent_night_is_counted_in_full(store, monkeypatch):
    monkeypatch.setattr("integrations.pipeline.measuring_lags.AT_ONCE", 7)
    run(NOON + 12 * HOUR)
    start = NOON + 12 * HOUR
    events = [a.an_event(store, received_at=start + n * MINUTE / 3) for n in range(90)]
    run(start + 40 * MINUTE)
    for event in events:
        settle(event, start + 40 * MINUTE)

    run(start + 41 * MINUTE)

    assert sum(row[4] for row in lags()) == 90
    assert len(lags()) == 30
    assert sum(row[4] for row in lags(Resolution.DAY)) == 90


def test_a_message_of_a_clock_that_is_behind_is_counted_in_its_minute(store):
    settle(a.an_event(store, received_at=NOON), NOON)
    run(NOON + 2 * MINUTE)
    settle(a.an_event(store, received_at=NOON), NOON + 3 * MINUTE)

    run(NOON + 4 * MINUTE)

    assert lags() == [(NOON, "orders", 2, 2, 2, 0)]
    assert lags(Resolution.HOUR) == [(NOON, "orders", 2, 2, 2, 0)]


def test_a_message_of_a_clock_that_is_ahead_is_counted_in_its_minute(store):
    settle(a.an_event(store, received_at=NOON + 4 * MINUTE), NOON)

    run(NOON + 2 * MINUTE)
    assert lags() == []

    run(NOON + 6 * MINUTE)
    assert lags() == [(NOON + 4 * MINUTE, "orders", 1, 1, 1, 0)]
    assert LagFigures.objects.first().lag == LAG.count([0])


# --- depth ---------------------------------------------------------------------------------------


def test_what_waits_is_noted_each_minute_and_at_most_in_each_hour(store):
    for minutes in (1, 5):
        a.an_event(store, received_at=NOON - minutes * MINUTE)
    run(NOON)
    CauseCount.objects.create(cause=a.a_cause(store.merchant), store=store, state="open", records=3)
    run(NOON + MINUTE)

    hour = DepthFigures.objects.get(store=store, resolution=Resolution.HOUR)
    assert (hour.waiting, hour.oldest_seconds, hour.failed_open) == (2, 360, 3)
    assert DepthFigures.objects.filter(store=store, resolution=Resolution.MINUTE).count() == 2
    assert DepthFigures.objects.get(store=None, resolution=Resolution.DAY).waiting == 2


def test_a_shop_that_never_sells_has_no_rows_but_somebody_looked(store):
    run(NOON + 2 * MINUTE)

    assert not DepthFigures.objects.filter(store=store).exists()
    assert DepthFigures.objects.filter(store=None, waiting=0).count() == len(Resolution)
    assert lags() == calls() == []


# --- one at a time, and for how long -------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_runner_at_a_time():
    FigureMark.objects.create(name=measuring.MARK, counted_until=NOON)
    found = []

    def other():
        try:
            found.append(run(NOON + HOUR))
        finally:
            connection.close()

    with transaction.atomic():
        assert measuring._hold() is not None
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    assert found == [0]
    assert FigureMark.objects.get().counted_until == NOON


def test_each_resolution_is_kept_for_its_own_time(store):
    for resolution, days in ((0, 2), (0, 4), (1, 59), (1, 61), (2, 399), (2, 401)):
        DepthFigures.objects.create(
            store=None,
            resolution=resolution,
            start=NOON - timedelta(days=days),
            waiting=days,
            oldest_seconds=0,
            failed_open=0,
        )
    UnfinishedMinute.objects.create(store=store, minute=NOON - 4 * DAY, tallied=0)
    ScheduleRun.objects.create(name="x", began_at=NOON - 15 * DAY)

    maintenance.prune(now=NOON)

    assert set(DepthFigures.objects.values_list("waiting", flat=True)) == {2, 59, 399}
    assert not UnfinishedMinute.objects.exists()
    assert not ScheduleRun.objects.exists()


# --- schedules -----------------------------------------------------------------------------------


def test_a_run_leaves_when_it_began_and_ended(db):
    times = iter([NOON, NOON + MINUTE])

    with schedule_runs.kept(queue.SWEEP, clock=lambda: next(times)):
        assert ScheduleRun.objects.get().ended_at is None

    one = ScheduleRun.objects.get()
    assert (one.name, one.began_at, one.ended_at) == (queue.SWEEP, NOON, NOON + MINUTE)
    assert one.error == ""


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_run_that_fails_leaves_the_class_of_its_error_and_nothing_else(db, error):
    with (
        pytest.raises(error),
        schedule_runs.kept(queue.SWEEP, clock=lambda: NOON),
    ):
        raise error("mail of anna@mail.alpine-demo.shop")

    assert ScheduleRun.objects.get().error == error.__name__


def test_every_schedule_leaves_its_runs(db):
    for name in queue.SCHEDULES:
        task = getattr(tasks, name.rsplit(".", 1)[-1])
        assert task.__wrapped__.__doc__ == task.__doc__
        task()

    assert set(ScheduleRun.objects.values_list("name", flat=True)) == set(queue.SCHEDULES)
