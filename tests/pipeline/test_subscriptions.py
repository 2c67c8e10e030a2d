"""What a shop sends us: made, looked at each hour, repaired, and every gap written down."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections

from integrations.domain.failures import PlatformError
from integrations.models import AuditEntry, Credential, Gap, Store, Subscription
from integrations.pipeline import subscriptions
from integrations.platforms.shopify.wanted import WANTED
from sandbox.config import ShopConfig
from sandbox.messages import Reply
from sandbox.shopify import Shopify
from tests import factories

DOMAIN = "alpine-outdoor.myshopify.com"
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shopify(settings):
    settings.PUBLIC_URL = "https://console.example"
    with Shopify(shops=[ShopConfig(domain=DOMAIN)]) as server:
        settings.SHOPIFY_BASE_URL = f"{server.url}/{{shop}}"
        yield server


@pytest.fixture
def store(shopify) -> Store:
    return factories.a_store(domain=DOMAIN)


@pytest.fixture
def shop(shopify):
    return shopify.stores[DOMAIN]


def topics_of(shop) -> list[str]:
    return sorted(one.topic for one in shop.subscriptions.values())


def drop(shop, topic: str) -> None:
    for key, one in list(shop.subscriptions.items()):
        if one.topic == topic:
            del shop.subscriptions[key]


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_on_connecting_everything_wanted_is_asked_for_at_the_stores_own_address(store, shop, clock):
    report = subscriptions.subscribe(store, now=clock())

    assert len(shop.subscriptions) == len(WANTED) == report.present
    assert {one.uri for one in shop.subscriptions.values()} == {
        f"https://console.example/webhooks/shopify/{store.public_id}/"
    }
    assert Subscription.objects.filter(store=store, gone_since=None).count() == len(WANTED)
    assert actions() == ["subscriptions.made"]
    assert not Gap.objects.exists()


def test_a_second_look_changes_nothing_and_says_nothing(store, shop, clock):
    subscriptions.subscribe(store, now=clock())
    before = topics_of(shop)

    report = subscriptions.look(store, now=clock() + HOUR)

    assert report.made == report.removed == report.corrected == []
    assert topics_of(shop) == before
    assert actions() == ["subscriptions.made"]


def test_what_the_shop_removed_is_made_again_and_the_time_is_written_down(store, shop, clock):
    seen = clock()
    subscriptions.subscribe(store, now=seen)
    drop(shop, "ORDERS_CREATE")

    subscriptions.look(store, now=seen + HOUR)

    assert "ORDERS_CREATE" in topics_of(shop)
    gap = Gap.objects.get()
    assert (gap.since, gap.until, gap.topics) == (seen, seen + HOUR, ["orders/create"])
    row = Subscription.objects.get(topic="orders/create")
    assert (row.gone_since, row.times_gone, row.seen_at) == (None, 1, seen + HOUR)
    restored = AuditEntry.objects.get(action="subscriptions.restored")
    assert restored.before["gone_since"] == {"orders/create": seen.isoformat()}
    assert restored.actor is None


def test_hours_that_touch_become_one_gap_and_an_asked_one_is_left_as_it_is(store, shop, clock):
    seen = clock()
    subscriptions.subscribe(store, now=seen)
    for hours, topic in ((1, "ORDERS_CREATE"), (2, "REFUNDS_CREATE")):
        drop(shop, topic)
        subscriptions.look(store, now=seen + hours * HOUR)

    gap = Gap.objects.get()
    assert (gap.since, gap.until) == (seen, seen + 2 * HOUR)
    assert gap.topics == ["orders/create", "refunds/create"]

    Gap.objects.update(asked_at=seen + 2 * HOUR)
    drop(shop, "ORDERS_CREATE")
    subscriptions.look(store, now=seen + 3 * HOUR)
    assert Gap.objects.count() == 2


def test_a_topic_that_cannot_be_made_again_stays_gone_until_it_can(store, shop, shopify, clock):
    seen = clock()
    subscriptions.subscribe(store, now=seen)
    drop(shop, "PRODUCTS_UPDATE")
    Credential.objects.filter(store=store).update(scopes=["read_orders"])

    subscriptions.look(store, now=seen + HOUR)

    row = Subscription.objects.get(topic="products/update")
    assert row.gone_since == seen
    assert row.trouble == "The permission read_products is missing."
    assert Gap.objects.get().until is None
    assert actions().count("subscription.refused") >= 1
    told = AuditEntry.objects.count()

    subscriptions.look(store, now=seen + 2 * HOUR)
    assert AuditEntry.objects.count() == told

    Credential.objects.filter(store=store).update(scopes=[])
    subscriptions.look(store, now=seen + 3 * HOUR)
    assert Gap.objects.get().until == seen + 3 * HOUR
    assert Subscription.objects.get(topic="products/update").gone_since is None


def test_a_former_address_is_corrected_a_second_one_removed_and_a_foreign_one_left(
    store, shop, clock
):
    mine = f"/webhooks/shopify/{store.public_id}/"
    shop.subscribe("ORDERS_CREATE", {"uri": f"https://old.example{mine}"})
    shop.subscribe("ORDERS_PAID", {"uri": f"https://old.example{mine}"})
    shop.subscribe("ORDERS_PAID", {"uri": f"https://console.example{mine}"})
    foreign = shop.subscribe("ORDERS_CREATE", {"uri": "https://somebody.example/hooks"})

    report = subscriptions.subscribe(store, now=clock())

    assert (report.corrected, report.removed) == (["orders/create"], ["orders/paid"])
    assert foreign.id in shop.subscriptions
    assert foreign.uri == "https://somebody.example/hooks"
    assert topics_of(shop).count("ORDERS_PAID") == 1
    assert not Gap.objects.exists()


def test_one_that_somebody_led_elsewhere_is_a_gap_too(store, shop, clock):
    seen = clock()
    subscriptions.subscribe(store, now=seen)
    next(iter(shop.subscriptions.values())).uri = "https://elsewhere.example/"

    subscriptions.look(store, now=seen + HOUR)

    assert Gap.objects.get().since == seen
    assert "https://elsewhere.example/" not in {one.uri for one in shop.subscriptions.values()}


def test_a_long_list_is_read_to_its_end(store, shop, clock):
    for number in range(130):
        shop.subscribe("SHOP_UPDATE", {"uri": f"https://somebody.example/{number}"})
    subscriptions.subscribe(store, now=clock())

    assert subscriptions.subscribe(store, now=clock()).made == []


def test_without_an_address_of_our_own_nothing_is_asked_for(store, shop, settings, clock):
    settings.PUBLIC_URL = ""

    report = subscriptions.look(store, now=clock())

    assert "PUBLIC_URL" in report.trouble
    assert not shop.subscriptions


@pytest.mark.parametrize(
    ("reply", "minutes"),
    [
        (Reply(500, {}), 5),
        (Reply(200, {"data": None, "errors": [{"message": "half"}]}), 5),
        (Reply(429, {}, {"Retry-After": "120"}), 2),
    ],
)
def test_an_answer_that_is_none_or_half_changes_no_row_and_is_asked_for_again(
    store, shop, shopify, clock, reply, minutes
):
    seen = clock()
    subscriptions.subscribe(store, now=seen)
    rows = list(Subscription.objects.order_by("pk").values())
    shopify.script.answer_next(reply, match="graphql.json")

    subscriptions.look(store, now=seen + HOUR)

    assert list(Subscription.objects.order_by("pk").values()) == rows
    store.refresh_from_db()
    assert store.subscriptions_checked_at == seen
    assert store.subscriptions_due_at == seen + HOUR + timedelta(minutes=minutes)
    assert not Gap.objects.exists()


def test_a_refused_login_raises_where_a_person_waits_and_is_noted_where_nobody_does(
    store, shopify, clock
):
    Credential.objects.filter(store=store).delete()
    with pytest.raises(PlatformError):
        subscriptions.subscribe(store, now=clock())
    assert subscriptions.look(store, now=clock()).trouble


def test_each_store_is_looked_at_once_an_hour_however_many_rounds_there_are(
    store, shop, shopify, clock
):
    def round_():
        return subscriptions.audit_due(clock=clock, stopping=lambda: False)

    assert round_() == 1
    assert round_() == 0
    clock.forward(minutes=61)
    assert (round_(), round_()) == (1, 0)
    Credential.objects.filter(store=store).update(state="revoked")
    clock.forward(minutes=61)
    assert round_() == 0


def at_once(work, workers=3):
    """Do the same in several connections that all begin at the same moment."""
    start = threading.Barrier(workers)

    def one(_):
        try:
            start.wait(5)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(one, range(workers)))


def ids_of(rows):
    return {int(row.remote_id.rpartition("/")[2]) for row in rows}


def test_of_several_rounds_at_once_one_takes_the_store(store, shop, clock):
    looked = at_once(lambda: subscriptions.audit_due(clock=clock, stopping=lambda: False))

    assert sorted(looked) == [0, 0, 1]
    assert len(shop.subscriptions) == len(WANTED)


def test_several_looks_at_once_make_and_tell_each_thing_once(store, shop, clock):
    """A round, somebody's button and a sign-in that came back may meet."""
    reports = at_once(lambda: subscriptions.look(store, now=clock()))
    assert [one.trouble for one in reports] == [""] * 3
    assert topics_of(shop) == sorted(set(topics_of(shop)))
    rows = Subscription.objects.filter(store=store)
    assert ids_of(rows) == set(shop.subscriptions)
    drop(shop, "ORDERS_CREATE")
    drop(shop, "PRODUCTS_UPDATE")
    later = clock() + HOUR

    at_once(lambda: subscriptions.look(store, now=later))

    assert topics_of(shop) == sorted(set(topics_of(shop)))
    assert ids_of(rows.all()) == set(shop.subscriptions)
    gone = rows.filter(topic__in=["orders/create", "products/update"])
    assert {(row.times_gone, row.gone_since) for row in gone} == {(1, None)}
    assert Gap.objects.get().until == later
    told = [
        topic
        for entry in AuditEntry.objects.filter(action="subscriptions.restored")
        for topic in entry.after["topics"]
    ]
    assert sorted(told) == ["orders/create", "products/update"]


