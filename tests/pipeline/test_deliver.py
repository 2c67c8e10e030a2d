"""From operations to what Klaviyo holds, whatever its answers are."""

import json
from datetime import timedelta

import pytest
from django.db import transaction

from integrations.domain.lanes import Lane
from integrations.domain.retries import MAX_FAILURES
from integrations.models import (
    Attempt,
    Budget,
    Call,
    Credential,
    DeadLetter,
    Delivery,
    Event,
    KlaviyoAccount,
    StoreLane,
    Tally,
)
from integrations.models.lanes import Claim
from integrations.pipeline import bookkeeping, ledger, upkeep
from sandbox.messages import Drop, Reply
from sandbox.script import html_forbidden
from tests import factories

from .conftest import an_order, events_of, profile_of

EVENTS = "/api/event-bulk-create-jobs"
PROFILES = "/api/profile-bulk-import-jobs"
PROFILE = "/api/profile-import"


def given_orders(store, count, *, first=1, **changes):
    """Orders in the inbox, without the way through the door."""
    for number in range(first, first + count):
        body = json.dumps(an_order(number, **changes)).encode()
        factories.an_event(store, body=body)


def calls_to(klaviyo, path):
    return [call for call in klaviyo.calls if call["path"] == path and call["method"] == "POST"]


def account_of(klaviyo):
    return klaviyo.accounts["DEMO01"]


def work_until_quiet(work, clock, *, rounds=40, **step):
    for _ in range(rounds):
        work()
        if not Event.objects.waiting().exists():
            return
        clock.forward(**step or {"minutes": 10})


# --- batches ------------------------------------------------------------------------------------


def test_a_thousand_orders_are_a_handful_of_calls_within_klaviyos_sizes(klaviyo, store, work):
    given_orders(store, 700)

    work()

    assert len(events_of(klaviyo, "Placed Order")) == 700
    sizes = [call["bytes"] for call in calls_to(klaviyo, EVENTS)]
    assert len(sizes) <= 4
    assert max(sizes) <= 5_000_000
    assert (
        max(Call.objects.filter(endpoint__startswith="event").values_list("items", flat=True))
        <= 1000
    )
    assert not klaviyo.rates.refused


def test_large_orders_are_split_by_their_bytes(klaviyo, store, work):
    lines = [{"id": n, "title": "T" * 9000, "quantity": 1, "price": "1"} for n in range(1, 8)]
    given_orders(store, 60, line_items=lines)

    work()

    assert len(events_of(klaviyo, "Placed Order")) == 60
    sizes = [call["bytes"] for call in calls_to(klaviyo, EVENTS)]
    assert len(sizes) > 1
    assert max(sizes) <= 5_000_000


def test_a_body_klaviyo_finds_too_large_is_halved_until_it_passes(klaviyo, store, work):
    klaviyo.script.answer_next(Reply(413, {"errors": []}), times=3, match=EVENTS)
    given_orders(store, 40)

    work()

    assert len(events_of(klaviyo, "Placed Order")) == 40
    assert not DeadLetter.objects.exists()
    assert not list(account_of(klaviyo).doubles())


def test_one_record_too_large_even_alone_is_put_aside(klaviyo, store, work):
    klaviyo.script.answer_next(Reply(413, {"errors": []}), times=50, match="/api/event")
    given_orders(store, 1)

    work()

    assert Event.objects.get().state == "dead"
    assert {one.status for one in DeadLetter.objects.all()} == {413}


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pointers", [True, False], ids=["pointers", "no pointers"])
def test_one_bad_record_in_a_thousand_stops_nobody_else(klaviyo, store, work, clock, pointers):
    klaviyo.settings.pointers = pointers
    refuse(klaviyo, "#1257")
    given_orders(store, 400)

    work_until_quiet(work, clock, seconds=5)

    assert len(events_of(klaviyo, "Placed Order")) == 399
    letter = DeadLetter.objects.get()
    assert letter.kind == "placed_order"
    assert letter.event.state == "dead"
    assert b"#1257" in bytes(letter.payload)
    assert letter.message == "This one is not welcome."
    if pointers:
        assert letter.cause.field == "properties.OrderNumber"
    assert Event.objects.filter(state="delivered").count() == 399
    assert not list(account_of(klaviyo).doubles())
    [tally] = Tally.objects.all()
    assert (tally.delivered, tally.dead) == (399, 1)


