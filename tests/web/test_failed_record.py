"""The page of one failed record: what is wrong, shown safely, changed carefully, sent again."""

import json
import time
from datetime import timedelta

import pytest
from django.urls import reverse

from integrations.models import AuditEntry, DeadLetter, DeadLetterTry, Delivery, Event, Repair
from tests import factories as a

PAYLOAD = {
    "profile": {"email": "jane.doe@example.com"},
    "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
    "properties": {"Items": [{"Name": "Blue shirt"}]},
    "time": "2026-11-20T12:00:00Z",
    "unique_id": "4711",
    "value": 12,
    "value_currency": "eur",
}
WRAP = "/data/attributes/events-bulk-create/data/0/attributes"


@pytest.fixture
def failed(world):
    body = {"id": 4711, "email": "jane.doe@example.com", "name": "#1001"}
    event = a.an_event(
        world.store, state="dead", topic="orders/create", body=json.dumps(body).encode()
    )
    return a.a_dead_letter(
        world.store,
        event=event,
        source_id="4711",
        cause=a.a_cause(world.store.merchant, field="value_currency", rule=""),
        payload=json.dumps(PAYLOAD).encode(),
        pointer=f"{WRAP}/events/data/0/attributes/value_currency",
    )


def url(name, failed):
    return reverse(name, args=[failed.public_id])


def read(response):
    return " ".join(response.content.decode().split())


def look(client, failed):
    return read(client.get(url("failed-record", failed)))


def test_it_says_what_is_wrong_and_hides_personal_data(client, world):
    failed = a.a_dead_letter(
        world.store,
        payload=b'{"profile": {"email": "jane.doe@example.com", "first_name": "Jane"}}',
        answer='{"detail": "jane.doe@example.com is not valid"}',
        message="jane.doe@example.com is not valid",
    )
    a.an_attempt(failed.event, message="Klaviyo did not answer jane.doe@example.com in time.")
    for user in (world.owner, world.staff):
        client.force_login(user)
        page = look(client, failed)

        assert "Klaviyo does not accept the customer&#x27;s phone number." in page
        assert "Technical details" in page
        assert "j•••@example.com is not valid" in page
        assert 'data-copy="answer"' in page
        assert "Try 1 did not work" in page
        assert reverse("event", args=[failed.event.public_id]) in page
        assert "jane.doe" not in page
        assert "Jane" not in page


def test_a_cause_without_words_says_that_support_sees_the_details(owner, world):
    failed = a.a_dead_letter(
        world.store, cause=a.a_cause(world.store.merchant, code="new", field="")
    )

    assert "Our support can see the details" in look(owner, failed)


def test_received_and_sent_are_shown_with_the_place_of_the_error_marked(owner, failed):
    page = owner.get(url("failed-record", failed)).content.decode()

    assert "<mark>  &quot;value_currency&quot;: &quot;eur&quot;\n</mark>" in page
    assert "&quot;name&quot;: &quot;#1001&quot;" in page
    assert "As it was received from the shop" in page


def test_hostile_content_is_text_and_nothing_else(owner, world):
    hostile = {"properties": {"<script>alert(1)</script>": "\u202e</pre><b>\x00\x1b"}}
    failed = a.a_dead_letter(
        world.store,
        payload=json.dumps(hostile).encode(),
        answer="<script>alert(2)</script>\x9b",
        message="<img src=x>",
    )

    page = look(owner, failed)

    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\\u202e" in page
    assert "\x9b" not in page


@pytest.mark.parametrize(
    "payload",
    [
        b'{"properties": {"a": "' + b"x" * 5_000_000 + b'"}}',
        b'{"properties": {"a": [' + b",".join([b'{"b": 1}'] * 400_000) + b"]}}",
        b'{"a": ' * 20_000 + b"1" + b"}" * 20_000,
        b"\xff\xfe" * 100_000,
    ],
    ids=["long text", "long list", "deep", "no text"],
)
def test_five_megabytes_are_a_page_of_an_ordinary_size(staff, world, payload):
    event = a.an_event(world.store, state="dead", body=payload)
    failed = a.a_dead_letter(world.store, event=event, payload=payload)
    began = time.monotonic()

    response = staff.get(url("failed-record", failed))

    assert response.status_code == 200
    assert len(response.content) < 300_000
    assert time.monotonic() - began < 5
    assert "not shown" in read(response) or "more signs" in read(response)


def test_a_message_that_is_no_document_is_marked_where_reading_stopped(owner, world):
    body = b'{"id": 7, "first_name": "Jane", "total": nul}'
    event = a.an_event(world.store, state="dead", body=body)
    place = body.index(b"nul")
    failed = a.a_dead_letter(
        world.store,
        event=event,
        identity="",
        payload=b"",
        message=f"This is not JSON: JSON is malformed: invalid character (byte {place})",
        cause=a.a_cause(world.store.merchant, platform="shopify", code="unreadable", rule="json"),
    )

    page = look(owner, failed)

    assert "<mark>n</mark>ul}" in page
    assert "Jane" not in page