def test_a_round_ends_when_the_worker_is_asked_to_stop(store, clock):
    assert subscriptions.audit_due(clock=clock, stopping=lambda: True) == 0


def says(shopify, verb, *, errors=None, complaint="", times=1):
    """Let the shop answer the next calls of one kind in its own way, with status 200."""
    left = [times]

    def answer(call):
        if verb not in call.body.decode() or not left[0]:
            return None
        left[0] -= 1
        if errors:
            return Reply(200, {"data": None, "errors": errors})
        told = {"webhookSubscription": None, "userErrors": [{"message": complaint}]}
        return Reply(200, {"data": {f"webhookSubscription{verb}": told}})

    shopify.script.answer_next(answer, times=200, match="graphql.json")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"complaint": "Address is not allowed"}, "Address is not allowed"),
        (
            {"errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]},
            "The permission read_orders is missing.",
        ),
    ],
)
def test_one_topic_that_is_refused_leaves_the_others_alone(store, shopify, clock, changes, reason):
    says(shopify, "Create", **changes)

    report = subscriptions.subscribe(store, now=clock())

    assert report.refused == {"orders/create": reason}
    assert report.present == len(WANTED) - 1
    row = Subscription.objects.get(topic="orders/create")
    assert (row.trouble, row.seen_at) == (reason, None)
    assert Credential.objects.get(store=store).state == "active"