def refuse(klaviyo, *words):
    """A Klaviyo that dislikes the orders of these names, with the pointers it was told to give."""

    def judge(call):
        where = None
        if "events-bulk-create" in call.body.decode():
            groups = call.json["data"]["attributes"]["events-bulk-create"]["data"]
            at = "/data/attributes/events-bulk-create/data/{}/attributes/events/data/0/attributes"
            for number, group in enumerate(groups):
                [event] = group["attributes"]["events"]["data"]
                if event["attributes"]["properties"].get("OrderNumber") in words:
                    where = at.format(number) + "/properties/OrderNumber"
        elif call.json["data"]["attributes"]["properties"].get("OrderNumber") in words:
            where = "/data/attributes/properties/OrderNumber"
        if where is None:
            return None
        source = {"pointer": where} if klaviyo.settings.pointers else {}
        error = {"code": "invalid", "title": "", "detail": "This one is not welcome."}
        return Reply(400, {"errors": [error | {"source": source}]}, media_type="application/json")

    klaviyo.script.answer_next(judge, times=10_000, match="/api/event")


def test_many_bad_records_are_all_found_and_each_named(klaviyo, store, work, clock):
    refuse(klaviyo, *(f"#{n}" for n in range(1005, 1100, 10)))
    given_orders(store, 100)

    work_until_quiet(work, clock, seconds=5)

    assert DeadLetter.objects.count() == 10
    assert len(events_of(klaviyo, "Placed Order")) == 90


def test_two_people_who_are_one_at_klaviyo_are_a_persons_decision(klaviyo, store, post, work):
    person = {"id": 5, "email": "ann@mail.alpine-demo.shop", "updated_at": "2026-11-20T12:00:00Z"}
    other = {"id": 6, "email": "bob@mail.alpine-demo.shop", "updated_at": "2026-11-20T12:00:00Z"}
    post(store, "customers/create", person | {"phone": "+4915123456789"})
    work()
    post(store, "customers/create", other)
    work()
    later = {"phone": "+4915123456789", "updated_at": "2026-11-20T13:00:00Z"}
    post(store, "customers/update", other | later)
    work()

    letter = DeadLetter.objects.get()
    assert (letter.cause.code, letter.status) == ("duplicate_profile", 409)


@pytest.mark.parametrize("status", [404, 405, 410, 415])
def test_an_answer_that_repeating_cannot_change_ends_the_record(klaviyo, store, work, status):
    error = {"errors": [{"code": "not_found", "title": "Gone", "detail": "Gone."}]}
    klaviyo.script.answer_next(Reply(status, error), match="/api/event")
    given_orders(store, 1)

    work()

    assert Event.objects.get().state == "dead"
    assert {letter.status for letter in DeadLetter.objects.all()} == {status}


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_proxys_page_ends_no_record(klaviyo, store, work, clock, status):
    page = Reply(status, b"<html>nginx</html>", media_type="text/html")
    klaviyo.script.answer_next(page, times=2, match="/api/event")
    given_orders(store, 30)

    work()
    assert not DeadLetter.objects.exists()
    work_until_quiet(work, clock)

    assert len(events_of(klaviyo, "Placed Order")) == 30


# --- companions ---------------------------------------------------------------------------------


NAMED = {"billing_address": {"first_name": "Ada", "last_name": "Byron", "city": "Bern"}}


def test_what_is_known_of_a_buyer_goes_with_their_order(klaviyo, store, work):
    given_orders(store, 3, **NAMED)

    work()

    assert len(calls_to(klaviyo, EVENTS)) == 1
    assert not calls_to(klaviyo, PROFILE)
    assert profile_of(klaviyo, "buyer2@mail.alpine-demo.shop")["first_name"] == "Ada"
    told = Delivery.objects.filter(kind__in=["profile", "placed_order"])
    assert told.filter(present=True).count() == 6
    assert set(told.values_list("call", flat=True)) == {Call.objects.get().pk}


