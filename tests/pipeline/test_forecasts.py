"""What a job would do, before anything is done."""

import json
from datetime import timedelta

import pytest
from django.db import connection

from integrations.domain import bulk
from integrations.domain import forecast_words as words
from integrations.domain.estimates import Basis, Binds
from integrations.domain.forecast import Ends, Sight, Stage
from integrations.domain.operations import Profile, identity_of
from integrations.domain.windows import JobState, Stretch, Way
from integrations.models import Delivery, Event, SyncJob, SyncWindow
from integrations.pipeline import (
    audit,
    backfill,
    forecast_audit,
    forecast_steps,
    forecasts,
    sync_jobs,
)
from integrations.platforms.shopify import pages
from tests import factories

from .conftest import PAST_SHOP, a_shop_with_a_past

ORDERS = 60
STREAMS = ("customers", "products", "orders")


@pytest.fixture
def shop(settings, clock):
    with a_shop_with_a_past(settings, clock, past_orders=ORDERS, plan="plus") as server:
        yield server


@pytest.fixture
def store(transactional_db, shop):
    return factories.a_store(domain=PAST_SHOP, token="shpat_good")


def a_job(store, clock, *, days=90, streams=("orders",), **changes):
    now = clock()
    stretch = Stretch(now - timedelta(days=days), now)
    wish = sync_jobs.Wish(streams=streams, stretch=stretch, **changes)
    return sync_jobs.draft(store, wish, by=None, now=now)


@pytest.fixture
def finish(work, clock):
    """Run a job to its end."""

    def run(job):
        sync_jobs.start(job, by=audit.AUTOMATIC, now=clock())
        for _ in range(300):
            while claim := SyncWindow.objects.claim(by="test", now=clock()):
                backfill.read_window(claim, clock=clock, is_over=lambda: False)
            work()
            job.refresh_from_db()
            if job.state == JobState.DONE:
                return
            clock.forward(seconds=5)
        raise AssertionError(f"still {job.state}")

    return run


def told(forecast):
    return {ends.value: forecast.expected(ends) for ends in Ends}


def done(job):
    found = dict.fromkeys((ends.value for ends in Ends), 0)
    for window in job.windows.all():
        for name in found:
            found[name] += getattr(window, name)
    return found


def change(shop, number, **changes):
    """Change one of the shop's past orders behind everybody's back."""
    shelf = shop.stores[PAST_SHOP].memory.orders
    row = sorted(shelf.rows(), key=lambda one: one.id)[number]
    row.body = json.dumps(json.loads(row.body) | changes).encode()


def reason(forecast, code, stream="orders"):
    return next((one for one in forecast.audit(stream).reasons if one.code == code), None)


def remark(forecast, code, stream="orders"):
    return next((one for one in forecast.audit(stream).remarks if one.code == code), None)


@pytest.mark.parametrize("streams", [("orders",), STREAMS])
def test_a_small_job_does_exactly_what_its_forecast_said(
    shop, klaviyo, store, clock, finish, streams
):
    job = a_job(store, clock, days=200, streams=streams)

    forecast = forecasts.make(job, now=clock())
    finish(job)

    assert forecast.is_ready
    assert forecast.is_whole
    assert told(forecast) == done(job)
    assert sum(told(forecast).values()) == forecast.looked == forecast.total
    assert forecast.troubles == []


def test_and_so_does_a_second_one_that_finds_everything_there(shop, klaviyo, store, clock, finish):
    finish(a_job(store, clock, days=100))
    again = a_job(store, clock, days=100)

    forecast = forecasts.make(again, now=clock())
    finish(again)

    assert told(forecast) == done(again)
    assert forecast.expected(Ends.SENT) == 0
    assert any(one.complete_since for one in forecast.windows)


def test_a_run_for_what_is_missing_is_foretold_too(shop, klaviyo, store, clock, finish):
    finish(a_job(store, clock))
    lost = Delivery.objects.filter(kind="placed_order").first()
    Delivery.objects.filter(source_id=lost.source_id).delete()
    again = a_job(store, clock, only_missing=True)

    forecast = forecasts.make(again, now=clock())
    finish(again)

    assert told(forecast) == done(again)
    assert forecast.expected(Ends.SENT) == 1


def everything():
    """All rows of ours that are about records and what became of them."""
    names = [one._meta.db_table for one in (Delivery, Event, SyncWindow)] + [
        "integrations_deadletter",
        "integrations_cause",
        "integrations_tally",
    ]
    with connection.cursor() as cursor:
        found = {}
        for name in names:
            cursor.execute(f"SELECT md5(string_agg(t::text, '' ORDER BY t.id)) FROM {name} t")
            found[name] = cursor.fetchone()
    return found


