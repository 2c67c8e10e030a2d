"""Sending failed records again, as people steer it: frozen, begun once, and in one place."""

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from integrations.domain.replays import ItemState, ReplayState
from integrations.models import AuditEntry, DeadLetter, Replay
from integrations.pipeline import audit, replays
from integrations.pipeline.failed_lists import FailedFilter
from tests import factories
from tests.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return factories.a_store()


@pytest.fixture
def owner(store):
    return factories.a_member(store.merchant, "olive@alpine-demo.shop")


def drafted(user, store, **changes):
    values = {
        "merchant": store.merchant,
        "by": audit.person(user, store.merchant),
        "key": uuid.uuid4(),
        "now": NOON,
    }
    wanted = changes.pop("wanted", FailedFilter())
    return replays.draft(user, wanted, **values | changes)


def begun(replay, user, **changes):
    values = {
        "confirmed": replays.open_now(replay),
        "by": audit.person(user, replay.merchant),
        "user": user,
        "now": NOON,
    }
    replays.start(replay, **values | changes)
    return replay


def states(replay):
    return {state.value: number for state, number in replays.counts(replay).items() if number}


def letters():
    return sorted(DeadLetter.objects.values_list("state", flat=True))


def test_a_draft_freezes_what_is_open_and_holds_nothing(store, owner):
    kept = [factories.a_dead_letter(store) for _ in range(3)]
    factories.a_dead_letter(store, state="binned")
    factories.a_dead_letter(factories.a_store())

    replay = drafted(owner, store)
    factories.a_dead_letter(store)

    listed = replay.items.order_by("position").values_list("dead_letter", "position")
    assert list(listed) == [(one.pk, place) for place, one in enumerate(kept, 1)]
    assert (replay.state, replay.total, replay.words) == (
        "draft",
        3,
        "Failed records that need a decision",
    )
    assert "sending" not in letters()


def test_the_same_form_sent_twice_drafts_once(store, owner):
    factories.a_dead_letter(store)
    key = uuid.uuid4()

    first, second = (drafted(owner, store, key=key) for _ in range(2))

    assert first == second
    assert Replay.objects.count() == 1
    with pytest.raises(replays.Refused):
        drafted(factories.a_user(is_staff=True), factories.a_store(), key=key)


def test_a_draft_of_single_records_names_them(store, owner):
    one, _other = factories.a_dead_letter(store), factories.a_dead_letter(store)

    replay = replays.draft_of(
        [one], merchant=store.merchant, by=audit.AUTOMATIC, key=uuid.uuid4(), now=NOON
    )

    assert [item.dead_letter_id for item in replay.items.all()] == [one.pk]
    assert replay.words == "One failed record"


def test_what_is_begun_leaves_the_open_list_and_is_begun_once(store, owner):
    for _ in range(3):
        factories.a_dead_letter(store)
    replay, rival = drafted(owner, store), drafted(owner, store)

    begun(replay, owner)

    assert letters() == ["sending"] * 3
    assert states(replay) == {"waiting": 3}
    assert (replay.state, replay.started_at) == ("running", NOON)
    with pytest.raises(replays.Refused, match="under way already"):
        begun(replay, owner, confirmed=3)
    # Somebody else's list of the same records has nothing left to send.
    with pytest.raises(replays.Refused, match="None of these"):
        begun(rival, owner, confirmed=3)
    assert states(rival) == {"listed": 3}


def test_a_selection_that_changed_since_it_was_counted_is_refused_with_both_numbers(store, owner):
    gone, *_others = [factories.a_dead_letter(store) for _ in range(3)]
    replay = drafted(owner, store)
    DeadLetter.objects.filter(pk=gone.pk).update(state="binned")

    with pytest.raises(replays.Refused, match="2 of 3 records"):
        begun(replay, owner, confirmed=3)
    begun(replay, owner, confirmed=2)

    assert states(replay) == {"waiting": 2, "left_out": 1}
    assert letters() == ["binned", "sending", "sending"]


def test_nobody_sends_more_than_their_role_may(store, monkeypatch):
    member = factories.a_member(store.merchant, role="member")
    for _ in range(3):
        factories.a_dead_letter(store)
    monkeypatch.setitem(replays.MOST_SENT_AGAIN, "member", 2)

    with pytest.raises(replays.Refused, match="2 failed records in one go"):
        begun(drafted(member, store), member)
    with pytest.raises(replays.Refused, match="may not send"):
        begun(drafted(member, store), factories.a_user())

    assert letters() == ["open"] * 3


def test_a_large_number_waits_for_a_second_person(store, owner, monkeypatch):
    monkeypatch.setattr(replays, "SECOND_PERSON_FROM", 2)
    for _ in range(2):
        factories.a_dead_letter(store)
    replay = drafted(owner, store)

    begun(replay, owner)

    assert replay.state == "awaiting"
    assert letters() == ["open", "open"]
    support = factories.a_user(is_staff=True)
    another = factories.a_member(store.merchant)
    for user in (owner, another):
        with pytest.raises(replays.Refused):
            replays.approve(replay, user, audit.person(user, store.merchant), NOON)
    replays.approve(replay, support, audit.person(support), NOON)
    assert (replay.state, replay.approved_by) == ("running", support)
    assert letters() == ["sending", "sending"]