def test_personal_data_is_shown_once_and_that_is_written_down(owner, world, failed):
    response = owner.post(url("record-reveal", failed))

    assert "jane.doe@example.com" in read(response)
    assert "no-store" in response["Cache-Control"]
    entry = AuditEntry.objects.get(action="record.revealed")
    assert (entry.actor, entry.store) == (world.owner, world.store)
    assert "jane.doe" not in look(owner, failed)


def test_a_member_sees_no_personal_data(client, world, failed):
    client.force_login(world.member)

    assert client.post(url("record-reveal", failed)).status_code == 403
    assert "Show personal data" not in look(client, failed)
    assert not AuditEntry.objects.filter(action="record.revealed").exists()


def test_everything_that_happened_is_one_history(owner, world, failed, now):
    failed.refresh_from_db()
    cause = failed.cause
    DeadLetterTry.objects.create(
        dead_letter=failed,
        number=1,
        at=now - timedelta(hours=2),
        cause=cause,
        message="Refused the first time.",
        answer="<b>no</b>",
        status=400,
    )
    DeadLetter.objects.update(times=2, failed_at=now)
    Repair.objects.create(
        dead_letter=failed,
        number=1,
        content=b"{}",
        made_by=world.member,
        made_at=now - timedelta(hours=1),
        note="mary@example.com asked",
    )
    page = look(owner, failed)
    first = page.index("Refused the first time.")
    changed = page.index("What would be sent was changed")
    again = page.index("It failed again, for the second time")

    assert first < changed < again
    assert "member@alpine-demo.shop" in page
    assert "mary@" not in page


def test_links_lead_to_the_same_thing_elsewhere(owner, world, failed):
    other = a.a_dead_letter(world.store, source_id="4711")
    a_told(world, failed.event, f"placed_order:{world.store.pk}:4711")

    page = look(owner, failed)

    assert f"https://{world.store.domain}/admin/orders/4711" in page
    assert "https://www.klaviyo.com/" in page
    assert reverse("failed-record", args=[other.public_id]) in page
    assert "What Klaviyo was told of the same thing" in page


def a_told(world, event, identity):
    return Delivery.objects.create(
        klaviyo_account=world.account,
        store=world.store,
        kind="placed_order",
        identity=identity,
        source_id="4711",
        fingerprint=b"x",
        version=event.received_at,
        accepted_at=event.received_at,
        event=event,
    )


# --- the one field -------------------------------------------------------------------------------


def test_the_one_wrong_field_is_an_ordinary_input(client, world, failed):
    client.force_login(world.member)
    page = look(client, failed)
    assert '<label for="value">Currency (three letters, such as EUR)</label>' in page

    response = client.post(
        url("record-field", failed), {"value": "chf", "version": "1.0", "then": "save"}
    )

    assert response.status_code == 302
    assert json.loads(bytes(Repair.objects.get().content))["value_currency"] == "CHF"
    page = look(client, failed)
    assert "What was changed" in page
    assert 'data-label="Received" class="long">eur<' in page
    assert 'data-label="Now" class="long">CHF<' in page


def test_what_does_not_fit_is_refused_with_a_sentence_and_kept(owner, failed):
    response = owner.post(url("record-field", failed), {"value": "Euro!", "version": "1.0"})

    assert response.status_code == 400
    assert "A currency has three capital letters." in read(response)
    assert 'value="Euro!"' in read(response)
    assert not Repair.objects.exists()


def test_a_hidden_field_is_written_anew_and_not_shown(owner, failed):
    DeadLetter.objects.filter(pk=failed.pk).update(pointer=f"{WRAP}/profile/data/attributes/email")
    page = look(owner, failed)

    assert "j•••@example.com" in page
    assert 'name="value" value=""' in page
    assert 'value="jane.doe@example.com"' in read(owner.post(url("record-reveal", failed)))


def test_a_field_klaviyo_knows_the_record_by_says_why_it_stays(owner, failed):
    DeadLetter.objects.filter(pk=failed.pk).update(
        pointer=f"{WRAP}/events/data/0/attributes/unique_id"
    )

    page = look(owner, failed)

    assert "it would be counted twice" in page
    assert 'name="value"' not in page


def test_somebody_elses_change_is_named_and_the_input_kept(owner, world, failed):
    Repair.objects.create(
        dead_letter=failed, number=1, content=b'{"a": 1}', made_by=world.member, made_at=a.NOON
    )

    response = owner.post(url("record-field", failed), {"value": "CHF", "version": "1.0"})

    assert response.status_code in {400, 409}
    assert Repair.objects.count() == 1


# --- the whole document --------------------------------------------------------------------------


def editor_of(response):
    return response.context["editor"]


