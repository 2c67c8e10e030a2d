"""Failed records on their way again: in stages, held with their shop, settled one by one."""

import json
from contextlib import suppress
from datetime import timedelta

import pytest

from integrations.domain.lanes import Lane
from integrations.models import (
    AuditEntry,
    DeadLetter,
    DeadLetterTry,
    Event,
    Replay,
    ReplayItem,
    StoreLane,
    Tally,
)
from integrations.pipeline import audit, inbox, jobs, replaying, replays, upkeep
from integrations.pipeline.replaying import NO_LOGIN, PAUSED
from sandbox.messages import Reply
from tests import factories

from .conftest import an_order, events_of
from .replays_world import (
    begun,
    events,
    finish,
    given,
    given_order,
    letters,
    repaired,
    states,
    turns,
    work,
)

# Klaviyo refuses this one by a rule we check ourselves.
BAD = {"processed_at": "1999-01-01T00:00:00Z", "created_at": "1999-01-01T00:00:00Z"}


def given_dead_orders(store, clock, count, **changes):
    """Orders whose time no rule allows, as failed records."""
    for number in range(count):
        given_order(store, number, clock, **BAD | changes)
    work(clock)
    found = list(DeadLetter.objects.filter(kind="placed_order").order_by("pk"))
    assert len(found) == count
    DeadLetter.objects.exclude(kind="placed_order").update(state="binned")
    return found


def mend(letter, **changes):
    """Give an order a time that is allowed."""
    content = json.loads(bytes(letter.payload))
    return repaired(letter, content | {"time": "2026-11-20T10:00:00Z"} | changes)


def counted(**wanted):
    """What the figures say of all that arrived."""
    rows = list(Tally.objects.all())
    found = {name: sum(getattr(row, name) for row in rows) for name in wanted}
    assert found == wanted


def test_a_repaired_record_arrives_once_and_is_settled(klaviyo, store, clock):
    [letter] = given_dead_orders(store, clock, 1)
    counted(dead=1, delivered=0)
    mend(letter, value=120.5, profile={"email": "right@mail.alpine-demo.shop"})

    replay = finish(begun(store, clock), clock)

    [told] = events_of(klaviyo, "Placed Order")
    assert (told["value"], told["email"]) == (120.5, "right@mail.alpine-demo.shop")
    letter.refresh_from_db()
    assert (letter.state, letter.settled_as) == ("resolved", "sent")
    assert (replay.state, states(replay)) == ("done", {"sent": 1})
    event = Event.objects.get()
    assert (event.state, event.lane) == ("delivered", Lane.REPLAY)
    counted(dead=0, delivered=1)
    done = AuditEntry.objects.get(action="replay.finished")
    assert done.after == {"sent": 1}


def test_an_unrepaired_record_fails_again_and_keeps_both_failures(klaviyo, store, clock):
    [letter] = given_dead_orders(store, clock, 1)
    before = bytes(letter.payload)

    replay = finish(begun(store, clock), clock)

    letter.refresh_from_db()
    assert (letter.state, letter.times, bytes(letter.payload)) == ("open", 2, before)
    assert DeadLetterTry.objects.get().message == letter.message
    item = replay.items.get()
    assert (item.state, item.message) == ("failed", letter.message)
    assert (replay.state, Event.objects.get().state) == ("done", "dead")
    counted(dead=1, delivered=0)
    assert DeadLetter.objects.filter(event=letter.event, identity=letter.identity).count() == 1


def test_one_goes_first_then_ten_then_the_rest(klaviyo, store, clock):
    for letter in given_dead_orders(store, clock, 30):
        mend(letter)
    begun(store, clock)

    gone = []
    for _ in range(8):
        gone.append(turns(clock))
        work(clock)

    assert [number for number in gone if number] == [1, 10, 19]
    assert len(events_of(klaviyo, "Placed Order")) == 30
    assert Replay.objects.get().state == "done"


def test_a_first_one_that_fails_stops_it_and_a_person_lets_it_go_on(klaviyo, store, clock):
    first, *others = given_dead_orders(store, clock, 3)
    for letter in others:
        mend(letter)

    replay = finish(begun(store, clock), clock)

    assert (replay.state, replay.reason) == ("stopped", "The first one failed again.")
    assert states(replay) == {"failed": 1, "waiting": 2}
    assert letters().count("sending") == 2
    replays.go_on(replay, by=audit.AUTOMATIC, now=clock())
    finish(replay, clock)
    assert (replay.state, states(replay)) == ("done", {"failed": 1, "sent": 2})
    first.refresh_from_db()
    assert first.state == "open"


