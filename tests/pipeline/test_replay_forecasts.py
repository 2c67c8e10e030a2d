"""What sending again would lead to, known for each record before anything is sent."""

import json
from datetime import timedelta

import pytest

from integrations.domain.replays import Prospect
from integrations.models import Attempt, DeadLetter, Delivery, Event, ReplayItem
from integrations.pipeline import audit, replay_forecasts, replaying, replays
from sandbox.messages import Reply
from tests import factories

from .conftest import an_order, events_of
from .replays_world import drafted, given, given_order, letters, repaired, work
from .test_replaying import BAD, given_dead_orders, mend


def forecast(replay, clock):
    for _ in range(20):
        if not replay_forecasts.step(now=clock()):
            break
    replay.refresh_from_db()
    return replay_forecasts.read(replay)


def of(letter, clock):
    return replay_forecasts.of(DeadLetter.objects.get(pk=letter.pk), now=clock())


def test_each_record_has_its_prospect_and_nothing_is_sent_or_changed(klaviyo, store, clock):
    good, bad, gone, known, odd = given_dead_orders(store, clock, 5)
    for letter in (good, gone, known):
        mend(letter)
    DeadLetter.objects.filter(pk=gone.pk).update(erased_at=clock())
    given(store, "orders/updated", json.dumps(an_order(3)).encode(), clock)
    work(clock)
    DeadLetter.objects.exclude(kind="placed_order").update(state="binned")
    mend(odd, profile={"email": "somebody.else@mail.alpine-demo.shop"})
    Attempt.objects.create(
        event=odd.event, number=1, at=clock(), kind="transient", message="No answer."
    )
    told, ledger = len(events_of(klaviyo, "Placed Order")), Delivery.objects.count()
    replay = drafted(store, clock)

    found = forecast(replay, clock)

    expected = {
        good.pk: "recorded",
        bad.pk: "refused",
        gone.pk: "gone",
        known.pk: "ignored",
        odd.pk: "twice",
    }
    assert dict(ReplayItem.objects.values_list("dead_letter", "prospect")) == expected
    counted = (found.recorded, found.refused, found.gone, found.ignored, found.twice)
    assert counted == (1, 1, 1, 1, 1)
    assert found.ready
    assert replay.forecast_at is not None
    assert (len(events_of(klaviyo, "Placed Order")), Delivery.objects.count()) == (told, ledger)
    assert letters().count("open") == 5
    assert of(good, clock) is Prospect.RECORDED
    assert of(odd, clock) is Prospect.TWICE


def test_what_was_left_behind_by_another_integration_may_count_twice(klaviyo, store, clock):
    [letter] = given_dead_orders(store, clock, 1)
    mend(letter)
    cause = factories.a_cause(store.merchant, platform="import")
    DeadLetter.objects.filter(pk=letter.pk).update(cause=cause)

    assert of(letter, clock) is Prospect.TWICE


def test_what_cannot_be_read_would_be_refused_until_it_is_repaired(klaviyo, store, clock):
    given(store, "orders/create", b"{broken", clock)
    work(clock)
    letter = DeadLetter.objects.get()

    assert of(letter, clock) is Prospect.REFUSED
    repaired(letter, an_order(1))
    assert of(letter, clock) is Prospect.RECORDED
    repaired(letter, an_order(1, **BAD))
    assert of(letter, clock) is Prospect.REFUSED


@pytest.mark.parametrize(("hours", "young"), [(1, 1), (5, 0)])
def test_only_young_records_could_start_flows(klaviyo, store, clock, hours, young):
    ago = timedelta(hours=hours)
    given(store, "orders/create", json.dumps(an_order(1, **BAD)).encode(), clock, ago=ago)
    work(clock)
    DeadLetter.objects.exclude(kind="placed_order").update(state="binned")
    mend(DeadLetter.objects.get(kind="placed_order"))

    found = forecast(drafted(store, clock), clock)

    assert found.young == young
    assert found.looked_at_flows
    assert found.flows == []
    assert not found.could_message(silent=True)
    found.flows = ["Thank you"]
    assert found.could_message(silent=True) is bool(young)
    assert found.could_message(silent=False)


def test_what_klaviyo_does_not_say_counts_as_listening(klaviyo, store, clock):
    [letter] = given_dead_orders(store, clock, 1)
    mend(letter)
    klaviyo.script.revoked = {"pk_demo"}

    found = forecast(drafted(store, clock), clock)

    assert found.ready
    assert not found.looked_at_flows
    assert found.could_message(silent=True)


def test_a_worker_makes_the_forecast_of_a_draft_and_none_of_what_has_begun(klaviyo, store, clock):
    [letter] = given_dead_orders(store, clock, 1)
    mend(letter)
    replay = drafted(store, clock)
    assert replay_forecasts.is_due(now=clock())

    replaying.run(clock=clock, stopping=lambda: False)

    assert not replay_forecasts.is_due(now=clock())
    replay.refresh_from_db()
    assert replay_forecasts.read(replay).ready
    other = drafted(store, clock)
    replays.cancel(other, by=audit.AUTOMATIC, now=clock())
    assert not replay_forecasts.is_due(now=clock())


def test_a_long_list_is_looked_at_in_steps(klaviyo, store, clock, monkeypatch):
    monkeypatch.setattr(replay_forecasts, "A_STEP", 2)
    monkeypatch.setattr(replay_forecasts, "MOST_BYTES", 1)
    for number in range(3):
        given_order(store, number, clock, **BAD)
    work(clock)
    DeadLetter.objects.exclude(kind="placed_order").update(state="binned")
    replay = drafted(store, clock)

    assert replay_forecasts.step(now=clock())

    replay.refresh_from_db()
    assert (replay_forecasts.read(replay).at, replay_forecasts.read(replay).ready) == (1, False)
    found = forecast(replay, clock)
    assert (found.refused, found.ready) == (3, True)
    assert Event.objects.filter(state="dead").count() == 3


def test_what_klaviyo_refused_would_be_refused_again_until_it_is_changed(klaviyo, store, clock):
    error = {"code": "invalid", "detail": "Value is not welcome.", "source": {}}
    refusal = Reply(400, {"errors": [error]}, media_type="application/json")
    klaviyo.script.answer_next(refusal, times=20, match="/api/event")
    given_order(store, 1, clock)
    work(clock)
    klaviyo.script.reset()
    letter = DeadLetter.objects.get(kind="placed_order")

    found = replay_forecasts.outlook_of(letter, now=clock())
    assert found.prospect is Prospect.REFUSED
    assert "Value is not welcome." in found.why

    repaired(letter, json.loads(bytes(letter.payload)) | {"value": 5})
    assert of(letter, clock) is Prospect.RECORDED


@pytest.mark.parametrize("status", [409, 429, 500, None])
def test_what_failed_for_another_reason_may_pass_as_it_is(klaviyo, store, clock, status):
    error = {"code": "invalid", "detail": "Value is not welcome.", "source": {}}
    refusal = Reply(400, {"errors": [error]}, media_type="application/json")
    klaviyo.script.answer_next(refusal, times=20, match="/api/event")
    given_order(store, 1, clock)
    work(clock)
    DeadLetter.objects.update(status=status)

    assert of(DeadLetter.objects.get(kind="placed_order"), clock) is Prospect.RECORDED
