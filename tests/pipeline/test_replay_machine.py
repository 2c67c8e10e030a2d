"""Fail, repair, fetch afresh, send again, stop, go on, cancel, bin and take out, by two people.

Whatever happens, Klaviyo holds each record once at most, no record is in two places, and every
count adds up.
"""

import json
import uuid
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    rule,
    run_state_machine_as_test,
)

from integrations.domain.replays import OVER, UNDER_WAY, ItemState
from integrations.models import (
    CauseCount,
    DeadLetter,
    Event,
    Replay,
    ReplayItem,
    StoreLane,
    Tally,
)
from integrations.models.lanes import LEASE
from integrations.pipeline import (
    audit,
    binning,
    inbox,
    refetching,
    repairs,
    replay_forecasts,
    replay_moves,
    replaying,
    replays,
    upkeep,
)
from integrations.pipeline.failed_lists import FailedFilter
from integrations.platforms.shopify.pages import Row
from sandbox.messages import Drop, Reply
from tests import factories

from .conftest import an_order, events_of
from .machines import Workers
from .replays_world import repaired

BAD = {"processed_at": "1999-01-01T00:00:00Z", "created_at": "1999-01-01T00:00:00Z"}
METRICS = ("Placed Order", "Ordered Product")
TROUBLES = {
    "500": lambda: Reply(500),
    "429": lambda: Reply(429, headers={"Retry-After": "3"}),
    "before": lambda: Drop.BEFORE,
    "after": lambda: Drop.AFTER,
}

# However few records a machine has, a worker deals with some of them in batches.
FEW = 2


def a_node(order, at):
    """The same order as the shop's GraphQL gives it, with the dates it should have had."""
    price = {"shopMoney": {"amount": "49.75", "currencyCode": "EUR"}}
    lines = [
        {
            "id": f"gid://shopify/LineItem/{one['id']}",
            "title": one["title"],
            "quantity": one["quantity"],
            "sku": one["sku"],
            "originalUnitPriceSet": price,
        }
        for one in order["line_items"]
    ]
    return {
        "legacyResourceId": str(order["id"]),
        "name": order["name"],
        "email": order["email"],
        "test": False,
        "createdAt": "2026-11-20T09:00:00Z",
        "processedAt": "2026-11-20T09:00:00Z",
        "updatedAt": at.isoformat(),
        "currencyCode": "EUR",
        "totalPriceSet": {"shopMoney": {"amount": "99.50", "currencyCode": "EUR"}},
        "lineItems": {"pageInfo": {"hasNextPage": False}, "nodes": lines},
        "refunds": [],
        "fulfillments": [],
    }