def test_it_writes_nothing_but_itself(shop, klaviyo, store, clock, finish):
    finish(a_job(store, clock, days=30))
    job = a_job(store, clock, streams=STREAMS)
    before, memory = everything(), klaviyo.state()
    klaviyo.calls.clear()

    forecasts.make(job, now=clock())

    assert everything() == before
    assert klaviyo.state()["accounts"] == memory["accounts"]
    assert {call["method"] for call in klaviyo.calls} <= {"GET"}
    job.refresh_from_db()
    assert job.state == JobState.DRAFT
    assert forecasts.read(job).is_ready


NO_PERSON = {"email": None, "contact_email": None, "phone": None, "customer": None} | dict.fromkeys(
    ("billing_address", "shipping_address")
)


def given_trouble(shop):
    """One order each for everything that can be the matter with one."""
    [line, *_] = order_of(shop, 0)["line_items"]
    change(shop, 0, test=True)
    change(shop, 1, **NO_PERSON)
    change(shop, 2, **NO_PERSON | {"email": "anna@@alpine-demo.shop"})
    change(shop, 3, **NO_PERSON | {"email": "guest@mail.alpine-demo.shop"})
    change(shop, 4, processed_at="0001-01-01T00:00:00Z")
    change(shop, 5, processed_at="1995-01-01T00:00:00Z")
    change(shop, 6, line_items=[{**line, "id": 9000 + n} for n in range(400)])
    change(shop, 7, phone="12", email="good@mail.alpine-demo.shop", customer=None)


def order_of(shop, number):
    rows = sorted(shop.stores[PAST_SHOP].memory.orders.rows(), key=lambda one: one.id)
    return json.loads(rows[number].body)


def test_every_reason_appears_with_a_masked_example(shop, klaviyo, store, clock, finish):
    given_trouble(shop)
    job = a_job(store, clock, days=200)

    forecast = forecasts.make(job, now=clock())
    finish(job)

    found = {one.code: one.ends for one in forecast.audit("orders").reasons}
    assert found == {
        "new": Ends.SENT,
        "test_order": Ends.SKIPPED,
        "nobody": Ends.SKIPPED,
        "nobody_bad_email": Ends.SKIPPED,
        "bad_date": Ends.FAILED,
        "rule_time": Ends.FAILED,
    }
    for code in found.keys() - {"new"}:
        why = reason(forecast, code)
        assert 1 <= len(why.examples) <= min(3, why.expected)
        assert words.reason(code, why.ends)[0]
    assert sum(one.expected for one in forecast.audit("orders").reasons) == ORDERS
    [example] = reason(forecast, "nobody_bad_email").examples
    assert example.name == order_of(shop, 2)["name"]
    assert example.shows
    assert "anna" not in example.shows
    assert remark(forecast, "bad_phone").examples[0].shows == "1•"
    assert remark(forecast, "guest_order").seen >= 3
    assert told(forecast) == done(job)


def test_people_of_another_shop_of_the_account_are_named_once(shop, klaviyo, store, clock):
    other = factories.a_store(store.klaviyo_account)
    for number in (0, 1):
        change(shop, number, email="both@mail.alpine-demo.shop")
    Delivery.objects.create(
        klaviyo_account=store.klaviyo_account,
        store=other,
        kind="profile",
        identity=identity_of(Profile(email="both@mail.alpine-demo.shop")),
        fingerprint=b"x",
        version=clock(),
        accepted_at=clock(),
    )

    forecast = forecasts.make(a_job(store, clock, days=200), now=clock())

    found = remark(forecast, "known_from_other_shop")
    assert found.seen == 1
    assert found.examples[0].shows == "b•••@mail.alpine-demo.shop"


def test_without_all_orders_only_sixty_days_are_counted_and_it_says_so(
    shop, klaviyo, store, clock, finish
):
    shop.stores[PAST_SHOP].access.scopes.remove("read_all_orders")
    job = a_job(store, clock, days=200)

    forecast = forecasts.make(job, now=clock())
    finish(job)

    assert {one.sight for one in forecast.windows} == {Sight.PART, Sight.NONE}
    assert "sixty_days" in {one.code for one in words.windows(forecast)}
    assert told(forecast) == done(job)
    assert forecast.looked < ORDERS


def test_a_stream_that_is_out_of_reach_is_named_and_not_asked_for(shop, klaviyo, store, clock):
    shop.stores[PAST_SHOP].access.scopes.remove("read_products")

    forecast = forecasts.make(a_job(store, clock, streams=STREAMS), now=clock())

    assert [(one.about, one.code) for one in forecast.troubles] == [("products", "missing_scope")]
    assert forecast.audit("products").found == 0
    assert forecast.audit("orders").found > 0
    store.credential.refresh_from_db()
    assert store.credential.state == "active"