def test_a_share_of_failures_above_the_limit_stops_the_second_stage(klaviyo, store, clock):
    for place, letter in enumerate(given_dead_orders(store, clock, 20)):
        if place < 8:
            mend(letter)

    replay = finish(begun(store, clock), clock)

    assert (replay.state, replay.stage) == ("stopped", "ten")
    assert replay.reason == "3 of 10 failed again, which is more than 20 %."
    assert states(replay) == {"sent": 8, "failed": 3, "waiting": 9}
    assert AuditEntry.objects.filter(action="replay.stopped").count() == 1


def test_cancelled_in_the_middle_what_waits_is_open_and_what_is_on_its_way_ends(
    klaviyo, store, clock
):
    for letter in given_dead_orders(store, clock, 5):
        mend(letter)
    replay = begun(store, clock)
    turns(clock)

    replays.cancel(replay, by=audit.AUTOMATIC, now=clock())
    work(clock)
    turns(clock, 3)
    work(clock)

    assert states(replay) == {"sent": 1, "left_out": 4}
    assert [letters().count(one) for one in ("open", "resolved")] == [4, 1]
    assert len(events_of(klaviyo, "Placed Order")) == 1
    # They can be sent by another replay.
    assert finish(begun(store, clock), clock).state == "done"
    assert len(events_of(klaviyo, "Placed Order")) == 5


@pytest.mark.parametrize("what", ["pause", "login"])
def test_it_is_held_with_its_shop_or_account_and_burns_no_try(klaviyo, store, clock, what):
    [letter] = given_dead_orders(store, clock, 1)
    mend(letter)
    replay = begun(store, clock)
    account = store.klaviyo_account
    if what == "pause":
        store.paused_at = clock()
    else:
        account.held_since = clock()
    store.save()
    account.save()

    assert turns(clock, 3) == 0

    replay.refresh_from_db()
    event = Event.objects.get(pk=letter.event_id)
    assert (replay.state, states(replay)) == ("running", {"waiting": 1})
    assert replay.wait_reason == (PAUSED if what == "pause" else NO_LOGIN)
    assert (event.state, event.attempts) == ("dead", 1)
    store.paused_at = account.held_since = None
    store.save()
    account.save()
    assert finish(replay, clock).state == "done"


def test_a_login_that_dies_half_way_holds_the_rest_and_nothing_is_lost_or_sent_twice(
    klaviyo, store, clock
):
    for letter in given_dead_orders(store, clock, 5):
        mend(letter)
    replay = begun(store, clock)
    turns(clock)
    work(clock)
    turns(clock, 2)
    klaviyo.script.revoked = {"pk_demo"}
    work(clock)

    turns(clock, 3)
    work(clock)

    assert states(replay) == {"sent": 1, "on_way": 4}
    assert DeadLetter.objects.filter(state="sending").count() == 4
    assert not DeadLetter.objects.filter(times__gt=1).exists()
    klaviyo.script.revoked = set()
    clock.forward(minutes=6)
    upkeep.check_due(clock=clock, stopping=lambda: False)
    clock.forward(hours=2)
    assert finish(replay, clock).state == "done"
    assert states(replay) == {"sent": 5}
    assert len(events_of(klaviyo, "Placed Order")) == 5


class Died(BaseException):
    """A worker that ends in the middle of its work."""


def test_a_worker_killed_while_it_sends_leaves_nothing_behind(klaviyo, store, clock):
    [letter] = given_dead_orders(store, clock, 1)
    mend(letter)
    replay = begun(store, clock)
    turns(clock)
    for looks in range(8):
        left = iter(range(looks))

        def dying(left=left):
            if next(left, None) is None:
                raise Died
            return clock()

        claim = StoreLane.objects.claim(by="test", now=clock())
        if claim is None:
            break
        try:
            inbox.work_off(claim, clock=dying, stopping=lambda: False)
        except Died:
            clock.forward(seconds=31)

    assert finish(replay, clock).state == "done"
    item = replay.items.get()
    letter.refresh_from_db()
    assert (item.state, letter.state) in {("sent", "resolved"), ("failed", "open")}
    assert len(events_of(klaviyo, "Placed Order")) == (item.state == "sent")