def test_pausing_going_on_and_cancelling_are_written_down(store, owner):
    for _ in range(2):
        factories.a_dead_letter(store)
    replay = begun(drafted(owner, store), owner)
    by = audit.person(owner, store.merchant)

    replays.pause(replay, by=by, now=NOON)
    with pytest.raises(replays.Refused, match="paused"):
        replays.pause(replay, by=by, now=NOON)
    replays.go_on(replay, by=by, now=NOON)
    with pytest.raises(replays.Refused, match="under way"):
        replays.go_on(replay, by=by, now=NOON)
    replays.cancel(replay, by=by, now=NOON)

    assert states(replay) == {"left_out": 2}
    assert letters() == ["open", "open"]
    with pytest.raises(replays.Refused, match="cancelled"):
        replays.cancel(replay, by=by, now=NOON)
    told = AuditEntry.objects.filter(action__startswith="replay.").order_by("pk")
    assert [one.action.partition(".")[2] for one in told] == [
        "started",
        "paused",
        "went_on",
        "cancelled",
    ]


def test_cancelling_a_draft_touches_no_record_that_another_has_under_way(store, owner):
    factories.a_dead_letter(store)
    replay, rival = drafted(owner, store), drafted(owner, store)
    begun(replay, owner)

    replays.cancel(rival, by=audit.AUTOMATIC, now=NOON)

    assert letters() == ["sending"]
    assert states(rival) == {"left_out": 1}


def test_flows_may_start_only_for_a_reason_by_who_may_and_before_it_begins(store, owner):
    member = factories.a_member(store.merchant, role="member")
    factories.a_dead_letter(store)
    replay = drafted(owner, store)

    def choose(user, **changes):
        wanted = {"rate": 60, "most_failures": 5, "silent": False, "loud_reason": "They wait."}
        by = audit.person(user, store.merchant)
        replays.settings(replay, **wanted | changes, by=by, now=NOON)

    for user, changes, sentence in [
        (owner, {"loud_reason": " "}, "Say why"),
        (owner, {"rate": 0}, "a minute"),
        (owner, {"most_failures": 101}, "per cent"),
        (member, {}, "Ask an owner"),
    ]:
        with pytest.raises(replays.Refused, match=sentence):
            choose(user, **changes)
    choose(owner)
    assert (replay.rate, replay.most_failures, replay.silent) == (60, 5, False)
    begun(replay, owner)
    choose(owner, rate=120)
    assert replay.rate == 120
    with pytest.raises(replays.Refused, match="after it began"):
        choose(owner, silent=True)
    replays.cancel(replay, by=audit.AUTOMATIC, now=NOON)
    with pytest.raises(replays.Refused, match="cancelled"):
        choose(owner)


def test_failures_that_join_the_reasons_meanwhile_are_counted_apart(store, owner):
    factories.a_dead_letter(store)
    replay = drafted(owner, store)
    assert replays.joined(replay) == 0
    begun(replay, owner)

    later = NOON + timedelta(minutes=1)
    factories.a_dead_letter(store, failed_at=later)
    other = factories.a_cause(store.merchant, code="another")
    factories.a_dead_letter(store, failed_at=later, cause=other)

    assert replays.joined(replay) == 1


def test_what_has_lost_its_content_is_left_out(store, owner):
    factories.a_dead_letter(store)
    factories.a_dead_letter(store, erased_at=NOON)

    replay = begun(drafted(owner, store), owner)

    assert states(replay) == {"waiting": 1, "left_out": 1}


def test_drafts_nobody_confirmed_are_forgotten(store, owner):
    factories.a_dead_letter(store)
    drafted(owner, store)
    kept = begun(drafted(owner, store), owner)

    replays.prune(now=NOON + timedelta(days=8))

    assert list(Replay.objects.all()) == [kept]
    assert kept.state == ReplayState.RUNNING
    assert kept.items.get().state == ItemState.WAITING


def test_a_selection_of_nothing_is_a_draft_of_nothing_and_cannot_begin(store, owner):
    stranger = factories.a_user()
    for replay in (
        drafted(stranger, store),
        replays.draft_of(
            [], merchant=store.merchant, by=audit.AUTOMATIC, key=uuid.uuid4(), now=NOON
        ),
    ):
        assert replay.total == 0
        with pytest.raises(replays.Refused, match="None of these"):
            begun(replay, owner)


@pytest.mark.django_db(transaction=True)
def test_two_people_who_begin_the_same_records_at_once_send_each_of_them_once():
    store = factories.a_store()
    people = [factories.a_member(store.merchant) for _ in range(2)]
    for _ in range(40):
        factories.a_dead_letter(store)
    lists = [drafted(user, store) for user in people for _ in range(2)]
    gate = threading.Barrier(len(lists))

    def begin(place):
        replay, user = lists[place], people[place // 2]
        gate.wait(timeout=10)
        try:
            begun(replay, user, confirmed=40)
        except replays.Refused:
            return "refused"
        finally:
            connection.close()
        return "begun"

    with ThreadPoolExecutor(len(lists)) as pool:
        came_to = Counter(pool.map(begin, range(len(lists))))

    for replay in lists:
        replay.refresh_from_db()
    assert came_to == {"begun": 1, "refused": 3}
    assert sorted(replay.state for replay in lists) == ["draft", "draft", "draft", "running"]
    assert sum(states(replay).get("waiting", 0) for replay in lists) == 40
    assert letters() == ["sending"] * 40
