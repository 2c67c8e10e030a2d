"""Reasons: how they come back, whom they touch, how they are merged and split."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from integrations.domain.causes import CauseState, Parking
from integrations.models import AuditEntry, Cause, CauseCount, CauseDay, DeadLetter
from integrations.pipeline import (
    audit,
    cause_figures,
    cause_pages,
    cause_parts,
    cause_states,
    causes,
    dead_letters,
    failed_lists,
)
from integrations.pipeline.causes import NotNow
from integrations.pipeline.failed_lists import FailedFilter
from tests import factories as a
from tests.factories import NOON

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def store():
    return a.a_store()


@pytest.fixture
def helper():
    return a.a_user(is_staff=True)


@pytest.fixture
def by(store, helper):
    return audit.person(helper, store.merchant)


def fails(store, count=1, *, message="bad", at=NOON, **changes):
    """Let records fail as they do when Klaviyo refuses them."""
    for _ in range(count):
        cause = dead_letters.cause(
            store, "klaviyo", "invalid", "profile.phone_number", "", message=message, now=at
        )
        a.a_dead_letter(
            store,
            cause=Cause.objects.get(pk=cause),
            message=message,
            created_at=at,
            failed_at=at,
            **changes,
        )
    return Cause.objects.get(pk=cause)


def move_all():
    return cause_parts.move(clock=lambda: NOON, stopping=lambda: False)


def work_out(now=NOON):
    return cause_figures.work_out(clock=lambda: now, stopping=lambda: False)


def counted(cause, state="open"):
    rows = CauseCount.objects.filter(cause=cause, state=state).values_list("records", flat=True)
    return sum(rows)


# --- states --------------------------------------------------------------------------------------


def test_a_parked_reason_comes_back_when_its_date_has_come_and_says_why(store, by):
    cause = fails(store)
    causes.park(cause, Parking(until=NOON + DAY), by=by, now=NOON, reason="Waits for a release")

    assert cause_states.wake(now=NOON + timedelta(hours=23)) == 0
    assert cause_states.wake(now=NOON + DAY) == 1
    assert cause_states.wake(now=NOON + DAY) == 0

    cause.refresh_from_db()
    assert (cause.state, cause.parked_until) == (CauseState.BACK, None)
    came_back, was_parked = causes.history(cause)
    assert (came_back.action, came_back.role) == ("cause.came_back", "automatic")
    assert "date" in came_back.reason
    assert (was_parked.action, was_parked.reason) == ("cause.parked", "Waits for a release")


def test_a_parked_reason_comes_back_when_it_grows(store, by):
    cause = fails(store, 2)
    causes.park(cause, Parking(growth=100), by=by, now=NOON)
    fails(store, 1)
    assert cause_states.wake(now=NOON) == 0

    fails(store, 1)

    assert cause_states.wake(now=NOON) == 1


def test_what_was_settled_and_fails_again_is_back_again(store, by):
    cause = fails(store, 2)
    causes.take(cause, CauseState.FIXING, by=by, now=NOON)
    DeadLetter.objects.update(state="resolved")
    cause_states.wake(now=NOON + MINUTE)
    cause.refresh_from_db()
    assert (cause.state, cause.settled_at) == (CauseState.FIXING, NOON + MINUTE)

    fails(store, at=NOON + DAY)

    assert cause_states.wake(now=NOON + DAY + MINUTE) == 1
    cause.refresh_from_db()
    assert (cause.state, cause.settled_at, cause.owner) == (CauseState.BACK, None, by.user)


def test_a_reason_cannot_be_parked_without_an_end_ahead(store, by):
    cause = fails(store, 3)

    for parking in (Parking(), Parking(until=NOON), Parking(count=3)):
        with pytest.raises(NotNow):
            causes.park(cause, parking, by=by, now=NOON)

    cause.refresh_from_db()
    assert cause.state == CauseState.NEW
    assert not AuditEntry.objects.filter(action="cause.parked").exists()


def test_a_parked_reason_is_taken_up_by_hand_once(store, by):
    cause = fails(store)
    causes.park(cause, Parking(count=10), by=by, now=NOON)
    causes.bring_back(cause, by=by, now=NOON)

    assert cause.state == CauseState.BACK
    with pytest.raises(NotNow):
        causes.bring_back(cause, by=by, now=NOON)


# --- figures -------------------------------------------------------------------------------------


def test_whom_a_reason_touches_is_worked_out_for_what_changed(store):
    cause = fails(store, 2, person="p1", amount=Decimal("10.50"), currency="EUR")
    fails(store, 1, person="p2", amount=Decimal(4), currency="USD")
    fails(store, 1, person="", amount=None)

    assert work_out() == 1
    cause.refresh_from_db()
    assert (cause.people, cause.amounts) == (2, {"EUR": "21.00", "USD": "4.00"})
    assert cause.figures_at == NOON
    assert work_out(NOON + MINUTE) == 0

    DeadLetter.objects.filter(person="p2").update(state="resolved")

    assert work_out(NOON + 2 * MINUTE) == 1
    cause.refresh_from_db()
    assert (cause.people, cause.amounts) == (1, {"EUR": "21.00"})


def test_an_order_is_counted_once_however_many_of_its_records_failed(store):
    worth = {"person": "p1", "amount": Decimal(30), "currency": "EUR"}
    cause = fails(store, 1, **worth)
    fails(store, 1, kind="ordered_product", **worth)
    work_out()

    cause.refresh_from_db()
    assert cause.amounts == {"EUR": "30.00"}


def test_a_turn_ends_and_the_next_goes_on_with_what_is_oldest(store):
    for number in range(3):
        a.a_dead_letter(store, cause=a.a_cause(store.merchant, code=f"c{number}"))
    times = iter([NOON, NOON, NOON + cause_figures.TURN + MINUTE])

    def clock():
        return next(times, NOON + MINUTE)

    assert cause_figures.work_out(clock=clock, stopping=lambda: False) == 1
    assert work_out(NOON + MINUTE) == 2


# --- merging -------------------------------------------------------------------------------------


def test_merged_reasons_are_one_until_the_merge_is_taken_back(store, helper, by):
    phone = fails(store, 2, person="p1")
    email = a.a_cause(store.merchant, field="profile.email")
    a.a_dead_letter(store, cause=email, person="p1")

    causes.merge(phone, email, by=by, now=NOON)
    work_out()

    shown = cause_pages.beside_list(helper, store=None, after="", now=NOON).working
    assert [(card.cause, card.count) for card in shown.rows] == [(email, 3)]
    assert failed_lists.rows(helper, FailedFilter(cause=email.pk)).count() == 3
    assert causes.group_ids(email) == sorted([email.pk, phone.pk])
    email.refresh_from_db()
    assert email.people == 1

    fails(store, 1)
    assert causes.open_count(email) == 4

    causes.take_back(phone, by=by, now=NOON)

    shown = cause_pages.beside_list(helper, store=None, after="", now=NOON).working
    assert {card.cause: card.count for card in shown.rows} == {phone: 3, email: 1}
    with pytest.raises(NotNow):
        causes.take_back(phone, by=by, now=NOON)


def test_merges_never_make_a_circle_a_chain_or_cross_a_business(store, by):
    one, two, three = (a.a_cause(store.merchant, code=code) for code in ("a", "b", "c"))
    foreign = a.a_cause(a.a_store().merchant)
    causes.merge(one, two, by=by, now=NOON)

    for cause, into in ((two, one), (one, three), (two, two), (two, foreign)):
        with pytest.raises(NotNow):
            causes.merge(cause, into, by=by, now=NOON)

    causes.merge(two, three, by=by, now=NOON)
    assert set(causes.group_ids(three)) == {one.pk, two.pk, three.pk}


# --- splitting -----------------------------------------------------------------------------------


def test_a_part_gets_what_is_there_and_what_comes(store, by):
    other = a.a_store(store.klaviyo_account)
    whole = fails(store, 3)
    fails(other, 2)

    part = causes.split(whole, store=other, by=by, now=NOON)
    assert move_all() == 2
    fails(other, 1, at=NOON + DAY)
    fails(store, 1, at=NOON + MINUTE)

    assert (counted(whole), counted(part)) == (4, 3)
    part.refresh_from_db()
    whole.refresh_from_db()
    assert part.split_seen is None
    assert part.last_seen_at == NOON + DAY
    assert whole.last_seen_at == NOON + MINUTE
    assert move_all() == 0


def test_a_part_by_a_text_takes_the_days_of_its_records_along(store, by, monkeypatch):
    monkeypatch.setattr(cause_parts, "STRETCH", 2)
    whole = fails(store, 3, message="The Country code is missing")
    fails(store, 4, message="too short")

    part = causes.split(whole, text="country CODE", by=by, now=NOON)
    assert move_all() == 3

    days = dict(CauseDay.objects.values_list("cause", "failed"))
    assert days == {whole.pk: 4, part.pk: 3}
    assert (counted(whole), counted(part)) == (4, 3)


def test_a_record_that_fails_again_for_a_part_joins_it(store, by):
    whole = fails(store, 1, message="one thing")
    part = causes.split(whole, text="another", by=by, now=NOON)
    letter = DeadLetter.objects.get()
    DeadLetter.objects.update(state="sending")

    again = DeadLetter(
        store=store,
        klaviyo_account=store.klaviyo_account,
        event=letter.event,
        identity=letter.identity,
        kind=letter.kind,
        cause_id=dead_letters.cause(
            store, whole.platform, whole.code, whole.field, "", message="another thing", now=NOON
        ),
        message="another thing",
        created_at=NOON,
    )
    dead_letters.put_aside([again], now=NOON + DAY)

    letter.refresh_from_db()
    assert (letter.cause_id, letter.times) == (part.pk, 2)
    assert (counted(whole), counted(whole, "sending"), counted(part)) == (0, 0, 1)


def test_a_reason_is_split_by_something_and_once(store, by):
    whole = fails(store)
    foreign = a.a_store()
    part = causes.split(whole, text="bad thing", by=by, now=NOON)

    for cause, how in (
        (whole, {}),
        (whole, {"text": "bad"}),
        (whole, {"store": foreign}),
        (whole, {"text": "BAD thing"}),
        (part, {"text": "something else"}),
    ):
        with pytest.raises(NotNow):
            causes.split(cause, by=by, now=NOON, **how)


def test_a_turn_of_moving_that_ends_is_gone_on_with(store, by, monkeypatch):
    monkeypatch.setattr(cause_parts, "STRETCH", 1)
    whole = fails(store, 3, message="same text")
    part = causes.split(whole, text="same text", by=by, now=NOON)
    asked = iter([False, True])

    first = cause_parts.move(clock=lambda: NOON, stopping=lambda: next(asked, True))

    assert (first, move_all()) == (1, 2)
    assert counted(part) == 3


def test_a_shop_without_parts_is_looked_up_in_one_statement(store, django_assert_num_queries):
    fails(store)
    with django_assert_num_queries(1):
        dead_letters.cause(
            store, "klaviyo", "invalid", "profile.phone_number", "", message="x", now=NOON
        )


def test_what_is_counted_is_what_is_there(store, by):
    """After everything that moves records, PostgreSQL's counts are a count of the rows."""
    other = a.a_store(store.klaviyo_account)
    whole = fails(store, 3, message="text one")
    fails(other, 4, message="text two")
    causes.split(whole, store=other, text="text two", by=by, now=NOON)
    move_all()
    DeadLetter.objects.filter(store=store).update(state="binned")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT cause_id, store_id, state, count(*) FROM integrations_deadletter GROUP BY 1,2,3"
        )
        there = set(cursor.fetchall())

    kept = CauseCount.objects.exclude(records=0)
    assert set(kept.values_list("cause", "store", "state", "records")) == there
