"""Taking a job back: what can be, what cannot, each item once, and the ledger behind it."""

import csv
import json
from datetime import timedelta

import pytest
from django_q.models import OrmQ

from integrations.domain.undo import CHANGED_SINCE, NEW_VARIANTS
from integrations.domain.windows import JobState, Stretch
from integrations.models import (
    AuditEntry,
    Before,
    Delivery,
    Event,
    KlaviyoAccount,
    SyncWindow,
    Undo,
    UndoItem,
)
from integrations.pipeline import (
    audit,
    backfill,
    befores,
    jobs,
    probing,
    sync_jobs,
    undo,
    undo_export,
    undoing,
)
from integrations.pipeline.spreadsheets import Format
from sandbox.messages import Reply
from tests import factories

from .conftest import PAST_SHOP, a_shop_with_a_past, events_of


@pytest.fixture
def shop(settings, clock):
    with a_shop_with_a_past(settings, clock, past_orders=30) as server:
        yield server


@pytest.fixture
def store(transactional_db, shop):
    return factories.a_store(domain=PAST_SHOP, token="shpat_good")


@pytest.fixture
def account(klaviyo):
    return klaviyo.accounts["DEMO01"]


@pytest.fixture
def fetch(store, clock, work):
    """Fetch streams of the past until the job is over and Klaviyo has done its part."""

    def run(*streams, **changes):
        # The stand-in's people and products are made when it starts.
        clock.forward(minutes=1)
        now = clock()
        stretch = Stretch(now - timedelta(days=2000), now)
        wish = sync_jobs.Wish(streams=streams, stretch=stretch, window_days=3000)
        job = sync_jobs.draft(store, wish, by=None, now=now)
        type(job).objects.filter(pk=job.pk).update(**changes)
        sync_jobs.start(job, by=audit.AUTOMATIC, now=now)
        for _ in range(100):
            while claim := SyncWindow.objects.claim(by="test", now=clock()):
                backfill.read_window(claim, clock=clock, is_over=lambda: False)
            work()
            follow(clock)
            job.refresh_from_db()
            if job.state == JobState.DONE:
                return job
            clock.forward(seconds=5)
        raise AssertionError(f"still {job.state}")

    return run


def follow(clock):
    clock.forward(minutes=2)
    return jobs.follow_due(clock=clock, stopping=lambda: False)


def take_back(job, clock, *, rounds=10):
    made = undo.draft(job, by=None, now=clock())
    undo.confirm(made, by=audit.AUTOMATIC, now=clock())
    for _ in range(rounds):
        undoing.run(clock=clock, stopping=lambda: False)
        follow(clock)
    made.refresh_from_db()
    return made


def results(made):
    return dict(made.items.values_list("identity", "state"))


def test_before_anything_happened_there_is_nothing_to_take_back(store, clock):
    job = factories.a_sync_job(store)

    found = undo.possible(job, clock())

    assert (found.can_take_back, found.recorded_for_good, found.may_begin) == (0, 0, False)
    with pytest.raises(sync_jobs.NotNow):
        undo.draft(job, by=None, now=clock())


def test_a_catalog_that_the_job_made_is_removed_and_can_be_fetched_again(
    account, store, clock, fetch
):
    job = fetch("products")
    items, variants = len(account.items), len(account.variants)
    assert items
    assert variants
    found = undo.possible(job, clock())
    assert (found.items, found.variants, found.may_begin) == (items, variants, True)

    made = take_back(job, clock)

    assert (account.items, account.variants) == ({}, {})
    assert made.state == "done"
    assert set(results(made).values()) == {"done"}
    assert not Delivery.objects.filter(present=True).exists()
    assert undo.possible(job, clock()).can_take_back == 0
    fetch("products")
    assert (len(account.items), len(account.variants)) == (items, variants)


def test_the_list_is_fixed_before_anything_is_sent(account, klaviyo, clock, fetch):
    job = fetch("products")
    before = len(klaviyo.calls)

    made = undo.draft(job, by=None, now=clock())

    listed = undo.progress(made)
    assert len(klaviyo.calls) == before
    assert listed.total == listed.waiting == undo.possible(job, clock()).can_take_back
    again = undo.draft(job, by=None, now=clock())
    assert list(Undo.objects.all()) == [again]


def test_what_klaviyo_had_before_is_left_alone(account, store, clock, fetch):
    fetch("products")
    Delivery.objects.all().delete()  # as if somebody else had put it there

    job = fetch("products")

    found = undo.possible(job, clock())
    assert found.can_take_back == 0
    assert found.catalog_changed == len(account.items) + len(account.variants)


