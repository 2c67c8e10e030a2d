"""Rows of dead letters: a new failure keeps what was said before, and PostgreSQL counts them."""

from datetime import timedelta

import pytest

from integrations.models import CauseCount, CauseDay, DeadLetter, DeadLetterTry
from integrations.models.dead_letters import DeadLetterState
from integrations.pipeline import dead_letters
from tests.factories import NOON, a_cause, a_dead_letter, a_store

pytestmark = pytest.mark.django_db


def again(one: DeadLetter, **said) -> DeadLetter:
    """The same record as a batch would put it aside anew."""
    return DeadLetter(
        store=one.store,
        klaviyo_account=one.klaviyo_account,
        event=one.event,
        identity=one.identity,
        created_at=NOON + timedelta(hours=1),
        **{"cause": one.cause, "message": "Refused again."} | said,
    )


def counts(cause) -> dict[str, int]:
    rows = CauseCount.objects.filter(cause=cause).exclude(records=0)
    return dict(rows.values_list("state", "records"))


def test_a_settled_record_that_fails_again_is_open_and_keeps_what_was_said_before():
    one = a_dead_letter(a_store(), state=DeadLetterState.SENDING)
    other = a_cause(one.store.merchant, code="another")

    dead_letters.put_aside([again(one, cause=other)], now=NOON + timedelta(hours=1))

    before, one = one, DeadLetter.objects.get()
    assert (one.state, one.times, one.message) == ("open", 2, "Refused again.")
    assert (one.failed_at, one.created_at) == (NOON + timedelta(hours=1), NOON)
    kept = DeadLetterTry.objects.get()
    assert (kept.number, kept.message, kept.cause_id) == (1, before.message, before.cause_id)


def test_an_open_record_stays_as_it_is_when_its_event_is_tried_for_another():
    one = a_dead_letter(a_store())

    dead_letters.put_aside([again(one)], now=NOON)

    assert DeadLetter.objects.get().message == one.message
    assert not DeadLetterTry.objects.exists()


def test_postgresql_counts_every_change_by_cause_and_state():
    store = a_store()
    cause, other = a_cause(store.merchant), a_cause(store.merchant, code="another")
    rows = [a_dead_letter(store, cause=cause) for _ in range(3)]
    assert counts(cause) == {"open": 3}

    DeadLetter.objects.filter(pk=rows[0].pk).update(state="sending")
    assert counts(cause) == {"open": 2, "sending": 1}

    DeadLetter.objects.filter(cause=cause, state="open").update(cause=other)
    assert (counts(cause), counts(other)) == ({"sending": 1}, {"open": 2})

    rows[1].delete()
    assert counts(other) == {"open": 1}


def test_failures_are_counted_by_the_day_they_happen():
    one = a_dead_letter(a_store(), state=DeadLetterState.SENDING)
    assert [(row.day, row.failed) for row in CauseDay.objects.all()] == [(NOON.date(), 1)]

    next_day = NOON + timedelta(days=1)
    dead_letters.put_aside([again(one)], now=next_day)

    days = CauseDay.objects.order_by("day").values_list("day", "failed")
    assert list(days) == [(NOON.date(), 1), (next_day.date(), 1)]


def test_deleting_a_shop_takes_its_counts_along():
    one = a_dead_letter(a_store())

    one.store.events.all().delete()
    one.store.delete()

    assert not CauseCount.objects.exists()
