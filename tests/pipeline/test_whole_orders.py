"""Orders with more of everything than a page shows: fetched to their end, and paid for."""

import copy
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.forecast import Forecast
from integrations.domain.lanes import Lane
from integrations.domain.windows import Stretch
from integrations.models import DeadLetter, Event, SyncWindow
from integrations.pipeline import audit, backfill, forecast_steps, forecasts, points, sync_jobs
from integrations.platforms.shopify import pages, past, whole_orders
from integrations.platforms.shopify.client import Shopify as Client
from integrations.platforms.shopify.orders import fetch_orders
from integrations.platforms.shopify.webhooks import ORDER
from integrations.platforms.shopify.webhooks import order as read_webhook
from sandbox.messages import Reply
from sandbox.shop.simulation import give_back, ship
from tests import factories

from .conftest import PAST_SHOP, a_shop_with_a_past, events_of

EVER = Stretch(datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
LINES, REFUNDS, PARCELS, OF_ONE = 230, 60, 11, 140


def grown(body):
    """The order with long lists: of each row it has, many with ids of their own."""
    body = copy.deepcopy(body)

    def many(rows, count):
        return [{**copy.deepcopy(rows[n % len(rows)]), "id": 7_000_000 + n} for n in range(count)]

    body["line_items"] = many(body["line_items"], LINES)
    body["refunds"] = many(body["refunds"], REFUNDS)
    body["fulfillments"] = many(body["fulfillments"], PARCELS)
    first = body["refunds"][0]
    first["refund_line_items"] = many(first["refund_line_items"], OF_ONE)
    parcel = body["fulfillments"][-1]
    parcel["line_items"] = many(parcel["line_items"], OF_ONE)
    return body


@pytest.fixture
def shop(settings, clock):
    with a_shop_with_a_past(settings, clock, past_orders=12) as server:
        for _ in range(25):
            ship(server.stores[PAST_SHOP].shop)
            give_back(server.stores[PAST_SHOP].shop)
        yield server


@pytest.fixture
def giant(shop):
    """The webhook's body of one order in the shop that is larger than any page shows."""
    orders = shop.stores[PAST_SHOP].memory.orders
    body = next(one for one in orders.bodies() if one["refunds"] and one["fulfillments"])
    orders.put(grown(body))
    return orders.get(body["id"])


@pytest.fixture
def store(transactional_db, shop):
    return factories.a_store(domain=PAST_SHOP, token="shpat_good")


@pytest.fixture
def job(store, clock):
    clock.forward(minutes=1)
    wish = sync_jobs.Wish(
        streams=("orders",), stretch=Stretch(clock() - timedelta(days=90), clock())
    )
    made = sync_jobs.draft(store, wish, by=None, now=clock())
    sync_jobs.start(made, by=audit.AUTOMATIC, now=clock())
    return made


def expected(giant):
    return read_webhook(ORDER.decode(msgspec.json.encode(giant)))


def test_every_shape_of_a_giant_order_is_the_whole_of_it(shop, giant):
    client = Client(f"{shop.url}/{PAST_SHOP}", "shpat_good")
    key, paid = str(giant["id"]), []

    page = pages.read(client, "orders", EVER, cursor="", size=50, pay=paid.append)
    row = next(one for one in page.rows if one.source_id == key)
    by_page = past.parse("past/orders", row.body, triggered_at=None)
    by_id = fetch_orders(client, [key])[key]

    whole = expected(giant)
    assert by_page == by_id
    for found in (by_page, by_id):
        assert [one.source_id for one in found.lines] == [one.source_id for one in whole.lines]
        assert sorted(r.source_id for r in found.refunds) == sorted(
            r.source_id for r in whole.refunds
        )
        assert sorted(len(one.lines) for one in found.refunds)[-1] == OF_ONE
        assert sorted(len(one.lines) for one in found.fulfilments)[-1] == OF_ONE
        assert len(found.fulfilments) == PARCELS
    # By its id, its refunds and parcels, and the rest of its lines and of the lines of both.
    assert len(paid) >= 6


def test_an_order_with_just_one_more_refund_than_a_page_shows_loses_none(shop):
    # Refunds are a plain list, which Shopify cuts without a word.
    orders = shop.stores[PAST_SHOP].memory.orders
    body = next(one for one in orders.bodies() if one["refunds"])
    body["refunds"] = [
        {**copy.deepcopy(body["refunds"][0]), "id": 8_000_000 + number} for number in range(11)
    ]
    orders.put(body)
    client = Client(f"{shop.url}/{PAST_SHOP}", "shpat_good")

    page = pages.read(client, "orders", EVER, cursor="", size=50)

    row = next(one for one in page.rows if one.source_id == str(body["id"]))
    assert len(past.parse("past/orders", row.body, triggered_at=None).refunds) == 11


def test_a_window_with_a_giant_order_fails_none_and_pays_for_every_call(
    shop, giant, klaviyo, job, clock, finish, monkeypatch
):
    taken = []
    take = points.take

    def noted(store_id, price, *, lane, now):
        wait = take(store_id, price, lane=lane, now=now)
        if wait is None:
            taken.append((price, lane))
        return wait

    monkeypatch.setattr(points, "take", noted)
    finish(job)

    window = job.windows.get()
    assert (window.failed, window.found) == (0, len(shop.stores[PAST_SHOP].memory.orders))
    assert not DeadLetter.objects.exists()
    refunded = {event["unique_id"] for event in events_of(klaviyo, "Refunded Order")}
    assert len(refunded) >= REFUNDS
    calls = [call for call in shop.calls if call["path"].endswith("graphql.json")]
    assert len(taken) == len(calls)
    assert {lane for _, lane in taken} == {Lane.BACKFILL}
    assert window.calls >= 7


def a_plan(store, clock):
    clock.forward(minutes=1)
    stretch = Stretch(clock() - timedelta(days=90), clock())
    return sync_jobs.draft(
        store, sync_jobs.Wish(streams=("orders",), stretch=stretch), by=None, now=clock()
    )


def test_a_plan_pays_for_every_call_its_look_at_giant_orders_takes(
    shop, giant, klaviyo, store, clock, monkeypatch
):
    taken = []
    take = points.take

    def noted(store_id, price, *, lane, now):
        wait = take(store_id, price, lane=lane, now=now)
        if wait is None:
            taken.append(lane)
        return wait

    monkeypatch.setattr(points, "take", noted)
    forecast = forecasts.make(a_plan(store, clock), now=clock())

    calls = [call for call in shop.calls if call["path"].endswith("graphql.json")]
    assert len(taken) == len(calls) > 6
    assert set(taken) == {Lane.REPORT}
    assert not forecast.troubles
    assert forecast.audit("orders").looked == len(shop.stores[PAST_SHOP].memory.orders)


def test_a_plan_without_points_for_the_rest_waits_and_looks_again(
    shop, giant, klaviyo, store, clock, monkeypatch
):
    take, refused = points.take, []

    def poor(store_id, price, *, lane, now):
        if price in (whole_orders.PARTS_POINTS, whole_orders.LINES_POINTS) and not refused:
            refused.append(price)
            return now + forecast_steps.PATIENCE * 2
        return take(store_id, price, lane=lane, now=now)

    monkeypatch.setattr(points, "take", poor)
    job, now = a_plan(store, clock), clock()
    maker = forecast_steps.Maker(job, Forecast(began_at=now, updated_at=now), clock=clock)
    waits = []
    while not maker.forecast.is_ready:
        if wait := maker.step():
            waits.append(wait)
            clock.forward(seconds=30)

    assert len(refused) == 1
    assert waits[0] - now >= forecast_steps.PATIENCE * 2
    assert maker.forecast.audit("orders").looked == len(shop.stores[PAST_SHOP].memory.orders)
    assert not maker.forecast.troubles


def test_without_points_for_the_rest_the_page_is_read_again_later_and_nothing_is_lost(
    shop, giant, klaviyo, store, job, clock, finish, monkeypatch
):
    SyncWindow.objects.update(counted_at=clock(), way="pages")
    claim = SyncWindow.objects.claim(by="test", now=clock())
    take, dear = points.take, []

    def poor(store_id, price, *, lane, now):
        if dear:
            return now + timedelta(minutes=2)
        dear.append(price)
        return take(store_id, price, lane=lane, now=now)

    with monkeypatch.context() as patched:
        patched.setattr(points, "take", poor)
        assert backfill.read_window(claim, clock=clock, is_over=lambda: False) == 0

    window = job.windows.get()
    assert (window.lease_until, window.wait_reason) == (None, backfill.LIMITED)
    assert not Event.objects.filter(window=window).exists()
    clock.forward(minutes=3)
    finish(job)
    window.refresh_from_db()
    assert (window.failed, window.found) == (0, len(shop.stores[PAST_SHOP].memory.orders))


def test_a_list_that_does_not_end_fails_its_order_by_name_and_no_other(
    shop, giant, klaviyo, job, clock, finish
):
    def never(call):
        if b"query OrderLines" not in call.body:
            return None
        page = {"pageInfo": {"hasNextPage": True, "endCursor": "always"}, "nodes": []}
        return Reply(200, {"data": {"order": {"lineItems": page}}})

    shop.script.answer_next(never, times=10_000)

    finish(job)

    window = job.windows.get()
    assert window.failed == 1
    failed = DeadLetter.objects.get()
    assert "only a part of the lines" in failed.message
    assert window.sent + window.skipped + window.unchanged == window.found - 1


def test_a_live_look_up_without_points_for_the_rest_waits_and_takes_no_half(shop, giant):
    client = Client(f"{shop.url}/{PAST_SHOP}", "shpat_good")
    waits = Failure(FailureKind.RATE_LIMITED, "Later.", "points")

    def pay(price):
        raise PlatformError(waits)

    assert fetch_orders(client, [str(giant["id"])], pay=pay) == {str(giant["id"]): waits}