def test_what_changed_since_and_what_has_newer_variants_is_left(account, store, clock, fetch):
    job = fetch("products")
    made = undo.draft(job, by=None, now=clock())
    told, inhabited = UndoItem.objects.filter(undo=made, what="item").order_by("id")[:2]
    Delivery.objects.filter(identity=told.identity).update(window=None, made=False)
    own = next(row for row in account.variants.values())
    account.variants["$custom:::$default:::999"] = own | {
        "relationships": {
            "item": {
                "data": {
                    "type": "catalog-item",
                    "id": f"$custom:::$default:::{inhabited.source_id}",
                }
            }
        }
    }

    undo.confirm(made, by=audit.AUTOMATIC, now=clock())
    for _ in range(5):
        undoing.run(clock=clock, stopping=lambda: False)
        follow(clock)

    told.refresh_from_db()
    inhabited.refresh_from_db()
    assert (told.state, told.message) == ("left", CHANGED_SINCE)
    assert (inhabited.state, inhabited.message) == ("left", NEW_VARIANTS)
    assert len(account.items) == 2


def test_items_klaviyo_refuses_to_remove_stay_in_the_ledger(klaviyo, account, clock, fetch):
    job = fetch("products")

    def refuses_the_first(call):
        if call.method == "POST":
            return None
        pointer = "/data/attributes/variants/data/0"
        error = {"code": "invalid", "detail": "It is in use.", "source": {"pointer": pointer}}
        attributes = {"status": "complete", "failed_count": 1, "errors": [error]}
        return Reply(200, {"data": {"type": "job", "id": "1", "attributes": attributes}})

    klaviyo.script.answer_next(refuses_the_first, times=2, match="variant-bulk-delete")
    made = take_back(job, clock)

    refused = made.items.get(state="failed")
    assert refused.message == "It is in use."
    assert Delivery.objects.get(identity=refused.identity).present
    assert made.state == "done"


def test_a_worker_that_dies_in_the_middle_is_taken_over_and_nothing_is_refused(
    klaviyo, account, clock, fetch
):
    job = fetch("products")
    made = undo.draft(job, by=None, now=clock())
    undo.confirm(made, by=audit.AUTOMATIC, now=clock())
    claim = Undo.objects.claim(by="dies", now=clock())
    work = undoing._Work(claim, clock, lambda: False)
    work._settle = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        work.run()
    assert undoing.run(clock=clock, stopping=lambda: False) == 0, "the lease still runs"

    for _ in range(8):
        clock.forward(minutes=2)
        undoing.run(clock=clock, stopping=lambda: False)
        follow(clock)

    assert set(results(made).values()) == {"done"}
    assert account.items == {}


def test_while_klaviyo_has_trouble_nothing_is_taken_back_and_then_it_goes_on_by_itself(
    klaviyo, account, store, clock, fetch
):
    job = fetch("products")
    made = undo.draft(job, by=None, now=clock())
    undo.confirm(made, by=audit.AUTOMATIC, now=clock())
    Undo.objects.update(failures=3, next_attempt_at=clock() + timedelta(minutes=5))
    breaker = factories.a_breaker(klaviyo_account=store.klaviyo_account, probe_at=clock())
    calls = len(klaviyo.calls)

    clock.forward(minutes=10)
    assert undoing.run(clock=clock, stopping=lambda: False) == 0
    assert not Undo.objects.due(clock()).exists()
    assert len(klaviyo.calls) == calls

    Undo.objects.update(next_attempt_at=clock() + timedelta(minutes=5))
    OrmQ.objects.all().delete()
    assert probing.probe_due(clock=clock) == 1
    breaker.refresh_from_db()
    assert breaker.state == "closed"
    assert "integrations.tasks.take_back" in [one.task["func"] for one in OrmQ.objects.all()]
    for _ in range(5):
        undoing.run(clock=clock, stopping=lambda: False)
        follow(clock)
    assert account.items == {}
    assert set(results(made).values()) == {"done"}


def test_an_outage_in_the_middle_is_told_to_the_breaker_and_costs_a_few_calls(
    klaviyo, account, store, clock, fetch
):
    job = fetch("products")
    made = undo.draft(job, by=None, now=clock())
    undo.confirm(made, by=audit.AUTOMATIC, now=clock())
    klaviyo.script.answer_next(Reply(503), times=10_000)
    calls = len(klaviyo.calls)

    for _ in range(120):
        undoing.run(clock=clock, stopping=lambda: False)
        probing.probe_due(clock=clock)
        clock.forward(seconds=5)

    assert KlaviyoAccount.objects.get().tripped_at
    # Without the breaker it would have called each few seconds, and then each five minutes.
    made_since = list(klaviyo.calls)[calls:]
    probes = sum(call["path"] == "/api/events" for call in made_since)
    assert 0 < len(made_since) - probes <= 8
    assert set(results(made).values()) == {"waiting"}
    klaviyo.script.reset()
    for _ in range(8):
        clock.forward(minutes=5)
        probing.probe_due(clock=clock)
        undoing.run(clock=clock, stopping=lambda: False)
        follow(clock)
    assert account.items == {}


def test_a_shop_that_is_paused_in_the_middle_keeps_the_rest(account, store, clock, fetch):
    job = fetch("products")
    made = undo.draft(job, by=None, now=clock())
    undo.confirm(made, by=audit.AUTOMATIC, now=clock())
    claim = Undo.objects.claim(by="test", now=clock())
    type(store).objects.update(paused_at=clock())

    assert undoing._Work(claim, clock, lambda: False).run() == 0

    assert account.items
    type(store).objects.update(paused_at=None)
    for _ in range(5):
        undoing.run(clock=clock, stopping=lambda: False)
        follow(clock)
    assert account.items == {}