def test_what_somebody_else_made_a_moment_ago_counts(store, shopify, clock):
    says(shopify, "Create", complaint="Address for this topic has already been taken")

    report = subscriptions.subscribe(store, now=clock())

    assert report.present == len(WANTED)
    assert report.refused == {}


def test_what_is_gone_while_it_is_corrected_is_made_anew(store, shop, shopify, clock):
    old = f"https://old.example/webhooks/shopify/{store.public_id}/"
    shop.subscribe("ORDERS_CREATE", {"uri": old})
    says(shopify, "Update", complaint="Webhook subscription does not exist")

    subscriptions.subscribe(store, now=clock())

    assert topics_of(shop).count("ORDERS_CREATE") == 2  # the one the shop said it has not, and ours


def test_an_interruption_in_the_middle_keeps_what_was_done_and_goes_on_from_there(
    store, shop, shopify, clock
):
    made = iter(range(100))

    def throttled(call):
        if "Create" not in call.body.decode() or next(made) != 5:
            return None
        return Reply(200, {"errors": [{"message": "slow", "extensions": {"code": "THROTTLED"}}]})

    shopify.script.answer_next(throttled, times=200, match="graphql.json")
    subscriptions.look(store, now=clock())

    assert len(shop.subscriptions) == Subscription.objects.exclude(seen_at=None).count() == 5
    store.refresh_from_db()
    assert store.subscriptions_trouble == ""
    subscriptions.look(store, now=clock())
    assert len(shop.subscriptions) == len(WANTED)


def test_a_token_that_is_refused_ends_the_look_and_breaks_the_login(store, shopify, clock):
    shopify.script.answer_next(Reply(401, {"errors": "no"}), times=9, match="graphql.json")

    report = subscriptions.look(store, now=clock())

    assert report.trouble
    assert Credential.objects.get(store=store).state == "needs_reconnect"
    store.refresh_from_db()
    assert store.subscriptions_due_at > clock() + timedelta(minutes=50)
