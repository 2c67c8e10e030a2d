"""Who works on a lane, in which order, and what happens when a worker dies."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from integrations.domain.lanes import Lane
from integrations.models import Attempt, DeadLetter, Delivery, Event, StoreLane, Tally
from integrations.models.lanes import LEASE
from integrations.pipeline import inbox
from tests import factories

from .conftest import an_order, events_of


class Died(BaseException):
    """A worker that ends in the middle of its work, like a killed process."""


def given_order(store, number, **changes):
    return factories.an_event(store, body=json.dumps(an_order(number)).encode(), **changes)


def claim(clock, by="test", **options):
    return StoreLane.objects.claim(by=by, now=clock(), **options)


def in_threads(count, what):
    """Run it in so many threads, each with a database connection of its own, at one moment."""
    start = threading.Barrier(count)

    def one(number):
        try:
            start.wait()
            return what(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


# --- claiming -----------------------------------------------------------------------------------


def test_of_many_workers_one_gets_the_lane(store, clock):
    given_order(store, 1)

    claims = in_threads(8, lambda number: claim(clock, by=f"worker {number}"))

    [winner] = [one for one in claims if one]
    assert StoreLane.objects.get(lane=0).epoch == winner.epoch


def test_many_workers_share_many_stores_without_doubling_any(clock, transactional_db):
    account = factories.an_account()
    stores = [factories.a_store(account, token="") for _ in range(6)]
    for store in stores:
        given_order(store, 1)

    claims = in_threads(6, lambda number: [claim(clock) for _ in range(3)])

    got = [one.store_id for some in claims for one in some if one]
    assert sorted(got) == sorted(store.pk for store in stores)


def test_a_lane_in_use_is_left_alone_until_its_lease_has_run_out(store, clock):
    given_order(store, 1)
    first = claim(clock)
    assert first

    clock.forward(seconds=LEASE.total_seconds() - 1)
    assert claim(clock) is None
    clock.forward(seconds=2)
    assert claim(clock).epoch > first.epoch


def test_live_goes_before_replay_before_backfill_before_report(store, clock):
    for lane in (Lane.REPORT, Lane.BACKFILL, Lane.LIVE, Lane.REPLAY):
        given_order(store, int(lane), lane=lane)

    order = [claim(clock).lane for _ in range(4)]

    assert order == [Lane.LIVE, Lane.REPLAY, Lane.BACKFILL, Lane.REPORT]


def test_stores_take_turns(clock, transactional_db, klaviyo, work):
    account = factories.an_account()
    stores = [factories.a_store(account, token="") for _ in range(3)]
    for store in stores:
        for number in range(4):
            given_order(store, number)
        StoreLane.objects.filter(store=store).update(batch_limit=1)

    served = []
    for _ in range(6):
        found = claim(clock)
        served.append(found.store_id)
        StoreLane.objects.filter(pk=found.pk).update(lease_until=None)
        clock.forward(milliseconds=1)

    assert served[:3] == served[3:] == [store.pk for store in stores]


def test_whoever_waited_longest_goes_first_now_and_then(store, clock):
    other = factories.a_store(store.klaviyo_account, token="")
    given_order(store, 1)
    given_order(other, 2, lane=Lane.BACKFILL)
    StoreLane.objects.filter(store=other).update(last_served_at=F("last_served_at") - LEASE)

    assert claim(clock, fair=True).store_id == other.pk
    assert claim(clock).store_id == store.pk


def test_threads_that_are_kept_for_live_work_take_nothing_else(store, clock):
    given_order(store, 1, lane=Lane.BACKFILL)

    assert claim(clock, lowest=Lane.LIVE) is None
    assert claim(clock, lowest=Lane.BACKFILL) is not None


@pytest.mark.parametrize("why", ["paused", "held", "resting", "not due", "nothing"])
def test_work_that_may_not_go_on_is_not_claimed(store, clock, why):
    if why != "nothing":
        given_order(store, 1, **({"next_attempt_at": clock() + LEASE} if why == "not due" else {}))
    match why:
        case "paused":
            store.paused_at = clock()
            store.save()
        case "held":
            type(store.klaviyo_account).objects.hold(
                store.klaviyo_account_id, reason="No.", now=clock()
            )
        case "resting":
            StoreLane.objects.update(not_before=clock() + LEASE)

    assert claim(clock) is None
    assert not StoreLane.objects.any_due(clock())


def test_a_paused_store_keeps_what_arrives_and_goes_on_later(store, post, work, klaviyo, clock):
    store.paused_at = clock()
    store.save()
    assert post(store, "orders/create", an_order()).status_code == 200
    assert work() == 0

    store.paused_at = None
    store.save()
    work()

    assert len(events_of(klaviyo, "Placed Order")) == 1


# --- losing the lane ----------------------------------------------------------------------------


def test_a_worker_whose_lane_was_taken_over_writes_nothing(store, work, klaviyo, clock):
    """Its calls may have had their effect; the same identities sent again change nothing."""
    for number in range(1, 6):
        given_order(store, number)
    mine = claim(clock)

    def somebody_else_takes_over(call):
        StoreLane.objects.filter(pk=mine.pk).update(
            epoch=F("epoch") + 1, lease_until=None, in_hand=[]
        )
        connection.close()

    klaviyo.script.answer_next(somebody_else_takes_over)
    assert inbox.work_off(mine, clock=clock, stopping=lambda: False) == 0

    assert set(Event.objects.values_list("state", "attempts")) == {("waiting", 0)}
    assert not Delivery.objects.filter(present=True).exists()
    assert not Tally.objects.exists()
    work()
    assert len(events_of(klaviyo, "Placed Order")) == 5
    assert set(Event.objects.values_list("state", "attempts")) == {("delivered", 1)}
    [tally] = Tally.objects.all()
    assert tally.delivered == 5


def test_two_workers_on_one_account_settle_side_by_side(clock, transactional_db, klaviyo):
    """Lanes of one account tell of the same people; nobody waits for the other in a circle."""
    account = factories.an_account()
    for _ in range(4):
        store = factories.a_store(account, token="")
        for number in range(60):
            changes = {"id": store.pk * 10**6 + number}
            body = json.dumps(an_order(number) | changes).encode()
            factories.an_event(store, body=body)

    def drain(number):
        while found := claim(clock, by=f"worker {number}"):
            inbox.work_off(found, clock=clock, stopping=lambda: False)

    in_threads(4, drain)

    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    assert len(events_of(klaviyo, "Placed Order")) == 240


# --- dying --------------------------------------------------------------------------------------


def dying_clock(clock, *, calls):
    """A clock that ends its worker when it is asked for the time so many times."""
    asked = iter(range(10**6))

    def read():
        if next(asked) >= calls:
            raise Died
        return clock()

    return read


@pytest.mark.parametrize("calls", range(1, 12))
def test_a_worker_may_die_at_any_moment_and_nothing_is_lost_or_doubled(
    store, post, work, klaviyo, clock, calls
):
    for number in range(1, 4):
        post(store, "orders/create", an_order(number))
    try:
        inbox.work_off(claim(clock), clock=dying_clock(clock, calls=calls), stopping=lambda: False)
        died = False
    except Died:
        died = True

    clock.forward(seconds=LEASE.total_seconds() + 1)
    for _ in range(5):
        work()
        clock.forward(minutes=1)

    assert len(events_of(klaviyo, "Placed Order")) == 3
    assert len(events_of(klaviyo, "Ordered Product")) == 3
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    assert Tally.objects.get().delivered == 3
    if died:
        assert Event.objects.filter(crashes=1).count() in {0, 3}
        assert Attempt.objects.filter(kind="crash").count() in {0, 3}


def test_a_poison_event_is_found_and_put_aside_and_its_neighbours_go_on(
    store, klaviyo, clock, monkeypatch
):
    poison = 37
    for number in range(60):
        given_order(store, number)
    marker = f'"#{1000 + poison}"'.encode()
    from integrations.pipeline import reading

    parse = reading.messages.parse

    def deadly(topic, body, *, triggered_at):
        if marker in body:
            raise Died
        return parse(topic, body, triggered_at=triggered_at)

    monkeypatch.setattr(reading.messages, "parse", deadly)
    deaths = 0
    for _ in range(60):
        found = claim(clock)
        if found is None:
            if not Event.objects.waiting().exists():
                break
            clock.forward(seconds=LEASE.total_seconds() + 1)
            continue
        try:
            inbox.work_off(found, clock=clock, stopping=lambda: False)
        except Died:
            deaths += 1
            clock.forward(seconds=LEASE.total_seconds() + 1)

    letter = DeadLetter.objects.get()
    assert letter.cause.code == "worker_died"
    assert marker in bytes(letter.event.body)
    assert letter.event.state == "dead"
    assert letter.attempts >= 3
    assert Event.objects.filter(state="delivered").count() == 59
    assert len(events_of(klaviyo, "Placed Order")) == 59
    assert deaths <= 10, "every death costs half a minute"
    totals = [(one.delivered, one.dead) for one in Tally.objects.all()]
    assert totals == [(59, 1)]


def test_after_a_death_batches_grow_again(store, work, klaviyo, clock):
    for number in range(100):
        given_order(store, number)
    assert claim(clock)
    StoreLane.objects.filter(lane=0).update(
        in_hand=list(Event.objects.values_list("pk", flat=True)), batch_limit=100
    )
    clock.forward(seconds=LEASE.total_seconds() + 1)

    taken = []
    while found := claim(clock):
        taken.append(inbox.work_off(found, clock=clock, stopping=lambda: False))

    assert taken[:3] == [10, 20, 40]
    assert sum(taken) == 100


# --- stopping -----------------------------------------------------------------------------------


def test_a_worker_that_is_asked_to_stop_gives_its_work_back(store, work, klaviyo, clock):
    for number in range(5):
        given_order(store, number)

    work(stopping=lambda: True, rounds=1)

    lane = StoreLane.objects.get(lane=0)
    assert (lane.lease_until, lane.in_hand) == (None, [])
    assert set(Event.objects.values_list("state", "attempts")) == {("waiting", 0)}
    assert not klaviyo.calls
    work()
    assert len(events_of(klaviyo, "Placed Order")) == 5


def test_a_store_keeps_its_order(store, post, work, klaviyo, clock):
    person = {"id": 5, "email": "ann@mail.alpine-demo.shop"}
    for number in range(20):
        said = {"first_name": f"Ann {number}", "updated_at": "2026-11-20T12:00:00Z"}
        post(store, "customers/update", person | said)
    StoreLane.objects.update(batch_limit=3)

    work()

    account = klaviyo.accounts["DEMO01"]
    assert account.people.find("email", person["email"]).fields["first_name"] == "Ann 19"


def test_bodies_of_one_batch_are_bounded_together(store, clock, monkeypatch):
    monkeypatch.setattr(inbox, "MOST_BYTES", 10_000)
    for _ in range(6):
        factories.an_event(store, body=b" " * 4000 + b"{}")
    factories.an_event(
        store, body=b" " * 50_000 + b"{}", next_attempt_at=factories.NOON - timedelta(hours=1)
    )

    taken = []
    while found := claim(clock):
        taken.append(inbox.work_off(found, clock=clock, stopping=lambda: False))

    assert taken == [1, 2, 2, 2]