def test_a_stop_leaves_the_rest(account, clock, fetch):
    job = fetch("products")
    made = undo.draft(job, by=None, now=clock())
    undo.confirm(made, by=audit.AUTOMATIC, now=clock())

    undo.stop(made, by=audit.AUTOMATIC, now=clock())

    assert undoing.run(clock=clock, stopping=lambda: False) == 0
    assert set(results(made).values()) == {"left"}
    assert account.items
    with pytest.raises(sync_jobs.NotNow):
        undo.confirm(made, by=audit.AUTOMATIC, now=clock())


def test_profiles_are_put_back_field_by_field_as_they_were(account, store, clock, fetch, shop):
    customers = [
        one for one in shop.stores[PAST_SHOP].memory.customers.bodies() if one.get("email")
    ]
    known, edited = customers[0]["email"].lower(), customers[1]["email"].lower()
    account.people.upsert(None, {"email": known, "first_name": "Before", "title": "Dr"}, 0.0)
    account.people.upsert(None, {"email": edited, "first_name": "Old"}, 0.0)

    job = fetch("customers", keep_before=True)
    account.people.upsert(None, {"email": edited, "first_name": "By hand"}, clock().timestamp())
    found = undo.possible(job, clock())
    assert found.keeps_before
    assert (found.profiles, found.profiles_lost) == (Before.objects.count(), 0)
    made = take_back(job, clock)

    fields = account.people.find("email", known).fields
    assert fields["first_name"] == "Before"
    assert fields["title"] == "Dr"
    assert "last_name" not in fields
    assert account.people.find("email", edited).fields["first_name"] == "By hand"
    assert "first name" in made.items.exclude(message="").first().message
    fresh = [p for p in account.people if p.fields.get("email") not in (known, edited, None)]
    assert fresh
    assert not any(p.fields.get("first_name") for p in fresh), "emptied; the profile itself stays"
    assert not Delivery.objects.filter(kind="profile", present=True).exists()


def test_without_the_choice_profiles_cannot_be_put_back_and_nothing_is_read(klaviyo, clock, fetch):
    job = fetch("customers")

    found = undo.possible(job, clock())

    assert (found.profiles, Before.objects.count()) == (0, 0)
    assert found.profiles_lost
    assert not [call for call in klaviyo.calls if call["path"] == "/api/profiles"]


def test_what_was_kept_is_unreadable_in_the_database_and_gone_after_its_term(
    account, clock, fetch, shop
):
    fetch("customers", keep_before=True)
    one = Before.objects.first()
    assert b"@" not in bytes(one.secret)
    assert "@" in one.reveal()

    undo.prune(now=clock())
    assert Before.objects.exists()
    undo.prune(now=clock() + befores.KEPT_FOR + timedelta(days=1))
    assert not Before.objects.exists()


def test_profiles_that_cannot_be_read_are_not_written_to_until_they_can(
    klaviyo, account, clock, fetch
):
    klaviyo.script.answer_next(Reply(500), times=2, match="/api/profiles")

    fetch("customers", keep_before=True)

    assert not Event.objects.exclude(state__in=["delivered", "skipped"]).exists()
    assert Before.objects.count() == Delivery.objects.filter(kind="profile").count()


def test_recorded_events_are_counted_and_given_out_as_a_file(klaviyo, clock, fetch):
    job = fetch("orders")
    placed = events_of(klaviyo, "Placed Order")
    found = undo.possible(job, clock())
    assert {group.kind: group.number for group in found.recorded}["placed_order"] == len(placed)

    lines = list(undo_export.export(job, Format.CSV, by=audit.AUTOMATIC, now=clock()))
    rows = list(csv.DictReader("".join(lines).removeprefix("\ufeff").splitlines()))
    mine = {row["Unique id"] for row in rows if row["Metric"] == "Placed Order"}
    assert mine == {event["unique_id"] for event in placed}
    assert len(rows) == found.recorded_for_good

    raw = undo_export.export(job, Format.JSON_LINES, by=audit.AUTOMATIC, now=clock())
    assert [json.loads(line)["unique_id"] for line in raw] == [row["Unique id"] for row in rows]
    assert AuditEntry.objects.filter(action="undo.exported").count() == 2


def test_a_second_run_of_a_window_does_not_forget_what_the_first_one_did(account, clock, fetch):
    job = fetch("products")
    before = undo.possible(job, clock())

    sync_jobs.run_again(job.windows.get(), by=audit.AUTOMATIC, now=clock())

    assert undo.possible(job, clock()).items == before.items


def test_every_step_is_on_record(account, clock, fetch):
    job = fetch("products")
    take_back(job, clock)

    actions = AuditEntry.objects.filter(action__startswith="undo.").order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["undo.confirmed", "undo.finished"]
    assert actions.last().after["done"] == UndoItem.objects.count()
