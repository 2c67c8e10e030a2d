"""What a client sees when it sends events."""

import pytest

from tests.sandbox.talk import ALICE, BOB, a_batch, an_event, attributes, person, pointers

BULK = "event-bulk-create-jobs"
IN_BULK = "/data/attributes/events-bulk-create/data"


def test_an_event_is_accepted_without_a_body_and_kept(klaviyo):
    answer = klaviyo.post("events", an_event())

    assert (answer.status_code, answer.content) == (202, b"")
    [event] = klaviyo.events()
    assert event["unique_id"] == "1001"
    assert event["profile"] == {"email": ALICE}
    assert event["properties"] == {"OrderId": "1001"}


def test_of_a_repeated_identity_the_first_counts_and_the_repeats_are_counted(klaviyo):
    klaviyo.post("events", an_event(value=1))
    klaviyo.post("events", an_event(value=2))
    klaviyo.post("events", an_event(metric="Refunded Order"))
    klaviyo.post("events", an_event(profile=person(email=BOB)))

    assert [(e["value"], e["times_sent"]) for e in klaviyo.events()] == [(1.0, 2), (99.5, 1)]
    assert klaviyo.look("state")["accounts"]["DEMO01"]["sent_again"] == 1


def test_without_a_unique_id_a_second_holds_one_event(klaviyo):
    for _ in range(2):
        klaviyo.post("events", an_event(unique_id=None))

    assert len(klaviyo.events()) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": "99.50"}, "/value"),
        ({"unique_id": 1001}, "/unique_id"),
        ({"unique_id": "x" * 256}, "/unique_id"),
        ({"time": "yesterday"}, "/time"),
        ({"time": "1999-12-31T00:00:00Z"}, "/time"),
        ({"time": "2029-01-01T00:00:00Z"}, "/time"),
        ({"properties": []}, "/properties"),
        ({"properties": {str(n): n for n in range(401)}}, "/properties"),
        ({"properties": {"a": list(range(4001))}}, "/properties"),
        ({"properties": {"a": "x" * 102_401}}, "/properties"),
        ({"properties": {"a": "é" * 60_000}}, "/properties"),
        ({"metric": {"data": {"type": "metric", "attributes": {"name": ""}}}},
         "/metric/data/attributes/name"),
        ({"metric": {"data": {"type": "metric", "attributes": {"name": "x" * 128}}}},
         "/metric/data/attributes/name"),
        ({"surprise": 1}, "/surprise"),
        ({"profile": person(email="not an address")}, "/profile/data/attributes/email"),
        ({"profile": person(email="a" * 90 + "@mail.shop.shop")}, "/profile/data/attributes/email"),
        ({"profile": person(email=ALICE, phone_number="555-625")},
         "/profile/data/attributes/phone_number"),
        ({"profile": person(first_name="Nobody")}, "/profile/data/attributes"),
        ({"profile": person(email=ALICE, favourite="tea")}, "/profile/data/attributes/favourite"),
    ],
)  # fmt: skip
def test_a_bad_field_is_refused_with_a_pointer_to_it(klaviyo, changes, field):
    answer = klaviyo.post("events", an_event(**changes))

    assert answer.status_code == 400
    assert pointers(answer)[0].startswith(f"/data/attributes{field}")
    assert klaviyo.events() == []


def test_ten_levels_are_taken_and_eleven_are_not(klaviyo):
    nested = {"x": 1}
    for _ in range(9):
        nested = {"x": nested}

    assert klaviyo.post("events", an_event(properties=nested)).status_code == 202
    assert klaviyo.post("events", an_event("2", properties={"x": nested})).status_code == 400


def test_one_bad_event_refuses_the_whole_batch_and_the_pointer_names_it(klaviyo):
    events = [attributes(str(n)) for n in range(3)]
    events[2]["value"] = "12"

    answer = klaviyo.post(BULK, a_batch((person(), events)))

    assert answer.status_code == 400
    assert pointers(answer) == [f"{IN_BULK}/0/attributes/events/data/2/attributes/value"]
    assert klaviyo.events() == []


def test_every_faulty_identifier_of_a_batch_is_pointed_at(klaviyo):
    groups = [(person(email=bad), [attributes()]) for bad in (ALICE, "x", "y")]

    answer = klaviyo.post(BULK, a_batch(*groups))

    ends = "attributes/profile/data/attributes/email"
    assert pointers(answer) == [f"{IN_BULK}/{n}/{ends}" for n in (1, 2)]


def test_pointers_can_be_withheld(klaviyo):
    klaviyo.script(pointers=False)

    answer = klaviyo.post(BULK, a_batch((person(email="x"), [attributes()])))

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {}


def test_a_repeat_inside_a_batch_refuses_it(klaviyo):
    answer = klaviyo.post(BULK, a_batch((person(), [attributes("1"), attributes("1")])))

    assert answer.status_code == 400
    assert pointers(answer)[0].endswith("/events/data/1/attributes/unique_id")


def test_a_thousand_events_are_taken_and_one_more_is_not(klaviyo):
    thousand = [attributes(str(n)) for n in range(1000)]

    assert klaviyo.post(BULK, a_batch((person(), thousand))).status_code == 202
    assert klaviyo.post(BULK, a_batch((person(), [*thousand, attributes("x")]))).status_code == 400
    assert klaviyo.look("state")["accounts"]["DEMO01"]["events"] == 1000


def test_more_than_five_megabytes_are_refused(klaviyo):
    big = [attributes(str(n), properties={"x": "y" * 90_000}) for n in range(60)]

    assert klaviyo.post(BULK, a_batch((person(), big))).status_code == 413


def test_test_domains_are_accepted_and_thrown_away(klaviyo):
    answer = klaviyo.post("events", an_event(profile=person(email="a@example.com")))

    assert answer.status_code == 202
    assert klaviyo.events() == []
    assert klaviyo.look("state")["accounts"]["DEMO01"]["dropped"] == 1


def test_what_is_lost_after_a_202_is_remembered_for_the_judge(klaviyo):
    klaviyo.script(lose_after_202=1.0)

    assert klaviyo.post("events", an_event()).status_code == 202

    assert klaviyo.events() == []
    assert [one["unique_id"] for one in klaviyo.look("lost")["lost"]] == ["1001"]


def test_accounts_do_not_see_each_other(klaviyo):
    klaviyo.call("POST", "events", an_event(), key="pk_other")

    assert klaviyo.events() == []
    assert len(klaviyo.look("events", account="OTHER2")["events"]) == 1
