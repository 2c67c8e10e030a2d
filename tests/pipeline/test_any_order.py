"""Claim, settle, crash, rescue, retry and stop in any order: the figures always add up."""

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    rule,
    run_state_machine_as_test,
)

from integrations.models import DeadLetter, Event, KlaviyoAccount, StoreLane, Tally
from integrations.models.lanes import LEASE
from integrations.pipeline import inbox, upkeep
from sandbox.messages import Drop, Reply
from tests import factories

from .conftest import an_order, events_of
from .machines import Workers

TROUBLES = {
    "500": lambda: Reply(500),
    "503": lambda: Reply(503, headers={"Retry-After": "5"}),
    "429": lambda: Reply(429, headers={"Retry-After": "3"}),
    "413": lambda: Reply(413, {"errors": []}),
    "before": lambda: Drop.BEFORE,
    "after": lambda: Drop.AFTER,
}


class Road(Workers):
    """Orders arrive, workers come and go, Klaviyo has its days."""

    def __init__(self):
        super().__init__()
        account = factories.an_account()
        self.stores = [factories.a_store(account, token="") for _ in range(2)]
        self.keys = [store.pk for store in self.stores]
        self.received = 0
        self.orders, self.refunds = set(), set()

    @property
    def events(self):
        return Event.objects.filter(store__in=self.keys)

    @rule(number=st.integers(1, 6), which=st.integers(0, 1), junk=st.booleans())
    def an_order_arrives(self, number, which, junk):
        # Ids are unique across shops, as Shopify's are.
        order = an_order(number * 2 + which)
        body = b"{broken" if junk else json.dumps(order).encode()
        self._arrives(which, "orders/updated", body)
        if not junk:
            self.orders.add(str(order["id"]))

    @rule(number=st.integers(1, 6), which=st.integers(0, 1), refund=st.integers(1, 3))
    def a_refund_arrives(self, number, which, refund):
        order = an_order(number * 2 + which)["id"]
        paid = {"kind": "refund", "status": "success", "amount": f"{refund}.00"}
        body = {
            "id": refund,
            "order_id": order,
            "created_at": "2026-11-20T12:00:00Z",
            "transactions": [paid],
        }
        self._arrives(which, "refunds/create", json.dumps(body).encode())
        self.refunds.add((str(order), refund))

    def _arrives(self, which, topic, body):
        now = self.clock()
        factories.an_event(
            self.stores[which], topic=topic, body=body, received_at=now, next_attempt_at=now
        )
        self.received += 1

    @rule()
    def a_worker_is_stopped(self):
        if claim := StoreLane.objects.claim(by="machine", now=self.clock()):
            inbox.work_off(claim, clock=self.clock, stopping=lambda: True)

    @rule(name=st.sampled_from(sorted(TROUBLES)), times=st.integers(1, 3))
    def klaviyo_has_trouble(self, name, times):
        self.klaviyo.script.answer_next(TROUBLES[name](), times=times, match="/api/")

    @rule(which=st.integers(0, 1))
    def a_store_is_paused_or_goes_on(self, which):
        store = self.stores[which]
        store.paused_at = None if store.paused_at else self.clock()
        store.save()

    @rule(seconds=st.sampled_from([1, 5, 31, 600]))
    def time_passes(self, seconds):
        self.clock.forward(seconds=seconds)

    @invariant()
    def every_event_is_counted_once(self):
        states = Counter(self.events.values_list("state", flat=True))
        assert sum(states.values()) == self.received
        tallies = Tally.objects.filter(store__in=self.keys)
        for state in ("delivered", "skipped", "dead"):
            assert sum(getattr(one, state) for one in tallies) == states[state], state

    @invariant()
    def the_dead_have_a_letter_and_the_living_a_next_time(self):
        dead = self.events.filter(state="dead")
        assert dead.count() == dead.filter(dead_letters__isnull=False).distinct().count()
        assert not self.events.filter(state="skipped", skip="").exists()

    @invariant()
    def klaviyo_holds_each_identity_once(self):
        for metric in ("Placed Order", "Refunded Order"):
            found = [one["unique_id"] for one in events_of(self.klaviyo, metric)]
            assert len(found) == len(set(found))
        refunds = Counter(
            (one["properties"]["OrderId"], one["properties"]["RefundId"])
            for one in events_of(self.klaviyo, "Refunded Order")
        )
        assert not [refund for refund, times in refunds.items() if times > 1]

    def teardown(self):
        """In the end, when all is well again, everything has found its way."""
        self.klaviyo.script.reset()
        for store in self.stores:
            store.paused_at = None
            store.save()
        for order in range(2, 14):  # no refund is left without its order
            if any(key[0] == str(an_order(order)["id"]) for key in self.refunds):
                self._arrives(order % 2, "orders/create", json.dumps(an_order(order)).encode())
                self.orders.add(str(an_order(order)["id"]))
        for _ in range(30):
            self.clock.forward(seconds=LEASE.total_seconds() + 400)
            upkeep.check_due(clock=self.clock, stopping=lambda: False)
            while claim := StoreLane.objects.claim(by="machine", now=self.clock()):
                inbox.work_off(claim, clock=self.clock, stopping=lambda: False)
            if not self.events.waiting().exists():
                break
            self.clock.forward(minutes=61)
        self.every_event_is_counted_once()
        self.klaviyo_holds_each_identity_once()
        assert not self.events.waiting().exists()
        assert not KlaviyoAccount.objects.filter(
            pk=self.stores[0].klaviyo_account_id, held_since__isnull=False
        ).exists()
        buried = {
            letter.event_id
            for letter in DeadLetter.objects.filter(store__in=self.keys).exclude(
                cause__code="unreadable"
            )
        }
        if not buried:
            placed = {one["unique_id"] for one in events_of(self.klaviyo, "Placed Order")}
            assert placed == self.orders
            refunded = {
                (one["properties"]["OrderId"], int(one["properties"]["RefundId"]))
                for one in events_of(self.klaviyo, "Refunded Order")
            }
            assert refunded == self.refunds


@pytest.mark.usefixtures("transactional_db")
def test_whatever_happens_in_whatever_order_the_figures_add_up(klaviyo):
    Road.server = klaviyo
    run_state_machine_as_test(
        Road,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
