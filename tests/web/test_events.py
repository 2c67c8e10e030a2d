import json
from datetime import timedelta

import pytest
from django.urls import reverse

from integrations.domain.skips import Skip
from integrations.models import Call, Delivery, Event, KlaviyoAccount, Store
from integrations.pipeline import inspection
from tests import factories as a

ORDER = {
    "id": 450789469,
    "name": "#1001",
    "email": "jane.doe@example.com",
    "created_at": "2026-11-20T10:00:00Z",
    "updated_at": "2026-11-20T10:00:00Z",
    "processed_at": "2026-11-20T10:00:00Z",
    "currency": "EUR",
    "total_price": "89.00",
    "line_items": [
        {"id": 1, "title": "Shirt", "quantity": 1, "price": "40.00"},
        {"id": 2, "title": "Hat", "quantity": 1, "price": "49.00"},
    ],
    "billing_address": {"name": "Jane Doe", "address1": "High Street 1"},
}
REFUND = {
    "id": 77,
    "order_id": 450789469,
    "created_at": "2026-11-21T10:00:00Z",
    "processed_at": "2026-11-21T10:00:00Z",
    "transactions": [],
    "refund_line_items": [],
}


def read(client, event_or_url, **headers):
    url = event_or_url
    if isinstance(event_or_url, Event):
        url = reverse("event", args=[event_or_url.public_id])
    return " ".join(client.get(url, headers=headers).content.decode().split())


@pytest.fixture
def url(world):
    return reverse("events", args=[world.store.public_id])


def an_order(store, **changes):
    return a.an_event(store, body=json.dumps(ORDER).encode(), **changes)


def told(event, operation, **changes):
    """A ledger row for an operation of an event."""
    profile = getattr(operation, "profile", None)
    return Delivery.objects.create(
        **{
            "klaviyo_account": event.store.klaviyo_account,
            "store": event.store,
            "kind": operation.kind,
            "identity": operation.identity,
            "source_id": "1",
            "profile": profile.key if profile else "",
            "fingerprint": b"0" * 16,
            "version": event.received_at,
            "accepted_at": event.received_at,
            "event_id": event.pk,
        }
        | changes
    )


# --- the list ------------------------------------------------------------------------------------


