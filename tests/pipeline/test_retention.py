"""Content is kept for a term and then erased in small batches; rows, reasons and counts stay."""

from datetime import timedelta

import pytest
from django.db import connection

from integrations.models import (
    CauseCount,
    DeadLetter,
    DeadLetterTry,
    Event,
    FailedImport,
    Repair,
    Store,
)
from integrations.pipeline import failed_lists, retention
from tests import factories as a
from tests.factories import NOON

pytestmark = pytest.mark.django_db
BEFORE, WITHIN = NOON - timedelta(days=91), NOON - timedelta(days=89)


@pytest.fixture
def store():
    return a.a_store()


def a_letter(store, at, **changes):
    event = a.an_event(store, state="dead", received_at=at, body=b'{"email": "jane@x.io"}')
    return a.a_dead_letter(store, event=event, created_at=at, failed_at=at, **changes)


def test_what_is_over_its_term_loses_its_content_and_keeps_its_story(store):
    old = a_letter(store, BEFORE, message="jane.doe@example.com, +49 30 1234567: refused")
    a.a_dead_letter_try(old, message="jane.doe@example.com", answer="jane")
    a.a_repair(old, content=b'{"profile": {"email": "jane.doe@example.com"}}')
    new = a_letter(store, WITHIN)

    retention.prune(now=NOON)

    old.refresh_from_db()
    assert (bytes(old.payload), old.answer, old.erased_at) == (b"", "", NOON)
    assert old.message == "(erased), (erased): refused"
    assert bytes(old.event.body) == b""
    kept = DeadLetterTry.objects.get()
    assert (kept.answer, kept.message) == ("", "(erased)")
    assert bytes(Repair.objects.get().content) == b""
    assert CauseCount.objects.get(state="open").records == 2
    new.refresh_from_db()
    assert (new.erased_at, bytes(new.event.body)) == (None, b'{"email": "jane@x.io"}')


def test_what_is_being_sent_again_keeps_its_content_until_that_is_over(store):
    one = a_letter(store, BEFORE, state="sending")

    retention.prune(now=NOON)
    one.refresh_from_db()
    assert one.erased_at is None
    assert bytes(one.event.body)

    DeadLetter.objects.update(state="resolved")
    retention.prune(now=NOON)
    one.refresh_from_db()
    assert one.erased_at == NOON


def test_the_bin_has_a_term_of_its_own_and_the_record_stays_as_a_number(store):
    old = a_letter(store, WITHIN, state="binned", binned_at=NOON - timedelta(days=31))
    new = a_letter(store, WITHIN, state="binned", binned_at=NOON - timedelta(days=29))

    retention.prune(now=NOON)

    assert list(DeadLetter.objects.filter(erased_at=None)) == [new]
    old.refresh_from_db()
    assert (old.state, bytes(old.event.body)) == ("binned", b"")


def test_a_message_keeps_its_body_while_another_of_its_records_has_its_content(store):
    old = a_letter(store, WITHIN, state="binned", binned_at=NOON - timedelta(days=31))
    other = a.a_dead_letter(store, event=old.event, identity="other", created_at=WITHIN)

    retention.prune(now=NOON)
    assert bytes(Event.objects.get().body)

    DeadLetter.objects.filter(pk=other.pk).update(created_at=BEFORE)
    retention.prune(now=NOON)
    assert not bytes(Event.objects.get().body)


def test_messages_of_every_lane_lose_their_bodies_slice_by_slice(store, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    for number in range(10):
        at = BEFORE - timedelta(minutes=number // 4)
        a.an_event(store, state="delivered", received_at=at, lane=2 * (number % 2))
    young = a.an_event(store, state="delivered", received_at=WITHIN)

    assert retention.prune(now=NOON) == 10

    assert [one.pk for one in Event.objects.exclude(body=b"")] == [young.pk]
    assert Store.objects.get().bodies_erased_before == NOON - retention.term()
    assert retention.prune(now=NOON) == 0


def test_what_waits_to_be_sent_is_kept_and_gone_back_to(store):
    waiting = a.an_event(store, received_at=BEFORE)

    retention.prune(now=NOON)
    assert bytes(Event.objects.get().body)

    Event.objects.filter(pk=waiting.pk).update(state="delivered", settled_at=NOON)
    retention.prune(now=NOON)
    assert not bytes(Event.objects.get().body)


def test_an_open_record_is_mentioned_a_week_before_and_the_number_opens_it(store):
    soon = a_letter(store, NOON - timedelta(days=84))
    a_letter(store, NOON - timedelta(days=82))
    a_letter(store, NOON - timedelta(days=84), state="resolved")
    a_letter(store, NOON - timedelta(days=95), erased_at=NOON)
    owner = a.a_member(store.merchant)

    count, wanted = retention.leaving(owner, now=NOON)

    assert count == 1
    opened = failed_lists.FailedFilter.from_query(wanted.to_query())
    assert [one.pk for one in failed_lists.rows(owner, opened)] == [soon.pk]
    assert not opened.counted


def test_a_file_nobody_imported_goes_after_a_day(store):
    a.a_failed_import(store, asked_at=NOON - timedelta(hours=25))
    kept = a.a_failed_import(store, asked_at=NOON - timedelta(hours=1))

    retention.prune(now=NOON)

    assert list(FailedImport.objects.all()) == [kept]


A_SLICE = timedelta(days=2)
# A year of them, half of it past data.
MANY_MESSAGES = """
INSERT INTO integrations_event (public_id, store_id, lane, topic, webhook_id, event_id, api_version,
  body, received_at, next_attempt_at, state, skip, note, attempts, failures, crashes, last_error,
  settled_at)
SELECT gen_random_uuid(), %s, 2 * (n %% 2), 'orders/create', 'm' || n, '', '', '{}',
  at - n * interval '2 hours', at, 'delivered', '', '', 1, 0, 0, '', at
FROM generate_series(1, 4000) n, (SELECT %s::timestamptz AS at) moment
"""


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (retention.OVER_TERM, [BEFORE], "dead_letter_to_erase"),
        (retention.OVER_BIN, [BEFORE], "dead_letter_in_bin"),
        (retention.SLICE_END.format(lane="lane < 2"), [BEFORE, NOON, 9], "event_live"),
        (retention.SLICE_END.format(lane="lane = 2"), [BEFORE, NOON, 9], "event_past"),
        # As much at a time as a slice holds, which is little of all there is.
        (retention.BODIES.format(lane="lane < 2"), [BEFORE, BEFORE + A_SLICE], "event_live"),
        (retention.BODIES.format(lane="lane = 2"), [BEFORE, BEFORE + A_SLICE], "event_past"),
    ],
)
def test_what_is_over_its_term_is_found_by_an_index(store, statement, values, index):
    of_store = [store.pk] if index.startswith("event") else []
    with connection.cursor() as cursor:
        cursor.execute(MANY_MESSAGES, [store.pk, NOON])
        cursor.execute("ANALYZE integrations_event")
        cursor.execute("SET LOCAL enable_seqscan = off")  # there are no failed records here
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {statement}", [*of_store, *values])
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert index in plan, plan