def test_a_message_that_kills_its_worker_gives_its_records_back_with_that_failure(
    klaviyo, store, clock
):
    [letter] = given_dead_orders(store, clock, 1)
    replay = begun(store, clock)
    turns(clock)
    for _ in range(8):
        claim = StoreLane.objects.claim(by="test", now=clock())
        if claim:
            left = iter(range(1))

            def dying(left=left):
                if next(left, None) is None:
                    raise Died
                return clock()

            with suppress(Died):
                inbox.work_off(claim, clock=dying, stopping=lambda: False)
        clock.forward(seconds=31)
        if Event.objects.get(pk=letter.event_id).state == "dead":
            break

    letter.refresh_from_db()
    assert (letter.state, letter.cause.code) == ("open", "worker_died")
    assert DeadLetter.objects.filter(event=letter.event).exclude(pk=letter.pk).count() <= 1
    assert not DeadLetter.objects.filter(identity="").exists()
    assert states(replay) == {"failed": 1}


def test_a_turn_of_a_lost_worker_is_taken_over_and_its_own_writes_nothing(klaviyo, store, clock):
    for letter in given_dead_orders(store, clock, 2):
        mend(letter)
    replay = begun(store, clock)
    lost = Replay.objects.claim(by="lost", now=clock())
    assert Replay.objects.claim(by="other", now=clock()) is None
    clock.forward(seconds=31)

    taken = Replay.objects.claim(by="other", now=clock())

    assert taken.epoch > lost.epoch
    assert replaying.take_turn(lost, now=clock()) == 0
    assert replaying.take_turn(taken, now=clock()) == 1
    assert states(replay) == {"waiting": 1, "on_way": 1}


def test_what_nobody_chose_of_a_message_is_held_back_and_keeps_it_dead(klaviyo, store, clock):
    given_order(store, 1, clock, **BAD)
    given_order(store, 2, clock, **BAD)
    work(clock)
    for event in Event.objects.all():
        factories.a_dead_letter(
            store, event=event, identity=f"ordered_product:{store.pk}:x{event.pk}", kind="profile"
        )
    chosen = DeadLetter.objects.filter(kind="placed_order").order_by("pk")
    for letter in chosen:
        mend(letter)
    replay = replays.draft_of(
        list(chosen),
        merchant=store.merchant,
        by=audit.AUTOMATIC,
        key="9b2f0d5e-0000-4000-8000-000000000001",
        now=clock(),
    )
    user = factories.a_user(is_staff=True)
    by = audit.person(user)
    replays.start(replay, confirmed=2, by=by, user=user, now=clock())

    finish(replay, clock)

    assert states(replay) == {"sent": 2}
    assert len(events_of(klaviyo, "Placed Order")) == 2
    assert events_of(klaviyo, "Ordered Product") == []
    assert set(events()) == {"dead"}
    counted(dead=2, delivered=0)


def test_what_is_left_of_a_message_in_the_bin_does_not_keep_it_dead(klaviyo, store, clock):
    [letter] = given_dead_orders(store, clock, 1)
    mend(letter)
    assert DeadLetter.objects.filter(state="binned", event=letter.event).exists()

    finish(begun(store, clock), clock)

    assert events() == ["delivered"]


def test_a_record_klaviyo_already_has_is_known_and_not_sent(klaviyo, store, clock):
    [letter] = given_dead_orders(store, clock, 1)
    mend(letter)
    given(store, "orders/updated", json.dumps(an_order(0)).encode(), clock)
    work(clock)
    assert len(events_of(klaviyo, "Placed Order")) == 1

    replay = finish(begun(store, clock), clock)

    letter.refresh_from_db()
    assert states(replay) == {"known": 1}
    assert (letter.state, letter.settled_as) == ("resolved", "known")
    assert len(events_of(klaviyo, "Placed Order")) == 1


def test_a_message_nobody_could_read_is_repaired_as_a_whole(klaviyo, store, clock):
    given(store, "orders/create", b"{broken", clock)
    work(clock)
    letter = DeadLetter.objects.get()

    replay = finish(begun(store, clock), clock)
    letter.refresh_from_db()
    assert (states(replay), letter.times) == ({"failed": 1}, 2)
    repaired(letter, an_order(7))
    replay = finish(begun(store, clock), clock)

    assert states(replay) == {"sent": 1}
    assert len(events_of(klaviyo, "Placed Order")) == 1
    assert events() == ["delivered"]
    assert bytes(Event.objects.get().body) == b"{broken", "what came in is never changed"


def test_a_message_that_can_be_read_now_and_is_refused_is_replaced_by_its_parts(
    klaviyo, store, clock
):
    given(store, "orders/create", b"{broken", clock)
    work(clock)
    letter = DeadLetter.objects.get()
    repaired(letter, an_order(7, **BAD))

    replay = finish(begun(store, clock), clock)

    letter.refresh_from_db()
    assert states(replay) == {"failed": 1}
    assert (letter.state, letter.settled_as) == ("resolved", "replaced")
    assert DeadLetter.objects.filter(state="open", kind="placed_order").count() == 1
    assert events() == ["dead"]


