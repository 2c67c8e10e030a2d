"""What is kept of somebody goes when the shop asks, everywhere, and counts stay."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from integrations import queue
from integrations.domain.lanes import Lane
from integrations.models import (
    AuditEntry,
    Breaker,
    Credential,
    DeadLetter,
    Delivery,
    Erasure,
    Event,
    KlaviyoAccount,
    Repair,
    StoreLane,
    Tally,
)
from integrations.pipeline import erasing, inbox
from sandbox.messages import Reply
from tests import factories as a

from . import replays_world
from .conftest import an_order, events_of
from .test_retention import MANY_MESSAGES

JANE = "jane.unmistakable@mail.alpine-demo.shop"
NAME = "Unmistakable"
PHONE = "+4915199988877"
EVENTS = "/api/event-bulk-create-jobs"


def her_order(number, **changes):
    person = {"id": 77, "email": JANE, "phone": PHONE, "first_name": "Jane", "last_name": NAME}
    address = {"first_name": "Jane", "last_name": NAME, "phone": PHONE, "address1": "1 Oak Road"}
    return an_order(
        number, email=JANE, phone=PHONE, customer=person, billing_address=address, **changes
    )


def request(store, **changes):
    customer = {"id": 77, "email": JANE, "phone": PHONE}
    orders = [one["id"] for one in (an_order(n) for n in range(1, 10))]
    return {
        "shop_id": 1,
        "shop_domain": store.domain,
        "customer": customer,
        "orders_to_redact": orders,
    } | changes


def ask(post, store, topic="customers/redact", **changes):
    post(store, topic, request(store, **changes), address="/webhooks/shopify/compliance/")
    # What failed before holds the lane back for a moment.
    StoreLane.objects.update(not_before=None)
    Breaker.objects.update(state="closed", probe_at=None)
    KlaviyoAccount.objects.update(tripped_at=None)


def erase(clock):
    """Let the worker take its turns until nothing is left to erase."""
    for _ in range(20):
        erasing.run(clock=clock, stopping=lambda: False)
        if not Erasure.objects.filter(finished_at=None).exists():
            return
        clock.forward(minutes=6)
    raise AssertionError("it never ends")


def places_of(*words):
    """Every column of every table in which one of these words stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'public' AND data_type IN "
            "('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY')"
        )
        columns = cursor.fetchall()
        found = []
        for table, column, kind in columns:
            value = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
            pattern = " OR ".join([f"{value} ILIKE %s"] * len(words))
            cursor.execute(
                f'SELECT count(*) FROM "{table}" WHERE {pattern}', [f"%{one}%" for one in words]
            )
            if cursor.fetchone()[0]:
                found.append(f"{table}.{column}")
    assert len(columns) > 100
    return found


@pytest.fixture
def told(klaviyo, store, post, work, clock):
    """Orders of hers that were delivered, failed, repaired and not sent yet; and one of Bob's."""
    post(store, "orders/create", her_order(1))
    post(store, "customers/create", {"id": 77, "email": JANE, "updated_at": "2026-11-20T12:00:00Z"})
    post(store, "orders/create", an_order(50, email="bob@mail.alpine-demo.shop", phone=PHONE))
    work()
    refusal = {"code": "invalid", "detail": f"{JANE} or {PHONE} of {NAME} is wrong"}
    klaviyo.script.answer_next(
        Reply(400, {"errors": [refusal]}, media_type="application/json"),
        times=20,
        match="/api/event",
    )
    post(store, "orders/create", her_order(2))
    work()
    klaviyo.script.reset()
    for letter in DeadLetter.objects.all():
        replays_world.repaired(letter, {"email": JANE, "last_name": NAME})
    klaviyo.script.answer_next(
        Reply(500, {"errors": [{"code": "broken", "detail": f"for {JANE}"}]}), match="/api/"
    )
    post(store, "orders/create", her_order(3))
    work()
    a.an_event(
        store,
        topic="past/orders",
        lane=Lane.BACKFILL,
        state="delivered",
        body=json.dumps({"id": "gid://shopify/Order/1", "email": JANE}).encode(),
        received_at=clock() - timedelta(days=3),
    )
    post(store, "orders/create", her_order(4))
    return store


def test_nothing_that_names_her_is_left_anywhere(told, klaviyo, post, work, clock):
    assert {"integrations_event.body", "integrations_delivery.profile"} <= set(
        places_of(JANE, NAME, PHONE)
    )
    ask(post, told)
    work()
    erase(clock)

    bob = "bob@mail.alpine-demo.shop"
    her_words = places_of(JANE, NAME)
    assert her_words == []
    assert "integrations_event.body" in places_of(bob)
    assert "integrations_event.body" in places_of(PHONE), "Bob has the same telephone"
    assert Delivery.objects.filter(profile=bob).exists()


def test_what_was_counted_stays_counted(told, post, work, clock):
    deliveries = Delivery.objects.filter(present=True).count()
    events = Event.objects.count()
    ask(post, told)
    work()
    erase(clock)

    assert Delivery.objects.filter(present=True).count() >= deliveries
    assert Event.objects.count() == events + 1
    ended = Event.objects.exclude(state="waiting").filter(lane=Lane.LIVE)
    counted = sum(one.delivered + one.skipped + one.dead for one in Tally.objects.all())
    assert counted == ended.count()
    one = Erasure.objects.get()
    assert one.counts["messages"] >= 4
    entry = AuditEntry.objects.get(action="erasure.finished")
    assert entry.after == one.counts


