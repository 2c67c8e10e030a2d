"""Several shops that feed one account share its limits, and waste little of them."""

import json
import threading
import time

from django.db import connection

from integrations.domain.lanes import Lane
from integrations.models import Call, Event, StoreLane
from integrations.pipeline import budgets, filling, inbox
from integrations.platforms.klaviyo.endpoints import Endpoint
from tests import factories

from .conftest import an_order, events_of


def receive(store, numbers, lane):
    Event.objects.bulk_create(
        Event(
            store=store,
            topic="orders/create",
            webhook_id=f"{store.pk}-{lane}-{number}",
            body=json.dumps(an_order(number)).encode(),
            received_at=factories.NOON,
            triggered_at=factories.NOON,
            next_attempt_at=factories.NOON,
            lane=lane,
        )
        for number in numbers
    )


def test_many_shops_on_one_account_never_exceed_its_limits(klaviyo, transactional_db, clock):
    account = factories.an_account()
    stores = [factories.a_store(account, token="") for _ in range(4)]
    for store in stores:
        # Small batches, so that there are many calls.
        StoreLane.objects.filter(store=store).update(batch_limit=3)
        receive(store, range(40), Lane.BACKFILL)
        receive(store, range(100, 104), Lane.LIVE)
    until = time.monotonic() + 25

    def work():
        try:
            while time.monotonic() < until:
                # As another process, which remembers nothing of what these threads know.
                claim = StoreLane.objects.claim(by="test", now=clock(), lowest=Lane.REPORT)
                if claim is None:
                    if not Event.objects.waiting().exists():
                        return
                    time.sleep(0.05)
                    continue
                StoreLane.objects.filter(pk=claim.pk).update(batch_limit=3)
                inbox.work_off(claim, clock=clock, stopping=lambda: False)
                StoreLane.objects.filter(pk=claim.pk).update(batch_limit=3)
        finally:
            connection.close()

    crew = [threading.Thread(target=work) for _ in range(4)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()

    assert not Event.objects.waiting().filter(lane=Lane.LIVE).exists()
    assert not klaviyo.rates.violations
    assert not klaviyo.rates.refused
    assert set(Call.objects.values_list("lane", flat=True)) == {0, 2}


def test_requests_of_past_data_are_full_while_more_waits(klaviyo, store, clock, monkeypatch):
    orders, batch = 700, 500
    monkeypatch.setattr(filling, "FULL", 100)
    receive(store, range(orders), Lane.BACKFILL)

    claim = StoreLane.objects.claim(by="test", now=clock(), lowest=Lane.REPORT)
    inbox.work_off(claim, clock=clock, stopping=lambda: False)

    left = Event.objects.waiting()
    assert left.count() >= orders - batch
    assert not left.exclude(attempts=0).exists()
    assert not left.exclude(next_attempt_at=factories.NOON).exists()


def test_what_is_left_out_is_told_once_by_the_next_batch(klaviyo, store, work, monkeypatch):
    monkeypatch.setattr(filling, "FULL", 64)
    receive(store, range(120), Lane.BACKFILL)
    StoreLane.objects.update(batch_limit=50)

    work()

    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    sent = [event["unique_id"] for event in events_of(klaviyo, "Placed Order")]
    assert len(sent) == len(set(sent)) == 120


def test_granted_calls_are_not_kept_waiting_for_others(klaviyo, store, work, clock):
    """All of a second's calls but one are gone: what is granted goes, and the rest follows."""
    budgets.take(store.klaviyo_account_id, Endpoint.EVENTS, wanted=8, lane=Lane.LIVE, now=clock())
    receive(store, range(60), Lane.LIVE)

    work()

    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    assert not klaviyo.rates.violations
