"""The bin: what was counted is what moves, messages and figures follow, and all of it goes back."""

from datetime import timedelta
from uuid import uuid4

import pytest

from integrations.domain.permissions import MOST_SENT_AGAIN, Role
from integrations.models import (
    AuditEntry,
    Binning,
    BinningItem,
    CauseCount,
    DeadLetter,
    Event,
    SyncWindow,
    Tally,
)
from integrations.pipeline import audit, binning
from integrations.pipeline.binning import Refused
from integrations.pipeline.failed_lists import FailedFilter
from tests import factories as a
from tests.factories import NOON

pytestmark = pytest.mark.django_db
EVERYTHING = FailedFilter()
BINNED = FailedFilter(state="binned")


@pytest.fixture
def store():
    return a.a_store()


@pytest.fixture
def owner(store):
    return a.a_member(store.merchant)


def put(user, wanted, confirmed, **changes):
    by = audit.person(user)
    told = {"reason": "A test import", "now": NOON, "by": by} | changes
    return binning.put(user, wanted, confirmed=confirmed, **told)


def take_out(user, wanted, confirmed, **changes):
    told = {"now": NOON + timedelta(hours=1), "by": audit.person(user)} | changes
    return binning.take_out(user, wanted, confirmed=confirmed, **told)


def a_dead_event(store, **changes):
    event = a.an_event(store, state="dead", **changes)
    a_tally(store, dead=1)
    return event


def a_tally(store, **counts):
    row, _ = Tally.objects.get_or_create(store=store, minute=NOON)
    for name, more in counts.items():
        setattr(row, name, getattr(row, name) + more)
    row.save()


def figures(store):
    return tuple(Tally.objects.values_list("delivered", "skipped", "dead").get(store=store))


def test_a_record_in_the_bin_says_who_why_and_when_and_its_message_ends_as_skipped(store, owner):
    one = a.a_dead_letter(store, event=a_dead_event(store))

    made = put(owner, [one], 1)

    one.refresh_from_db()
    assert (one.state, one.bin_reason, one.binned_by, one.binned_at) == (
        "binned", "A test import", owner, NOON,
    )  # fmt: skip
    event = Event.objects.get()
    assert (event.state, event.skip) == ("skipped", "set_aside")
    assert figures(store) == (0, 1, 0)
    assert (made.total, made.moved, made.left_out, made.finished_at) == (1, 1, 0, NOON)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason, entry.store) == ("bin.put", "A test import", store)
    assert entry.after["count"] == 1


def test_a_message_needs_a_person_as_long_as_one_of_its_records_is_open(store, owner):
    event = a_dead_event(store)
    one, other = (a.a_dead_letter(store, event=event, identity=name) for name in "ab")

    put(owner, [one], 1)
    assert Event.objects.get().state == "dead"
    assert figures(store) == (0, 0, 1)

    put(owner, [other], 1)
    assert Event.objects.get().skip == "set_aside"
    assert figures(store) == (0, 1, 0)


def test_taken_out_it_needs_a_decision_again_and_every_figure_is_as_before(store, owner):
    one = a.a_dead_letter(store, event=a_dead_event(store))
    put(owner, EVERYTHING, 1)

    take_out(owner, BINNED, 1)

    one.refresh_from_db()
    assert (one.state, one.binned_at, one.binned_by, one.bin_reason) == ("open", None, None, "")
    assert (Event.objects.get().state, Event.objects.get().skip) == ("dead", "")
    assert figures(store) == (0, 0, 1)
    counted = CauseCount.objects.exclude(records=0).values_list("state", "records")
    assert list(counted) == [("open", 1)]


def test_a_period_of_past_data_still_adds_up_when_its_failures_go_and_come_back(store, owner):
    window = a.a_sync_window(
        a.a_sync_job(store, state="done"), state="done", found=3, sent=1, failed=2
    )
    events = [a.an_event(store, state="dead", window=window, lane=2) for _ in range(2)]
    for event in events:
        a.a_dead_letter(store, event=event)

    put(owner, EVERYTHING, 2)
    assert SyncWindow.objects.values_list("skipped", "failed").get() == (2, 0)

    take_out(owner, BINNED, 2)
    assert SyncWindow.objects.values_list("skipped", "failed").get() == (0, 2)