def test_the_newest_comes_first_and_the_cursor_leads_to_the_rest(owner, world, url, now):
    Event.objects.all().delete()
    made = [
        a.an_event(world.store, received_at=now - timedelta(minutes=number // 3))
        for number in range(120)
    ]
    seen, page = [], url
    for _ in range(3):
        answer = owner.get(page)
        seen += [row.pk for row in answer.context["page"].rows]
        page = f"{url}?after={answer.context['page'].after}"

    expected = sorted(made, key=lambda one: (one.received_at, one.pk), reverse=True)
    assert seen == [one.pk for one in expected]
    assert answer.context["page"].after == ""
    assert answer.context["page"].count == 120


def test_a_cursor_that_is_not_ours_starts_the_list_again(owner, world, url):
    assert len(owner.get(f"{url}?after=x-1").context["page"].rows) == 2


def test_each_id_people_have_in_hand_finds_the_message(owner, world, url, now):
    event = a.an_event(world.store, received_at=now, event_id="evt-1")

    for text in (event.webhook_id, "evt-1", str(event.public_id)):
        assert [one.pk for one in owner.get(url, {"q": text}).context["page"].rows] == [event.pk]
    for text in ("evt", "x\x00", "x" * 300):
        assert "No message matches." in read(owner, f"{url}?q={text}")


def test_another_shop_of_the_same_merchant_is_not_searched(owner, world, url, now):
    other = a.an_event(a.a_store(world.account), received_at=now)

    assert not owner.get(url, {"q": other.webhook_id}).context["page"].rows


def test_filters_narrow_and_can_be_cleared(owner, world, url, now):
    a.an_event(world.store, received_at=now, topic="products/update", state="skipped")

    page = read(owner, f"{url}?state=skipped&topic=products/update")

    assert "1 message: nothing to send" in page
    assert "Product changed" in page
    assert "Clear the filter and show all messages" in page


@pytest.mark.parametrize("query", ["state=x", "since=yesterday", "topic=x", "since=0001-01-01"])
def test_a_filter_we_do_not_know_does_not_narrow(owner, world, url, query):
    assert len(owner.get(f"{url}?{query}").context["page"].rows) == 2


def test_an_empty_list_says_why(owner, world, url):
    Event.objects.all().delete()

    assert "Nothing has arrived from this shop yet." in read(owner, url)
    assert "No message matches." in read(owner, f"{url}?state=dead")
    assert "There is nothing older." in read(owner, f"{url}?after=20260101000000000000-1")


def test_counting_stops_where_nobody_counts_any_more(owner, world, url, now, monkeypatch):
    monkeypatch.setattr("integrations.pipeline.browsing.COUNT_LIMIT", 1)

    assert "1 message and more" in read(owner, url)


def test_the_list_takes_a_fixed_number_of_queries(
    owner, world, url, now, django_assert_max_num_queries
):
    for _ in range(10):
        a.an_event(world.store, received_at=now)
    with django_assert_max_num_queries(7):
        owner.get(url)


def test_what_became_of_each_message_is_said(owner, world, url, now):
    a.an_event(world.store, received_at=now, state="skipped", skip=Skip.TEST_ORDER)
    a.an_event(world.store, received_at=now)
    a.an_event(world.store, received_at=now, attempts=1, next_attempt_at=now + timedelta(minutes=5))
    a.an_event(world.store, received_at=now, attempts=1, next_attempt_at=now)
    a.an_event(
        world.store,
        received_at=now,
        state="delivered",
        settled_at=now + timedelta(minutes=3),
    )

    page = read(owner, url)

    for words in (
        "Test orders are not sent.",
        "It waits its turn.",
        "Tried before. Next try",
        "Tried before. The next try is due.",
        "Klaviyo took it after 3 minutes.",
        "Klaviyo took it at once.",
        "It could not be delivered and waits for a decision.",
    ):
        assert words in page


@pytest.mark.parametrize("reason", ["pause", "login"])
def test_what_is_kept_back_says_until_when(owner, world, url, now, reason):
    event = an_order(world.store, received_at=now)
    if reason == "pause":
        Store.objects.filter(pk=world.store.pk).update(paused_at=now)
        words = ["kept until the pause ends", "as soon as the pause ends"]
    else:
        KlaviyoAccount.objects.filter(pk=world.account.pk).update(held_since=now, held_reason="x")
        words = ["kept until Klaviyo lets us in again", "as soon as Klaviyo lets us in again"]

    assert words[0] in read(owner, url)
    assert words[1] in read(owner, event)


# --- one message ---------------------------------------------------------------------------------


def test_the_life_of_a_delivered_order_is_told(staff, world, now):
    event = an_order(world.store, received_at=now, state="delivered", event_id="corr-1")
    call = Call.objects.create(
        klaviyo_account=world.account,
        endpoint="event-bulk-create-jobs",
        started_at=now,
        milliseconds=184,
        status=202,
        items=3,
        sent_bytes=100,
        request_id="req-1",
    )
    other = a.an_event(world.store, received_at=now, topic="orders/updated", state="delivered")
    placed, first, second, person = inspection.meaning_of(event).operations
    told(event, placed, call_id=call.pk, confirmed_at=now)
    told(event, first, event_id=other.pk)
    told(event, second, event_id=None)
    told(event, person)

    page = read(staff, event)

    for words in (
        "The shop told us: New order",
        "Correlation id corr-1",
        "What it means (#1001)",
        "“Placed Order”, “Ordered Product”, the customer’s name",
        "It is about j•••@example.com.",
        "Told Klaviyo: “Placed Order”",
        "It confirmed that it was worked in.",
        "202 in 184 ms, 3 items, request id req-1",
        "Klaviyo knows this from another message: Order changed.",
        "Klaviyo knows this from an earlier message.",
        "Klaviyo took everything in it.",
    ):
        assert words in page, words
    assert "jane.doe" not in page
    assert "High Street" not in page


def test_ids_and_bodies_are_not_for_merchants(owner, world, now):
    page = read(owner, an_order(world.store, received_at=now))

    assert "placed_order:" not in page
    assert "<pre" not in page


def test_what_says_the_same_is_said_once(world, now):
    event = an_order(world.store, received_at=now)

    lines = inspection.explain(event)

    assert [(one.title, one.count) for one in lines[2:-1]] == [
        ("“Placed Order” is on its way", 1),
        ("“Ordered Product” is on its way", 2),
        ("The customer’s name, address and contact details is on its way", 1),
    ]


def test_tries_say_when_the_next_one_is(owner, world, now):
    event = an_order(
        world.store, received_at=now, attempts=1, next_attempt_at=now + timedelta(minutes=2)
    )
    a.an_attempt(event, message="No answer for jane.doe@example.com", at=now)

    page = read(owner, event)

    assert "Try 1 did not work" in page
    assert "The next try was planned for" in page
    assert "Next try <time" in page
    assert "jane.doe" not in page


@pytest.mark.parametrize(
    ("topic", "body", "words"),
    [
        ("orders/create", b"{", "The message cannot be read"),
        ("carts/update", b"{}", "Klaviyo needs nothing from this kind of message."),
        ("refunds/create", json.dumps(REFUND).encode(), "It belongs to an order we do not know"),
    ],
)
def test_what_has_no_meaning_yet_says_why(owner, world, now, topic, body, words):
    assert words in read(owner, a.an_event(world.store, topic=topic, body=body, received_at=now))


def test_a_skipped_message_names_its_rule(owner, world, now):
    event = an_order(world.store, received_at=now, state="skipped", skip=Skip.UNCHANGED)

    page = read(owner, event)

    assert "Klaviyo already has exactly this." in page
    assert "Nothing had to be sent." in page


def test_a_refund_is_attached_to_the_buyer_of_its_order(owner, world, now):
    order = an_order(world.store, received_at=now, state="delivered")
    told(order, inspection.meaning_of(order).operations[0])
    refund = a.an_event(
        world.store,
        topic="refunds/create",
        body=json.dumps(REFUND).encode(),
        received_at=now,
        state="delivered",
    )
    operation = inspection.meaning_of(refund).operations[0]
    scope = world.store.translation.scope
    told(refund, operation, identity=f"refunded_order:{scope}:{operation.fallback_id}")

    page = read(owner, refund)

    assert "Told Klaviyo: “Refunded Order”" in page
    assert "j•••@example.com" in page


def test_a_refused_part_is_explained_beside_the_parts_that_went(owner, world, now):
    event = an_order(world.store, received_at=now, state="dead")
    operation = inspection.meaning_of(event).operations[1]
    a.a_dead_letter(world.store, event=event, identity=operation.identity)
    a.a_dead_letter(world.store, event=event, identity="gone:1", state="resolved")

    page = read(owner, event)

    assert "“Ordered Product” needs you" in page
    assert "Klaviyo does not accept the customer&#x27;s phone number." in page
    assert "failed and was resolved" in page
    assert "It waits for a decision" in page


def test_an_unreadable_message_links_to_its_failed_record(owner, world, now):
    event = a.an_event(world.store, body=b"{", received_at=now, state="dead")
    cause = a.a_cause(world.store.merchant, platform="shopify", code="unreadable", rule="json")
    failed = a.a_dead_letter(world.store, event=event, identity="", cause=cause)

    page = read(owner, event)

    assert str(failed.public_id) in page
    assert "damaged on its way" in page


def test_only_a_message_on_its_way_is_looked_at_again(owner, world, now):
    assert "hx-get" in read(owner, an_order(world.store, received_at=now))
    assert "hx-get" not in read(owner, an_order(world.store, received_at=now, state="delivered"))
    live = read(owner, an_order(world.store, received_at=now), **{"HX-Request": "true"})
    assert live.startswith('<div id="live"')


def test_one_message_takes_a_fixed_number_of_queries(
    staff, world, now, django_assert_max_num_queries
):
    event = an_order(world.store, received_at=now, state="delivered")
    for operation in inspection.meaning_of(event).operations:
        told(event, operation)
    read(staff, event)  # the first look of staff leaves an entry
    with django_assert_max_num_queries(9):
        read(staff, event)


def test_the_past_is_listed_on_its_own(owner, world, url):
    window = a.a_sync_window(a.a_sync_job(world.store))
    changes = {"lane": 2, "window": window, "topic": "past/orders", "state": "delivered"}
    old = a.an_event(world.store, **changes)
    new = a.an_event(world.store, state="delivered")

    def shown(query):
        page = read(owner, f"{url}{query}")
        return [event for event in (old, new) if str(event.public_id) in page]

    assert shown("") == [new]
    assert shown("?past=1") == [old]
    assert shown(f"?window={window.public_id}") == [old]
    assert shown("?window=nonsense") == [new]
    assert "What we read of the shop’s past" in read(owner, f"{url}?past=1")
    assert "We read it from the shop&#x27;s past" in read(owner, old)