def test_an_order_never_names_an_address_and_a_number_at_once(klaviyo, store, work):
    given_orders(store, 1, phone="+4915123456789", **NAMED)
    seen = []
    klaviyo.script.answer_next(lambda call: seen.append(call), times=100, match="/api/event")

    work()

    assert len(calls_to(klaviyo, PROFILE)) == 1
    assert seen
    assert all(b"phone_number" not in call.body for call in seen)


@pytest.mark.parametrize("status", [400, 413])
def test_an_order_goes_without_a_companion_that_klaviyo_does_not_like(klaviyo, store, work, status):
    def judge(call):
        if b'"last_name":"Byron"' not in call.body:
            return None
        error = {"code": "invalid", "title": "", "detail": "No such name."}
        return Reply(status, {"errors": [error]}, media_type="application/json")

    klaviyo.script.answer_next(judge, times=1000, match="/api/")
    given_orders(store, 2, **NAMED)
    given_orders(store, 1, first=3)

    work()

    assert len(events_of(klaviyo, "Placed Order")) == 3
    assert {one.kind for one in DeadLetter.objects.all()} == {"profile"}
    assert DeadLetter.objects.count() == 2


def test_a_companion_waits_with_its_order_and_arrives_with_it(klaviyo, store, work, clock):
    klaviyo.script.answer_next(Reply(429, {"errors": []}, {"Retry-After": "30"}), match=EVENTS)
    given_orders(store, 1, **NAMED)
    work()
    assert set(Event.objects.values_list("state", "attempts", "failures")) == {("waiting", 0, 0)}
    assert not Delivery.objects.filter(kind="profile", present=True).exists()

    work_until_quiet(work, clock, minutes=1)

    assert profile_of(klaviyo, "buyer1@mail.alpine-demo.shop")["last_name"] == "Byron"


def test_a_companion_goes_on_when_its_order_is_put_aside(klaviyo, store, work):
    gone = Reply(404, {"errors": [{"code": "not_found", "title": "Gone", "detail": "Gone."}]})
    klaviyo.script.answer_next(gone, match="/api/event")
    given_orders(store, 1, **NAMED)

    work()

    assert {one.kind for one in DeadLetter.objects.all()} == {"placed_order", "ordered_product"}
    assert profile_of(klaviyo, "buyer1@mail.alpine-demo.shop")["first_name"] == "Ada"


# --- logins -------------------------------------------------------------------------------------


def test_a_refused_login_costs_a_call_or_two_and_burns_nothing(klaviyo, store, work, clock):
    klaviyo.script.revoked = {"pk_demo"}
    given_orders(store, 300)

    work()
    clock.forward(minutes=1)
    work()

    assert len(klaviyo.calls) <= 3
    held = KlaviyoAccount.objects.get()
    assert held.held_since is not None
    assert held.held_reason
    assert Credential.objects.get().state == "needs_reconnect"
    assert set(Event.objects.values_list("state", "attempts", "failures")) == {("waiting", 0, 0)}
    assert not StoreLane.objects.any_due(clock())


def test_held_work_goes_on_by_itself_when_the_login_works_again(klaviyo, store, work, clock):
    klaviyo.script.revoked = {"pk_demo"}
    given_orders(store, 3)
    work()
    seen = len(klaviyo.calls)

    assert upkeep.check_due(clock=clock, stopping=lambda: False) == 0, "too soon to ask again"
    clock.forward(minutes=6)
    assert upkeep.check_due(clock=clock, stopping=lambda: False) == 0
    assert upkeep.check_due(clock=clock, stopping=lambda: False) == 0, "one call for several sweeps"
    assert len(klaviyo.calls) == seen + 1
    klaviyo.script.revoked = set()
    clock.forward(minutes=6)
    assert upkeep.check_due(clock=clock, stopping=lambda: False) == 1
    work()

    assert len(events_of(klaviyo, "Placed Order")) == 3
    assert Credential.objects.get().state == "active"
    assert KlaviyoAccount.objects.get().held_reason == ""