def test_support_edits_the_whole_document_without_seeing_whom_it_is_about(client, world, failed):
    client.force_login(world.support)
    text = editor_of(client.get(url("failed-record", failed)))
    assert "jane.doe" not in text

    response = client.post(
        url("record-document", failed),
        {"document": text.replace('"eur"', '"EUR"'), "version": "1.0", "note": "as in the shop"},
    )

    assert response.status_code == 302
    kept = json.loads(bytes(Repair.objects.get().content))
    assert kept == PAYLOAD | {"value_currency": "EUR"}
    assert Repair.objects.get().note == "as in the shop"


def test_dots_are_never_saved(client, world, failed):
    client.force_login(world.support)
    text = editor_of(client.get(url("failed-record", failed)))

    response = client.post(
        url("record-document", failed),
        {"document": text.replace("j•••@", "k•••@"), "version": "1.0"},
    )

    assert response.status_code == 400
    assert "Write the whole value" in read(response)
    assert not Repair.objects.exists()


def test_a_fault_says_line_and_column_and_keeps_what_was_written(staff, failed):
    response = staff.post(
        url("record-document", failed), {"document": '{"a": 1\n"b"}', "version": "1.0"}
    )

    page = read(response)
    assert response.status_code == 400
    assert "Line 2, sign 1:" in page
    assert editor_of(response) == '{"a": 1\n"b"}'


def test_what_is_written_is_checked_while_one_types(staff, failed):
    text = json.dumps(PAYLOAD | {"unique_id": "1"})

    answer = staff.post(url("record-check", failed), {"document": text, "version": "1.0"}).json()

    assert {one["path"] for one in answer["faults"]} == {"unique_id", "value_currency"}
    assert not Repair.objects.exists()
    fine = json.dumps(PAYLOAD | {"value_currency": "EUR"})
    answer = staff.post(url("record-check", failed), {"document": fine, "version": "1.0"}).json()
    assert answer == {"faults": []}


def test_the_editor_is_for_support_and_its_script_is_a_file(client, world, failed):
    client.force_login(world.owner)
    assert "<textarea" not in look(client, failed)
    assert "repair.js" not in look(client, failed)
    for name in ("record-document", "record-check"):
        assert client.post(url(name, failed), {"document": "{}"}).status_code == 403
    client.force_login(world.support)
    assert "repair.js" in look(client, failed)
    assert "<textarea" in look(client, failed)


def test_two_people_in_one_editor_are_told_of_each_other(client, world, failed):
    client.force_login(world.support)
    text = editor_of(client.get(url("failed-record", failed)))
    client.force_login(world.staff)
    client.post(
        url("record-document", failed),
        {"document": text.replace('"eur"', '"EUR"'), "version": "1.0"},
    )
    client.force_login(world.support)
    late = json.dumps(PAYLOAD | {"value_currency": "CHF"})

    response = client.post(url("record-document", failed), {"document": late, "version": "1.0"})

    assert response.status_code == 409
    assert "support@console.test changed it meanwhile" in read(response)
    assert editor_of(response) == late
    assert Repair.objects.count() == 1


def test_a_change_is_taken_back(owner, failed):
    owner.post(url("record-field", failed), {"value": "CHF", "version": "1.0"})

    response = owner.post(url("record-take-back", failed), {"version": "1.1"})

    assert response.status_code == 302
    assert "What was changed" not in look(owner, failed)
    assert "The change was taken back" in look(owner, failed)


# --- sending -------------------------------------------------------------------------------------


def test_one_record_is_corrected_and_sent_with_one_button(owner, world, failed):
    response = owner.post(
        url("record-field", failed), {"value": "EUR", "version": "1.0", "then": "send"}
    )

    assert response.status_code == 302
    failed.refresh_from_db()
    assert failed.state == "sending"
    item = failed.replay_items.get()
    assert item.replay.asked_by == world.owner
    assert "sent it again" in look(owner, failed)


def test_a_second_click_sends_nothing_twice(owner, failed):
    for _ in range(2):
        owner.post(url("record-send", failed))

    assert failed.replay_items.filter(state__in=["waiting", "on_way"]).count() == 1


def test_a_shop_that_cannot_be_asked_leaves_the_record_open(owner, world, failed):
    Event.objects.filter(pk=failed.event_id).update(topic="checkouts/create")
    DeadLetter.objects.filter(pk=failed.pk).update(kind="started_checkout")

    page = read(owner.post(url("record-afresh", failed), follow=True))

    assert "cannot be fetched again" in page
    failed.refresh_from_db()
    assert failed.state == "open"


def test_content_that_has_served_its_term_is_said_to_be_gone(owner, world, failed, now):
    Event.objects.filter(pk=failed.event_id).update(body=b"")
    DeadLetter.objects.filter(pk=failed.pk).update(payload=b"", erased_at=now)

    page = look(owner, failed)

    assert "is not kept any more" in page
    assert "Show personal data" not in page
    assert 'name="value"' not in page


def test_the_page_takes_a_fixed_number_of_queries(owner, failed, django_assert_max_num_queries):
    for number in range(10):
        a.an_attempt(failed.event, number=number)
        a.a_dead_letter(failed.store, source_id="4711")
    with django_assert_max_num_queries(32):
        owner.get(url("failed-record", failed))