def test_a_large_range_is_looked_at_in_samples_that_add_up(
    shop, klaviyo, store, clock, monkeypatch
):
    monkeypatch.setattr(forecast_audit, "SMALL", 10)
    monkeypatch.setattr(forecast_audit, "SAMPLE_PAGES", 1)
    monkeypatch.setattr(pages, "next_size", lambda size, cost: size)
    job = a_job(store, clock, days=85)

    forecast = forecasts.make(job, now=clock())

    assert not forecast.is_whole
    assert 0 < forecast.looked < ORDERS
    assert sum(told(forecast).values()) == forecast.total == ORDERS
    assert str(forecast.looked) in words.looked(forecast)
    assert forecast.people >= forecast.reach[0].people > 0


def given_klaviyo_has_placed_orders(klaviyo, store, shop, clock, finish):
    finish(a_job(store, clock, days=10))
    assert klaviyo.accounts["DEMO01"].metrics["Placed Order"]


def test_flows_that_listen_are_named_with_the_people_they_could_reach(
    shop, klaviyo, store, clock, finish
):
    given_klaviyo_has_placed_orders(klaviyo, store, shop, clock, finish)
    klaviyo.settings.flow_triggers = {
        "Placed Order": [
            {"id": "F1", "name": "Thank you", "status": "live"},
            {"id": "F2", "name": "Win back", "status": "draft"},
            {"id": "F3", "name": "Old", "status": "live", "archived": True},
        ]
    }
    loud = a_job(store, clock, days=200, silent=False, loud_reason="They want it")

    forecast = forecasts.make(loud, now=clock())

    flows = {one.id: one for one in forecast.klaviyo.flows}
    assert {name: one.is_live for name, one in flows.items()} == {"F1": True, "F2": False}
    reach = {one.kind: one for one in forecast.reach}["placed_order"]
    assert flows["F1"].people == reach.people
    buyers = {order_of(shop, n)["email"] for n in range(ORDERS)}
    assert 0 < reach.people <= len(buyers)
    [warning, *_] = words.silence(forecast, silent=False)
    assert "Thank you" in warning.sentence
    assert "Win back" not in warning.sentence


def test_orders_of_the_last_hours_are_counted_apart(shop, klaviyo, store, clock):
    moment = (clock() - timedelta(hours=1)).isoformat()
    change(shop, ORDERS - 1, processed_at=moment, email="young@mail.alpine-demo.shop")

    forecast = forecasts.make(a_job(store, clock, days=200), now=clock())

    assert {one.kind: one.young for one in forecast.reach}["placed_order"] >= 1


def test_flows_that_may_not_be_read_are_never_taken_for_none(shop, klaviyo, store, clock, finish):
    given_klaviyo_has_placed_orders(klaviyo, store, shop, clock, finish)
    klaviyo.accounts["DEMO01"].key_scopes["pk_demo"] = ["metrics:read", "events:write"]

    forecast = forecasts.make(a_job(store, clock), now=clock())

    assert not forecast.klaviyo.looked_at_flows
    assert forecast.klaviyo.looked_at_metrics
    assert ("flow-triggers", "missing_scope") in {(t.about, t.code) for t in forecast.troubles}
    codes = {one.code for one in words.silence(forecast, silent=True)}
    assert "flows_unseen" in codes
    assert "no_flows" not in codes
    store.klaviyo_account.refresh_from_db()
    assert store.klaviyo_account.held_since is None


def test_a_native_integration_that_writes_the_same_is_warned_of(shop, klaviyo, store, clock):
    klaviyo.settings.natives = [
        {"key": "shopify", "name": "Shopify", "metrics": ["Placed Order", "Refunded Order"]}
    ]
    klaviyo.settings.mapped = {"revenue": "shopify/Placed Order"}

    forecast = forecasts.make(a_job(store, clock), now=clock())

    assert {one.name for one in forecast.klaviyo.twins} == {"Placed Order", "Refunded Order"}
    assert [one.code for one in words.twins(forecast)] == ["twins", "revenue_theirs"]


def test_a_shop_that_lets_nobody_in_leaves_a_plan_that_says_so(shop, klaviyo, store, clock):
    shop.stores[PAST_SHOP].access.withdraw()

    forecast = forecasts.make(a_job(store, clock), now=clock())

    assert forecast.is_ready
    assert forecast.total is None
    assert not forecast.is_whole
    assert [one.about for one in forecast.troubles] == ["shop"]
    assert words.troubles(forecast)