def test_a_missing_permission_is_told_apart_from_the_proxys_page(klaviyo, store, work, clock):
    klaviyo.script.answer_next(html_forbidden(), times=2)
    given_orders(store, 2)
    work()
    assert KlaviyoAccount.objects.get().held_since is None
    assert set(Event.objects.values_list("state", flat=True)) == {"waiting"}

    work_until_quiet(work, clock)
    assert len(events_of(klaviyo, "Placed Order")) == 2

    denied = {"errors": [{"code": "permission_denied", "title": "", "detail": "Scope missing."}]}
    klaviyo.script.answer_next(Reply(403, denied))
    factories.an_event(store, body=json.dumps(an_order(9)).encode())
    work()
    assert KlaviyoAccount.objects.get().held_since is not None
    assert Credential.objects.get().state == "missing_scopes"


def test_a_key_with_odd_signs_is_refused_by_klaviyo_and_not_by_us(klaviyo, store, work):
    login = Credential.objects.get()
    login.keep("pk_–demo")
    login.save()
    given_orders(store, 1)

    work()

    assert KlaviyoAccount.objects.get().held_since is not None
    assert Event.objects.get().crashes == 0


def test_a_login_that_cannot_be_decrypted_holds_the_account(klaviyo, store, work, settings):
    settings.FIELD_ENCRYPTION_KEYS = ["bmV2ZXItdXNlZC1iZWZvcmUtbmV2ZXItdXNlZC1iZWY="]
    given_orders(store, 1)

    work()

    assert KlaviyoAccount.objects.get().held_since is not None
    assert Event.objects.get().state == "waiting"


# --- waits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [2, 30])
def test_a_wait_klaviyo_asks_for_is_obeyed_and_costs_no_try(klaviyo, store, work, clock, seconds):
    throttled = Reply(429, {"errors": []}, {"Retry-After": str(seconds)})
    klaviyo.script.answer_next(throttled, match=EVENTS)
    given_orders(store, 20)
    work()
    before = len(calls_to(klaviyo, EVENTS))

    clock.forward(seconds=seconds - 1.5)
    work()
    assert len(calls_to(klaviyo, EVENTS)) == before
    assert set(Event.objects.values_list("state", "attempts", "failures")) == {("waiting", 0, 0)}
    assert StoreLane.objects.get(lane=0).wait_reason

    clock.forward(seconds=3)
    work()
    assert len(events_of(klaviyo, "Placed Order")) == 20
    assert set(Event.objects.values_list("state", "attempts")) == {("delivered", 1)}


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_holds_for_every_store_of_the_account(klaviyo, store, work, clock, status):
    other = factories.a_store(store.klaviyo_account, token="")
    klaviyo.script.answer_next(Reply(status, {"errors": []}, {"Retry-After": "60"}), match=EVENTS)
    given_orders(store, 20)
    work()
    given_orders(other, 20, first=100)
    work()
    assert len(calls_to(klaviyo, EVENTS)) == 1

    clock.forward(seconds=50)
    work()
    assert len(calls_to(klaviyo, EVENTS)) == 1
    clock.forward(seconds=15)
    work_until_quiet(work, clock, minutes=2)

    assert len(events_of(klaviyo, "Placed Order")) == 40


@pytest.mark.parametrize(
    "trouble",
    [Reply(500), Reply(502), Reply(503), Reply(504), Drop.BEFORE, Drop.AFTER],
    ids=["500", "502", "503", "504", "dropped before", "dropped after"],
)
def test_trouble_of_klaviyos_own_is_waited_out_and_nothing_counts_twice(
    klaviyo, store, post, work, clock, trouble
):
    klaviyo.script.answer_next(trouble, times=2, match="/api/")
    given_orders(store, 12)

    work()
    failed = Event.objects.filter(state="waiting")
    assert failed.exists()
    assert set(failed.values_list("attempts", "failures")) == {(1, 1)}
    attempt = Attempt.objects.first()
    assert attempt.number == 1
    assert attempt.next_attempt_at == attempt.event.next_attempt_at
    assert attempt.call is not None
    work_until_quiet(work, clock)

    assert len(events_of(klaviyo, "Placed Order")) == 12
    assert len(events_of(klaviyo, "Ordered Product")) == 12
    assert profile_of(klaviyo, "buyer7@mail.alpine-demo.shop")
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    assert Tally.objects.get().delivered == 12