def test_a_message_that_arrived_but_for_a_binned_part_needs_a_person_when_that_comes_out(
    store, owner
):
    event = a.an_event(store, state="delivered")
    a_tally(store, delivered=1)
    a.a_dead_letter(store, event=event, state="binned", binned_at=NOON)

    take_out(owner, BINNED, 1)

    assert Event.objects.get().state == "dead"
    assert figures(store) == (0, 0, 1)


def test_what_is_on_its_way_again_is_refused_by_name_and_left_alone_in_a_filter(store, owner):
    sending = a.a_dead_letter(store, state="sending")
    still = a.a_dead_letter(store)

    with pytest.raises(Refused, match="1 of these is on the way to Klaviyo again"):
        put(owner, [sending, still], 2)
    put(owner, FailedFilter(state=""), 1)

    assert set(DeadLetter.objects.values_list("pk", "state")) == {
        (sending.pk, "sending"),
        (still.pk, "binned"),
    }


def test_a_number_that_changed_since_it_was_seen_moves_nothing(store, owner):
    for _ in range(2):
        a.a_dead_letter(store)

    with pytest.raises(Refused, match="You confirmed 1 records, and by now it would be 2"):
        put(owner, EVERYTHING, 1)

    assert not Binning.objects.exists()
    assert not AuditEntry.objects.exists()
    assert set(DeadLetter.objects.values_list("state", flat=True)) == {"open"}


def test_a_reason_is_asked_for(store, owner):
    one = a.a_dead_letter(store)

    with pytest.raises(Refused, match="Say why"):
        put(owner, [one], 1, reason="  ")


def test_more_than_a_role_may_move_is_refused_with_the_number(store, monkeypatch):
    monkeypatch.setitem(MOST_SENT_AGAIN, Role.MEMBER, 2)
    member = a.a_member(store.merchant, role="member")
    for _ in range(3):
        a.a_dead_letter(store)

    with pytest.raises(Refused, match="at most 2"):
        put(member, EVERYTHING, 3)

    assert set(DeadLetter.objects.values_list("state", flat=True)) == {"open"}


def test_nobody_moves_the_records_of_others_and_staff_those_of_one_business_at_a_time(store):
    mine = a.a_dead_letter(store)
    a.a_dead_letter(a.a_store())
    foreigner, support = a.a_member(a.a_merchant()), a.a_user(is_staff=True)

    with pytest.raises(Refused, match="None of these"):
        put(foreigner, [mine], 1)
    with pytest.raises(Refused, match="several businesses"):
        put(support, EVERYTHING, 2)
    put(support, FailedFilter(store=store.public_id), 1)

    mine.refresh_from_db()
    assert mine.state == "binned"


def test_a_second_click_finds_what_the_first_made(store, owner):
    one, key = a.a_dead_letter(store), uuid4()

    first = put(owner, [one], 1, key=key)
    second = put(owner, [one], 1, key=key)

    assert first == second
    assert Binning.objects.count() == AuditEntry.objects.count() == 1


def test_many_records_go_in_batches_and_only_those_that_were_frozen(store, owner, monkeypatch):
    monkeypatch.setattr(binning, "AT_ONCE", 3)
    for _ in range(10):
        a.a_dead_letter(store, event=a_dead_event(store))

    made = put(owner, EVERYTHING, 10)
    assert (made.moved, made.finished_at) == (0, None)
    assert BinningItem.objects.count() == 10
    late = a.a_dead_letter(store)
    gone = DeadLetter.objects.filter(state="open").exclude(pk=late.pk).last()
    DeadLetter.objects.filter(pk=gone.pk).update(state="sending")

    binning.run(clock=lambda: NOON, stopping=lambda: False)

    made.refresh_from_db()
    assert (made.total, made.moved, made.left_out, made.finished_at) == (10, 9, 1, NOON)
    late.refresh_from_db()
    assert late.state == "open"
    assert figures(store) == (0, 9, 1)
    assert not BinningItem.objects.exists()


def test_what_lost_its_content_in_the_bin_stays_there(store, owner):
    a.a_dead_letter(store, state="binned", binned_at=NOON, erased_at=NOON)

    with pytest.raises(Refused, match="None of these"):
        take_out(owner, BINNED, 1)