def test_an_answer_that_does_not_come_is_asked_for_again(shop, klaviyo, store, clock, monkeypatch):
    monkeypatch.setattr(forecast_steps, "PAUSE", timedelta(milliseconds=1))
    shop.script.load({"answer_next": [{"status": 502, "times": 2}]})

    forecast = forecasts.make(a_job(store, clock), now=clock())

    assert forecast.troubles == []
    assert forecast.is_whole


def test_a_worker_makes_what_is_due_and_a_page_can_watch(shop, klaviyo, store, clock):
    job = a_job(store, clock, streams=STREAMS)
    assert forecasts.read(job) is None
    steps = iter(range(3))

    assert forecasts.work(clock=clock, stopping=lambda: next(steps, None) is None) == 0

    job.refresh_from_db()
    growing = forecasts.read(job)
    assert growing.windows
    assert growing.stage is not Stage.READY
    assert forecasts.work(clock=clock, stopping=lambda: False) == 1
    job.refresh_from_db()
    ready = forecasts.read(job)
    assert ready.is_whole
    assert ready.began_at == growing.began_at
    assert forecasts.work(clock=clock, stopping=lambda: False) == 0


def test_one_that_died_is_taken_over_when_its_lease_is_over(shop, klaviyo, store, clock):
    job = a_job(store, clock)
    claim = forecasts._claim(clock())
    assert forecasts.work(clock=clock, stopping=lambda: False) == 0

    clock.forward(seconds=61)

    assert forecasts.work(clock=clock, stopping=lambda: False) == 1
    job.refresh_from_db()
    with pytest.raises(forecasts.Lost):
        forecasts._keep(claim, job, forecasts.read(job), until=clock())


def test_one_that_kills_every_worker_is_given_up_with_a_word(shop, klaviyo, store, clock):
    job = a_job(store, clock)
    for _ in range(forecasts.MOST_TRIES):
        forecasts._claim(clock())
        clock.forward(seconds=61)

    assert forecasts.work(clock=clock, stopping=lambda: False) == 1

    job.refresh_from_db()
    assert [one.code for one in forecasts.read(job).troubles] == ["gave_up"]


def test_an_older_shape_is_not_read_and_made_anew(shop, klaviyo, store, clock):
    job = a_job(store, clock)
    SyncJob.objects.update(forecast={"version": 0, "stage": "ready"})
    job.refresh_from_db()
    assert forecasts.read(job) is None

    assert forecasts.work(clock=clock, stopping=lambda: False) == 1


def test_a_running_job_says_how_long_it_takes_and_why(shop, klaviyo, store, clock, work):
    job = a_job(store, clock, days=200)
    forecasts.make(job, now=clock())
    job.refresh_from_db()
    sync_jobs.start(job, by=audit.AUTOMATIC, now=clock())
    job.refresh_from_db()
    early = forecasts.remaining(job, now=clock())
    while claim := SyncWindow.objects.claim(by="test", now=clock()):
        backfill.read_window(claim, clock=clock, is_over=lambda: False)
    work()

    assert (early.records, early.time, early.basis) == (ORDERS, None, Basis.TOO_EARLY)
    late = forecasts.remaining(job, now=clock())
    assert (late.records, late.time) == (0, timedelta(0))


def test_the_time_names_whose_limit_decides(shop, klaviyo, store, clock):
    forecast = forecasts.make(a_job(store, clock, days=200, streams=STREAMS), now=clock())

    estimate = forecast.estimate
    assert estimate.binds in {Binds.SHOP_PACE, Binds.SHOP_POINTS}
    assert estimate.calls("shopify") == sum(one.pages for one in forecast.audits)
    assert {one.endpoint for one in estimate.needs if one.platform == "klaviyo"} >= {
        "event-bulk-create-jobs",
        "profile-bulk-import-jobs",
    }
    assert words.takes(estimate).startswith("It takes less than a minute")


def test_what_would_be_exported_is_named_and_not_counted_as_pages(
    shop, klaviyo, store, clock, monkeypatch
):
    monkeypatch.setattr(bulk, "WORTH_IT", timedelta(0))
    job = a_job(store, clock, days=85)
    job.keep_before = True
    job.save()

    forecast = forecasts.make(job, now=clock())

    assert {one.way for one in forecast.windows} == {Way.BULK}
    assert "export" in forecast.windows[0].way_reason
    needs = {one.endpoint for one in forecast.estimate.needs}
    assert "exports" in needs
    assert "graphql" not in needs
    assert "profiles" in needs
    assert words.takes(forecast.estimate)