def test_an_answer_that_comes_too_late_is_no_answer(klaviyo, store, work, clock, monkeypatch):
    from integrations.platforms import http

    monkeypatch.setattr(http, "TIMEOUT", (1.0, 0.3))
    klaviyo.script.delay = 0.6
    given_orders(store, 1)
    work()
    event = Event.objects.get()
    assert event.state == "waiting"
    assert event.last_error == "No answer in time."

    klaviyo.script.delay = 0.0
    work_until_quiet(work, clock)
    assert len(events_of(klaviyo, "Placed Order")) == 1


def test_the_second_refund_never_takes_the_id_of_a_first_whose_answer_was_lost(
    klaviyo, store, post, work, clock
):
    order = an_order()
    post(store, "orders/create", order)
    work()
    klaviyo.script.answer_next(Drop.AFTER, match="/api/event")
    refund = {
        "id": 1,
        "order_id": order["id"],
        "created_at": "2026-11-20T12:00:00Z",
        "transactions": [{"kind": "refund", "status": "success", "amount": "10.00"}],
    }
    post(store, "refunds/create", refund)
    work()
    Event.objects.waiting().update(next_attempt_at=clock() + timedelta(hours=2))
    clock.forward(minutes=10)
    other = {"transactions": [{"kind": "refund", "status": "success", "amount": "3.00"}]}
    post(store, "refunds/create", refund | {"id": 2} | other)
    work()
    clock.forward(hours=3)
    work()

    found = {one["unique_id"]: one["value"] for one in events_of(klaviyo, "Refunded Order")}
    assert found == {str(order["id"]): 10.0, f"{order['id']}_2": 3.0}
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}


def test_what_fails_again_and_again_ends_with_a_person(klaviyo, store, work, clock):
    klaviyo.script.answer_next(Reply(500), times=10_000)
    given_orders(store, 1)

    work_until_quiet(work, clock, hours=2)

    event = Event.objects.get()
    assert (event.state, event.failures) == ("dead", MAX_FAILURES)
    letter = DeadLetter.objects.get()
    assert letter.cause.code == "gave_up"
    assert letter.attempts == MAX_FAILURES
    numbers = list(event.tries.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, MAX_FAILURES + 1))
    assert {attempt.status for attempt in event.tries.all()} == {500}


def test_an_outage_costs_one_try_a_round_and_not_a_call_for_every_event(
    klaviyo, store, work, clock
):
    klaviyo.script.answer_next(Reply(500), times=10_000)
    given_orders(store, 500)

    work()

    assert len(klaviyo.calls) <= 4
    lane = StoreLane.objects.get(lane=0)
    assert lane.not_before > clock()
    assert lane.failures == 1


# --- what the ledger knows ----------------------------------------------------------------------


def test_churn_of_an_order_sends_nothing_again(klaviyo, store, post, work):
    post(store, "orders/create", an_order())
    work()
    before = len(klaviyo.calls)
    for minute in range(5):
        moment = f"2026-11-21T10:0{minute}:00Z"
        post(store, "orders/updated", an_order(tags=f"tag-{minute}", updated_at=moment))
        work()

    assert len(klaviyo.calls) == before
    assert set(Event.objects.filter(topic="orders/updated").values_list("skip", flat=True)) == {
        "unchanged"
    }


def test_versions_in_any_order_end_as_the_newest(klaviyo, store, post, work):
    person = {"id": 5, "email": "ann@mail.alpine-demo.shop"}
    for hour in (12, 15, 11, 14, 10, 13):
        said = {"first_name": f"Ann {hour}", "updated_at": f"2026-11-20T{hour}:00:00Z"}
        post(store, "customers/update", person | said)
        if hour % 2:
            work()
    work()

    assert profile_of(klaviyo, "ann@mail.alpine-demo.shop")["first_name"] == "Ann 15"
    assert Event.objects.filter(state="waiting").count() == 0