class People(Workers):
    """Two people at the same failed records, while workers and Klaviyo have their days."""

    def __init__(self):
        super().__init__()
        Replay.objects.exclude(state__in=list(OVER)).update(state="cancelled")
        self.store = factories.a_store(factories.an_account(), token="")
        self.people = [factories.a_user(is_staff=True) for _ in range(2)]
        self.number = 0
        # What the shop itself holds, by the number of each order; None when it deleted it.
        self.shelf: dict[str, dict | None] = {}

    def read_from_shop(self, store, stream, source_id, now):
        """Answer as the shop does when it is asked for one order."""
        assert stream == "orders"
        order = self.shelf[source_id]
        if order is None:
            return None
        body = json.dumps(a_node(order, now)).encode()
        return Row(source_id, now, now, body)

    @property
    def letters(self):
        return DeadLetter.objects.filter(store=self.store)

    @property
    def events(self):
        return Event.objects.filter(store=self.store)

    @property
    def ours(self):
        return Replay.objects.filter(merchant=self.store.merchant).order_by("pk")

    def _by(self, who):
        return audit.person(self.people[who])

    @rule(kind=st.sampled_from(["bad", "bad", "junk", "good"]))
    def a_message_arrives(self, kind):
        self.number += 1
        order = an_order(self.number, **BAD if kind == "bad" else {})
        self.shelf[str(order["id"])] = order
        body = b"{broken" if kind == "junk" else json.dumps(order).encode()
        now = self.clock()
        factories.an_event(
            self.store, topic="orders/create", body=body, received_at=now, next_attempt_at=now
        )

    @rule(which=st.integers(0, 20))
    def somebody_repairs(self, which):
        rows = list(self.letters.open().order_by("pk"))
        if not rows:
            return
        letter = rows[which % len(rows)]
        if not letter.identity:
            number = letter.event_id % 1000 + 5000
            repaired(letter, an_order(number))
        elif letter.payload:
            content = json.loads(bytes(letter.payload))
            repaired(letter, content | {"time": "2026-11-20T10:00:00Z"})

    @rule(who=st.integers(0, 1), which=st.integers(0, 20), is_gone=st.sampled_from([0, 0, 0, 1]))
    def somebody_fetches_afresh(self, who, which, is_gone):
        rows = list(self.letters.filter(state__in=["open", "sending"]).order_by("pk"))
        if not rows:
            return
        letter = rows[which % len(rows)]
        if is_gone and letter.source_id in self.shelf:
            self.shelf[letter.source_id] = None
        with suppress(repairs.Refused):
            refetching.afresh(letter, by=self._by(who), now=self.clock())

    @rule(
        who=st.integers(0, 1), most=st.sampled_from([1, 3, 100]), limit=st.sampled_from([20, 100])
    )
    def somebody_drafts(self, who, most, limit):
        """Some records, or the whole list."""
        values = {
            "merchant": self.store.merchant,
            "by": self._by(who),
            "key": uuid.uuid4(),
            "now": self.clock(),
        }
        if most == 100:
            replay = replays.draft(
                self.people[who], FailedFilter(store=self.store.public_id), **values
            )
        else:
            replay = replays.draft_of(list(self.letters.open().order_by("-pk")[:most]), **values)
        Replay.objects.filter(pk=replay.pk).update(most_failures=limit, rate=6000)

    @rule(who=st.integers(0, 1), which=st.integers(0, 9), counted_again=st.booleans())
    def somebody_begins(self, who, which, counted_again):
        replay = self._one(which)
        if replay is None:
            return
        number = replays.open_now(replay) if counted_again else replay.total
        self._try(
            replays.start,
            replay,
            confirmed=number,
            by=self._by(who),
            user=self.people[who],
            now=self.clock(),
        )

    @rule(
        who=st.integers(0, 1),
        which=st.integers(0, 9),
        verb=st.sampled_from([replays.pause, replays.go_on, replays.go_on, replays.cancel]),
    )
    def somebody_steers(self, who, which, verb):
        replay = self._one(which)
        if replay is not None:
            self._try(verb, replay, by=self._by(who), now=self.clock())

    @rule(
        who=st.integers(0, 1),
        which=st.integers(0, 20),
        most=st.sampled_from([1, 1, 5]),
        inward=st.booleans(),
    )
    def somebody_bins_or_takes_out(self, who, which, most, inward):
        rows = list(self.letters.filter(state="open" if inward else "binned").order_by("pk"))
        if not rows:
            return
        first = which % len(rows)
        chosen = rows[first : first + most]
        values = {"confirmed": len(chosen), "by": self._by(who), "now": self.clock()}
        if inward:
            binning.put(self.people[who], chosen, reason="Not needed.", **values)
        else:
            binning.take_out(self.people[who], chosen, **values)

    @rule()
    def what_was_decided_about_the_bin_is_carried_out(self):
        binning.run(clock=self.clock, stopping=lambda: False)

    @rule(number=st.integers(1, 4))
    def turns_are_taken(self, number):
        for _ in range(number):
            self.clock.forward(seconds=2)
            if claim := Replay.objects.claim(by="machine", now=self.clock()):
                replaying.take_turn(claim, now=self.clock())

    @rule()
    def a_turn_is_lost(self):
        Replay.objects.claim(by="lost", now=self.clock())

    @rule()
    def a_forecast_is_made(self):
        replay_forecasts.step(now=self.clock())

    @rule(name=st.sampled_from(sorted(TROUBLES)), times=st.integers(1, 3))
    def klaviyo_has_trouble(self, name, times):
        self.klaviyo.script.answer_next(TROUBLES[name](), times=times, match="/api/event")

    @rule()
    def the_shop_is_paused_or_goes_on(self):
        self.store.refresh_from_db()
        self.store.paused_at = None if self.store.paused_at else self.clock()
        self.store.save()

    @rule(seconds=st.sampled_from([1, 31, 600]))
    def time_passes(self, seconds):
        self.clock.forward(seconds=seconds)

    def _one(self, which):
        rows = list(self.ours.exclude(state__in=list(OVER)))
        return rows[which % len(rows)] if rows else None

    def _try(self, verb, *args, **kwargs):
        with suppress(replays.Refused):
            verb(*args, **kwargs)

    @invariant()
    def the_parts_of_each_replay_add_up(self):
        for replay in self.ours:
            counted = replays.counts(replay)
            assert sum(counted.values()) == replay.total
            if replay.state in OVER:
                assert not counted[ItemState.WAITING]
                assert not counted[ItemState.LISTED]

    @invariant()
    def no_record_is_in_two_places(self):
        items = ReplayItem.objects.filter(dead_letter__store=self.store, state__in=UNDER_WAY)
        places = Counter(items.values_list("dead_letter", flat=True))
        sending = self.letters.filter(state="sending")
        # Or its order was fetched afresh, and that message is under way.
        fetched = sending.filter(replaced_by__state="waiting").exclude(pk__in=places)
        assert places + Counter(fetched.values_list("pk", flat=True)) == Counter(
            sending.values_list("pk", flat=True)
        )
        on_way = items.filter(state=ItemState.ON_WAY)
        assert not on_way.exclude(dead_letter__event__state="waiting").exists()

    @invariant()
    def a_message_is_dead_as_long_as_one_of_its_records_needs_somebody(self):
        unsettled = {"open", "sending"}
        for event in self.events.prefetch_related("dead_letters"):
            needs = any(one.state in unsettled for one in event.dead_letters.all())
            if event.state == "dead":
                assert needs, event.pk
            elif event.state != "waiting":
                assert not needs, event.pk

    @invariant()
    def the_figures_count_each_message_once(self):
        states = Counter(self.events.values_list("state", flat=True))
        tallies = Tally.objects.filter(store=self.store)
        for state in ("delivered", "skipped", "dead"):
            assert sum(getattr(one, state) for one in tallies) == states[state], state
        kept = Counter(self.letters.values_list("state", flat=True))
        told = CauseCount.objects.filter(store=self.store).values_list("state", "records")
        counted: Counter[str] = Counter()
        for state, number in told:
            counted[state] += number
        assert +counted == kept

    @invariant()
    def klaviyo_holds_each_record_once_at_most(self):
        for metric in METRICS:
            found = [one["unique_id"] for one in events_of(self.klaviyo, metric)]
            assert len(found) == len(set(found)), metric

    @invariant()
    def what_nobody_sent_again_is_not_at_klaviyo(self):
        let_go = ReplayItem.objects.filter(let_go_at__isnull=False).values("dead_letter")
        never = self.letters.exclude(identity="").exclude(pk__in=let_go)
        # Parts of a message that could be read only when it was sent again went with it.
        never = never.exclude(event__dead_letters__identity="")
        # So did all parts of an order that was fetched afresh.
        never = never.exclude(event__dead_letters__replaced_by__isnull=False)
        never = never.exclude(event__topic__startswith="past/")
        ids = {identity.split(":", 2)[2] for identity in never.values_list("identity", flat=True)}
        assert not ids & self._held()

    def _held(self):
        return {one["unique_id"] for metric in METRICS for one in events_of(self.klaviyo, metric)}

    def teardown(self):
        """In the end, when all is well again, whatever was begun has come to its end."""
        self.klaviyo.script.reset()
        self.store.refresh_from_db()
        self.store.paused_at = None
        self.store.save()
        for _ in range(40):
            self.clock.forward(seconds=LEASE.total_seconds() + 400)
            upkeep.check_due(clock=self.clock, stopping=lambda: False)
            for replay in self.ours.filter(state__in=["paused", "stopped"]):
                replays.go_on(replay, by=audit.AUTOMATIC, now=self.clock())
            for _ in range(30):
                self.clock.forward(seconds=2)
                if claim := Replay.objects.claim(by="machine", now=self.clock()):
                    replaying.take_turn(claim, now=self.clock())
                if claim := StoreLane.objects.claim(by="machine", now=self.clock()):
                    inbox.work_off(claim, clock=self.clock, stopping=lambda: False)
            binning.run(clock=self.clock, stopping=lambda: False)
            begun = self.ours.exclude(state__in=["draft", "awaiting", *OVER])
            if not self.events.waiting().exists() and not begun.exists():
                break
            self.clock.forward(minutes=61)
        assert not self.events.waiting().exists()
        assert set(self.ours.values_list("state", flat=True)) <= {"draft", "done", "cancelled"}
        assert not self.letters.filter(state="sending").exists()
        for check in (
            self.the_parts_of_each_replay_add_up,
            self.no_record_is_in_two_places,
            self.a_message_is_dead_as_long_as_one_of_its_records_needs_somebody,
            self.the_figures_count_each_message_once,
            self.klaviyo_holds_each_record_once_at_most,
            self.what_nobody_sent_again_is_not_at_klaviyo,
        ):
            check()
        sent = self.letters.filter(state="resolved", settled_as__in=["sent", "known"])
        for identity in sent.exclude(identity="").values_list("identity", flat=True):
            if identity.startswith(("placed_order", "ordered_product")):
                assert identity.split(":", 2)[2] in self._held(), identity


@pytest.mark.usefixtures("transactional_db")
def test_whatever_two_people_do_in_whatever_order_nothing_is_sent_twice_or_lost(
    klaviyo, monkeypatch
):
    class Shop(People):
        """Whom the shop answers: the machine that runs."""

        def __init__(self):
            super().__init__()
            monkeypatch.setattr(refetching, "_read", self.read_from_shop)

    monkeypatch.setattr(replays, "AT_ONCE", FEW)
    monkeypatch.setattr(replay_moves, "BATCH", FEW)
    monkeypatch.setattr(binning, "AT_ONCE", FEW)
    Shop.server = klaviyo
    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
