"""Beginning and cancelling large replays: a batch at a time, from wherever the last one ended."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from integrations import queue
from integrations.domain.replays import ItemState
from integrations.models import DeadLetter, Replay
from integrations.pipeline import audit, replay_moves, replaying, replays
from tests import factories

from .replays_world import begun, drafted, letters, staff, states, turns

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Four records are many, and go two at a time."""
    monkeypatch.setattr(replays, "AT_ONCE", 3)
    monkeypatch.setattr(replay_moves, "BATCH", 2)


@pytest.fixture
def store():
    return factories.a_store()


def given_open(store, number):
    return [factories.a_dead_letter(store) for _ in range(number)]


def moves(replay, clock, number):
    """Take so many turns of moving, and read the replay."""
    for _ in range(number):
        claim = Replay.objects.claim(by="test", now=clock())
        replaying.take_turn(claim, now=clock())
    replay.refresh_from_db()


def begins(replay, user, clock, confirmed=None):
    number = replays.open_now(replay) if confirmed is None else confirmed
    by = audit.person(user)
    replays.start(replay, confirmed=number, by=by, user=user, now=clock())


def test_a_large_one_is_only_marked_in_the_request_and_taken_off_the_list_in_batches(store, clock):
    given_open(store, 5)

    replay = begun(store, clock)

    assert replay.state == "beginning"
    assert letters() == ["open"] * 5
    moves(replay, clock, 2)
    assert (replay.state, states(replay)) == ("beginning", {"waiting": 4, "listed": 1})
    assert letters().count("sending") == 4
    moves(replay, clock, 2)
    assert (replay.state, states(replay)) == ("running", {"waiting": 5})
    assert replay.causes == sorted(set(DeadLetter.objects.values_list("cause", flat=True)))


def test_what_the_request_costs_does_not_grow_with_the_records(store, clock):
    given_open(store, 4)
    user = staff()
    few = drafted(store, clock, user=user)
    with CaptureQueriesContext(connection) as of_few:
        begins(few, user, clock)
    replays.cancel(few, by=audit.AUTOMATIC, now=clock())
    moves(few, clock, 3)
    given_open(store, 8)
    many = drafted(store, clock, user=user)

    with CaptureQueriesContext(connection) as of_many:
        begins(many, user, clock)

    assert len(of_many) == len(of_few)
    writes = [one["sql"] for one in of_many if "integrations_deadletter" in one["sql"]]
    assert not [one for one in writes if one.startswith(("UPDATE", "INSERT", "DELETE"))]


def test_nothing_is_let_go_before_all_of_it_is_off_the_list(store, clock):
    given_open(store, 5)
    replay = begun(store, clock)

    assert turns(clock, 2) == 0

    assert replays.counts(replay)[ItemState.ON_WAY] == 0


def test_a_crash_between_or_within_batches_loses_and_doubles_nothing(store, clock):
    given_open(store, 6)
    replay = begun(store, clock)
    moves(replay, clock, 1)
    claim = Replay.objects.claim(by="dies", now=clock())
    with transaction.atomic():
        replaying.take_turn(claim, now=clock())
        transaction.set_rollback(True)
    assert states(replay) == {"waiting": 2, "listed": 4}

    assert Replay.objects.claim(by="too soon", now=clock()) is None
    clock.forward(minutes=1)
    # Whoever was taken for dead comes back, and has no say any more.
    newer = Replay.objects.claim(by="next", now=clock())
    replaying.take_turn(claim, now=clock())
    assert states(replay) == {"waiting": 2, "listed": 4}
    replaying.take_turn(newer, now=clock())
    moves(replay, clock, 2)

    assert (replay.state, states(replay)) == ("running", {"waiting": 6})


def test_a_second_person_finds_no_longer_counted_what_is_about_to_be_taken(store, clock):
    given_open(store, 5)
    mine, theirs = staff(), factories.a_user("second@alpine-demo.shop", is_staff=True)
    first = drafted(store, clock, user=mine)
    second = drafted(store, clock, user=theirs)
    begins(first, mine, clock)

    with pytest.raises(replays.Refused, match="None of these"):
        begins(second, theirs, clock, confirmed=5)
    moves(first, clock, 1)
    with pytest.raises(replays.Refused, match="None of these"):
        begins(second, theirs, clock, confirmed=5)

    moves(first, clock, 3)
    assert states(first) == {"waiting": 5}
    assert states(second) == {"listed": 5}


def test_a_second_click_begins_nothing_twice(store, clock):
    given_open(store, 5)
    user = staff()
    replay = drafted(store, clock, user=user)
    begins(replay, user, clock)

    with pytest.raises(replays.Refused, match="under way"):
        begins(replay, user, clock, confirmed=5)


def test_what_was_settled_meanwhile_is_left_out_and_the_rest_goes(store, clock):
    rows = given_open(store, 5)
    replay = begun(store, clock)
    DeadLetter.objects.filter(pk=rows[3].pk).update(state="binned")

    moves(replay, clock, 4)

    assert (replay.state, states(replay)) == ("running", {"waiting": 4, "left_out": 1})
    assert letters() == ["binned", *["sending"] * 4]


def test_cancelled_while_it_begins_all_is_put_back_in_batches(store, clock):
    given_open(store, 5)
    replay = begun(store, clock)
    moves(replay, clock, 1)

    replays.cancel(replay, by=audit.AUTOMATIC, now=clock())

    assert replay.state == "cancelling"
    assert letters().count("sending") == 2
    with pytest.raises(replays.Refused, match="being cancelled"):
        replays.cancel(replay, by=audit.AUTOMATIC, now=clock())
    moves(replay, clock, 4)
    assert (replay.state, states(replay)) == ("cancelled", {"left_out": 5})
    assert replay.finished_at is not None
    assert letters() == ["open"] * 5


def test_a_cancelled_draft_puts_back_nothing_that_another_has_under_way(store, clock):
    given_open(store, 5)
    user = staff()
    other = drafted(store, clock, user=user)
    replay = begun(store, clock, user=user)
    moves(replay, clock, 4)
    replays.pause(replay, by=audit.AUTOMATIC, now=clock())

    replays.cancel(other, by=audit.AUTOMATIC, now=clock())
    while other.state == "cancelling":
        moves(other, clock, 1)

    assert states(other) == {"left_out": 5}
    assert states(replay) == {"waiting": 5}
    assert letters() == ["sending"] * 5


def test_a_lost_nudge_is_found_by_the_sweep(store, clock):
    given_open(store, 5)
    replay = begun(store, clock)
    OrmQ.objects.all().delete()

    replaying.wake(now=clock())

    assert [one.task["func"] for one in OrmQ.objects.all()] == [queue.REPLAY]
    is_begun = Replay.objects.filter(state="running").exists
    replaying.run(clock=clock, stopping=is_begun)
    assert states(replay) == {"waiting": 5}