@pytest.mark.parametrize(
    ("hours", "silent", "flag"), [(1, True, False), (5, True, True), (5, False, False)]
)
def test_only_young_messages_may_start_flows_unless_somebody_said_why(
    klaviyo, store, clock, hours, silent, flag
):
    at = timedelta(hours=hours)
    given(store, "orders/create", json.dumps(an_order(1, **BAD)).encode(), clock, ago=at)
    work(clock)
    DeadLetter.objects.exclude(kind="placed_order").update(state="binned")
    mend(DeadLetter.objects.get(kind="placed_order"))
    changes = {} if silent else {"silent": False, "loud_reason": "They wait for it."}

    finish(begun(store, clock, **changes), clock)

    [told] = events_of(klaviyo, "Placed Order")
    assert told["backfill"] is flag


def given_people(store, clock, count, phone=""):
    for number in range(count):
        person = {
            "id": number + 1,
            "email": f"person{number}@mail.alpine-demo.shop",
            "updated_at": "2026-11-20T12:00:00Z",
        } | ({"phone": phone} if number == 0 and phone else {})
        given(store, "customers/update", json.dumps(person).encode(), clock)


def test_a_person_refused_by_a_bulk_job_long_afterwards_is_open_again(klaviyo, store, clock):
    taken = "+4915123456789"
    account = klaviyo.accounts["DEMO01"]
    account.people.upsert(None, {"email": "person0@mail.alpine-demo.shop"}, 0.0)
    account.people.upsert(None, {"email": "moved@mail.alpine-demo.shop"}, 0.0)
    account.people.upsert(None, {"phone_number": taken}, 0.0)
    given_people(store, clock, 30, phone=taken)
    work(clock)
    clock.forward(minutes=2)
    jobs.follow_due(clock=clock, stopping=lambda: False)
    letter = DeadLetter.objects.get()
    repaired(letter, {"email": "moved@mail.alpine-demo.shop", "phone_number": taken})
    # Others of the same batch, so that the replay's own goes in a bulk job again.
    replay = begun(store, clock)
    turns(clock)
    for number in range(100, 130):
        person = {"id": number, "email": f"p{number}@mail.alpine-demo.shop"}
        person["updated_at"] = "2026-11-20T12:00:00Z"
        event = given(store, "customers/update", json.dumps(person).encode(), clock)
        Event.objects.filter(pk=event.pk).update(lane=Lane.REPLAY)
    work(clock)
    assert states(replay) == {"sent": 1}

    clock.forward(minutes=2)
    jobs.follow_due(clock=clock, stopping=lambda: False)

    letter.refresh_from_db()
    assert (letter.state, letter.times) == ("open", 2)
    assert states(replay) == {"failed": 1}
    assert DeadLetter.objects.count() == 1
    assert Event.objects.get(pk=letter.event_id).state == "dead"


def test_an_outage_half_way_is_waited_out(klaviyo, store, clock):
    for letter in given_dead_orders(store, clock, 3):
        mend(letter)
    replay = begun(store, clock)
    klaviyo.script.answer_next(Reply(500), times=2, match="/api/event")

    for _ in range(6):
        finish(replay, clock, rounds=3)
        clock.forward(minutes=5)

    replay.refresh_from_db()
    assert (replay.state, states(replay)) == ("done", {"sent": 3})
    assert len(events_of(klaviyo, "Placed Order")) == 3


def test_what_was_fetched_afresh_settles_the_record_it_stands_for(klaviyo, store, clock):
    [letter] = given_dead_orders(store, clock, 1)
    fresh = given(store, "orders/updated", json.dumps(an_order(0)).encode(), clock)
    Event.objects.filter(pk=fresh.pk).update(lane=Lane.REPLAY)
    DeadLetter.objects.filter(pk=letter.pk).update(state="sending", replaced_by=fresh)

    work(clock)

    letter.refresh_from_db()
    assert (letter.state, letter.settled_as) == ("resolved", "replaced")
    assert events() == ["delivered", "skipped"]
    counted(dead=0, delivered=1, skipped=1)


def test_a_worker_takes_all_turns_by_itself(klaviyo, store, clock):
    for letter in given_dead_orders(store, clock, 2):
        mend(letter)
    replay = begun(store, clock)

    def stopping():
        work(clock)
        clock.forward(seconds=1)
        return False

    replaying.run(clock=clock, stopping=stopping)

    replay.refresh_from_db()
    assert (replay.state, states(replay)) == ("done", {"sent": 2})
    assert ReplayItem.objects.filter(state="sent").count() == 2