def test_what_was_not_sent_yet_is_not_sent_any_more(klaviyo, store, post, work, clock):
    event = a.an_event(
        store,
        body=json.dumps(her_order(5)).encode(),
        received_at=clock(),
        next_attempt_at=clock() + timedelta(hours=1),
    )
    ask(post, store)
    work()
    erase(clock)
    clock.forward(hours=2)
    work()

    event.refresh_from_db()
    assert (event.state, event.skip, bytes(event.body)) == ("skipped", "erased", b"")
    assert events_of(klaviyo, "Placed Order") == []


def test_a_failed_record_leaves_the_open_list_and_its_replay(told, klaviyo, post, work, clock):
    Event.objects.filter(state="waiting").update(next_attempt_at=clock() + timedelta(days=1))
    replay = replays_world.begun(told, clock)
    before = len(events_of(klaviyo, "Placed Order"))
    ask(post, told)
    work()
    erase(clock)
    replays_world.finish(replay, clock)

    assert set(DeadLetter.objects.values_list("state", "settled_as")) == {("resolved", "skipped")}
    assert set(Event.objects.filter(dead_letters__isnull=False).values_list("skip", flat=True)) == {
        "erased"
    }
    assert not Repair.objects.exclude(content=b"").exists()
    assert len(events_of(klaviyo, "Placed Order")) == before
    replay.refresh_from_db()
    assert replay.state == "done"
    assert replays_world.states(replay) == {"skipped": replay.total}


def test_a_worker_that_dies_between_batches_is_followed_by_another(
    told, post, work, clock, monkeypatch
):
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    ask(post, told)
    work()
    turns = iter([False, False, False, True])
    erasing.run(clock=clock, stopping=lambda: next(turns))
    assert Erasure.objects.get().finished_at is None

    erase(clock)

    assert places_of(JANE, NAME) == []


def test_a_request_that_comes_twice_is_carried_out_once(told, post, work, clock):
    ask(post, told)
    work()
    ask(post, told)
    work()
    erase(clock)

    assert AuditEntry.objects.filter(action="erasure.finished").count() == Erasure.objects.count()
    assert places_of(JANE, NAME) == []


def test_a_request_that_names_another_shop_is_kept_and_not_believed(store, clock):
    event = a.an_event(
        store,
        topic="customers/redact",
        body=json.dumps(request(store, shop_domain="other.myshopify.com")).encode(),
        received_at=clock(),
        next_attempt_at=clock(),
    )
    claim = StoreLane.objects.claim(by="test", now=clock())
    inbox.work_off(claim, clock=clock, stopping=lambda: False)

    event.refresh_from_db()
    assert event.skip == "compliance"
    assert not Erasure.objects.exists()


def test_a_whole_shop_goes_but_not_what_came_since_it_is_back(klaviyo, store, post, work, clock):
    post(store, "orders/create", her_order(1))
    work()
    Event.objects.update(received_at=clock() - timedelta(days=5))
    login = Credential(store=store, kind="shopify_token", connected_at=clock() - timedelta(days=1))
    login.keep("shpat_demo")
    login.save()
    post(store, "orders/create", an_order(2, email="new@mail.alpine-demo.shop"))
    work()
    ask(post, store, "shop/redact")
    work()
    erase(clock)

    assert Erasure.objects.get().whole_shop
    bodies = {event.pk: bool(event.body) for event in Event.objects.order_by("received_at")}
    assert list(bodies.values())[:2] == [False, True]


def test_a_customer_who_asks_for_their_data_stands_in_the_history(store, post, work):
    ask(post, store, "customers/data_request")
    work()

    assert AuditEntry.objects.filter(action="erasure.data_asked", store=store).exists()
    assert not Erasure.objects.exists()


def test_a_sweep_finds_a_request_that_waits(store, post, work, monkeypatch):
    asked = []
    monkeypatch.setattr(queue, "ask_for", asked.append)
    erasing.wake(now=timezone.now())
    assert asked == []
    ask(post, store)
    work()

    erasing.wake(now=timezone.now())

    assert asked[-1] == queue.ERASE


@pytest.mark.parametrize(("part", "index"), [("live", "event_live"), ("past", "event_past")])
def test_the_messages_of_a_shop_are_gone_through_by_an_index(store, part, index):
    values = {
        "store": store.pk,
        "until": timezone.now(),
        "at": erasing.LONG_AGO,
        "id": 0,
        "most": erasing.AT_ONCE,
        "bytes": erasing.MOST_BYTES,
    }
    with connection.cursor() as cursor:
        cursor.execute(MANY_MESSAGES, [store.pk, timezone.now()])
        cursor.execute("ANALYZE integrations_event")
        cursor.execute("EXPLAIN " + erasing._MESSAGES.format(lane=erasing._LANES[part]), values)
        plan = "\n".join(row[0] for row in cursor.fetchall())

    # In its order, from the place where it stopped: only what was found is sorted.
    assert f"Index Scan Backward using {index}" in plan, plan
    assert "Sort Key: sized.place" in plan, plan