def test_an_older_ledger_row_never_replaces_a_newer_one(klaviyo, store, post, work, clock):
    person = {"id": 5, "email": "ann@mail.alpine-demo.shop", "first_name": "Ann"}
    post(store, "customers/update", person | {"updated_at": "2026-11-20T12:00:00Z"})
    work()
    [version] = Delivery.objects.values_list("version", flat=True)

    # Another process, whose batch was planned before this one was settled, settles last.
    row = Delivery.objects.get()
    old = ledger.Entry(
        kind=row.kind,
        identity=row.identity,
        source_id=row.source_id,
        profile=row.profile,
        fingerprint=b"old",
        version=version - timedelta(hours=1),
        present=True,
        event_id=None,
        call=None,
    )
    claim = Claim(0, store.pk, Lane.LIVE, 0, [], 1, 0, clock())
    lane = bookkeeping.GivenBack(
        claim,
        store.klaviyo_account_id,
        [],
        None,
        "",
        0,
        is_troubled=False,
        most=1,
        progressed_at=None,
    )
    with transaction.atomic():
        bookkeeping.finish(lane, bookkeeping.Books([old], [], [], []), [], now=clock())

    row.refresh_from_db()
    assert (row.version, bytes(row.fingerprint) != b"old") == (version, True)


def test_metric_names_are_those_of_the_account(klaviyo, store, post, work):
    account = store.klaviyo_account
    account.metric_names = {"placed_order": "Shop: Placed Order"}
    account.save()

    post(store, "orders/create", an_order())
    work()

    assert len(events_of(klaviyo, "Shop: Placed Order")) == 1
    assert len(events_of(klaviyo, "Ordered Product")) == 1


def test_only_the_live_lane_may_start_flows(klaviyo, store, work):
    for lane in (0, 1, 2, 3):
        body = json.dumps(an_order(lane + 1)).encode()
        factories.an_event(store, body=body, lane=lane)

    work()

    said = {one["unique_id"]: one["backfill"] for one in events_of(klaviyo, "Placed Order")}
    assert list(said.values()).count(False) == 1
    assert said[str(an_order(1)["id"])] is False


def test_nobody_is_ever_subscribed(klaviyo, store, post, work):
    post(store, "orders/create", an_order(buyer_accepts_marketing=True))
    consent = {"state": "subscribed", "consent_updated_at": "2026-11-20T12:00:00Z"}
    post(store, "customers_email_marketing_consent/update",
         {"customer_id": 5, "email_marketing_consent": consent})  # fmt: skip
    post(store, "customers_marketing_consent/update", {"id": 5, "sms_marketing_consent": consent})
    work()

    assert not [call for call in klaviyo.calls if "subscription" in call["path"]]
    assert "subscri" not in str(profile_of(klaviyo, "buyer1@mail.alpine-demo.shop")).lower()
    assert Event.objects.filter(skip="consent_off").count() == 2


# --- budgets ------------------------------------------------------------------------------------


def test_klaviyos_limits_are_never_run_into(klaviyo, store, work):
    klaviyo.rates.tiers |= {f"POST {EVENTS}": (10, 150), "POST /api/events": (350, 3500)}
    for number in range(60):
        factories.an_event(store, body=json.dumps(an_order(number)).encode())
        if number % 3 == 0:
            work()
    work()

    assert sum(klaviyo.rates.refused.values()) == 0
    assert len(events_of(klaviyo, "Placed Order")) == 60


def test_a_limit_klaviyo_names_replaces_the_published_one(klaviyo, store, work):
    klaviyo.rates.tiers |= {f"POST {EVENTS}": (5, 60)}
    given_orders(store, 20)

    work()

    row = Budget.objects.get(endpoint="event-bulk-create-jobs")
    assert row.steady == 60
    assert row.burst == 4


def test_calls_somebody_else_makes_on_the_account_count_too(klaviyo, store, work):
    klaviyo.script.answer_next(
        Reply(202, None, {"RateLimit-Limit": "150", "RateLimit-Remaining": "3",
                          "RateLimit-Reset": "40"}),
        match=EVENTS,
    )  # fmt: skip
    given_orders(store, 20)

    work()

    row = Budget.objects.get(endpoint="event-bulk-create-jobs")
    assert sum(row.slots.values()) == 147
