"""A merchant brings in past orders: plan, start, pause, a machine that is lost, and the end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from integrations.models import Event, Heartbeat, SyncJob, SyncWindow
from sandbox.config import ShopConfig
from sandbox.klaviyo import Klaviyo
from sandbox.shopify import Shopify
from tests import factories as a

from .looking import LIVE, SIZES
from .processes import Console, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
SHOP = "alpine-outdoor.myshopify.com"
ORDERS = 240
PATIENCE = 200
# A killed reader's period goes on when its lease has run out and somebody has looked; the workers
# that start anew are given some seconds besides.
GOES_ON = 40


@pytest.fixture
def klaviyo() -> Iterator[Klaviyo]:
    with Klaviyo() as server:
        server.configure({"limits": "off"})
        server.settings.visible_after = server.settings.job_seconds = 0.0
        yield server


@pytest.fixture
def shopify() -> Iterator[Shopify]:
    shop = ShopConfig(
        domain=SHOP,
        name="Alpine Outdoor",
        token="shpat_good",
        seed=3,
        past_orders=ORDERS,
        past_days=85,
    )
    with Shopify(shops=[shop]) as server:
        yield server


@pytest.fixture
def console(
    transactional_db: None, tmp_path: Path, klaviyo: Klaviyo, shopify: Shopify, settings
) -> Iterator[Console]:
    settings.KLAVIYO_API_URL = klaviyo.url
    settings.SHOPIFY_BASE_URL = shopify.url + "/{shop}"
    running = Console(tmp_path, klaviyo_url=klaviyo.url, secret=a.SECRET)
    running.env["SHOPIFY_BASE_URL"] = shopify.url + "/{shop}"
    # The page's nudges are signed by this process and read by the workers.
    running.env["SECRET_KEY"] = settings.SECRET_KEY
    yield running
    running.end()


@pytest.fixture
def owner(console):
    Heartbeat.objects.create(name="sweep", beat_at=timezone.now())
    merchant = a.a_merchant(name="Alpine", time_zone="Europe/Berlin")
    account = a.an_account(merchant, external_id="DEMO01")
    a.a_store(account, name="Alpine Outdoor", domain=SHOP, token="shpat_good")
    return a.a_member(merchant, "owner@alpine-demo.shop")


def placed(klaviyo: Klaviyo) -> list[str]:
    account = klaviyo.accounts["DEMO01"]
    with klaviyo.lock:
        names = {metric.id: metric.name for metric in account.metrics.values()}
        found = account.events.values()
        return [one.unique_id for one in found if names[one.metric_id] == "Placed Order"]


def of_shared_telephones(orders) -> set[str]:
    """The orders of people whose telephone somebody with another address has as well."""
    people: dict[str, set[str]] = {}
    for one in orders:
        people.setdefault(telephone(one), set()).add((one["email"] or "").lower())
    return {str(one["id"]) for one in orders if telephone(one) and len(people[telephone(one)]) > 1}


def telephone(order) -> str:
    return order["phone"] or (order["customer"] or {}).get("phone") or ""


def plan(page) -> None:
    """From the shop's page to the preview of 90 days in three periods."""
    page.goto("/")
    page.get_by_role("link", name="Alpine Outdoor").first.click()
    page.get_by_role("link", name="Bring in past orders").click()
    page.get_by_role("link", name="Bring in past orders").click()
    page.get_by_label("The last 90 days").check()
    page.get_by_text("More choices").click()
    page.get_by_label("How long one period is").select_option("30")
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What will happen")


def landed() -> int:
    return Event.objects.filter(window__isnull=False).count()


@pytest.mark.parametrize("size", SIZES)
def test_plan_start_pause_crash_go_on_finish_and_one_period_again(
    owner, console, klaviyo, shopify, open_as, size
):
    page = open_as(owner, size=size)
    plan(page)
    klaviyo.script.delay = 0.05
    shopify.script.delay = 0.4
    page.get_by_role("button", name=re.compile("Start fetching")).click()
    expect(page.get_by_text("You can close this page")).to_be_visible()
    console.start_worker()
    wait_until(lambda: landed() > 0, seconds=60, what="a page of orders is landed")

    page.get_by_role("link", name="Pause…").first.click()
    page.get_by_label("Why?").fill("Stocktaking")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused by owner@alpine-demo.shop")).to_be_visible()
    assert SyncJob.objects.get().state == "paused"
    page.goto("/")
    expect(page.get_by_role("heading", name="Past orders being fetched")).to_be_visible()
    page.get_by_role("link", name="Alpine Outdoor: past orders").click()
    page.get_by_role("button", name="Go on").first.click()
    wait_until(
        lambda: SyncWindow.objects.filter(lease_until__gt=timezone.now()).exists(),
        seconds=60,
        what="a period is read again",
    )

    klaviyo.script.delay = 0.0
    if size == "wide":
        # Once is enough: what was in hand is free again only when its lease has run out.
        console.kill_worker_tree()
        held = SyncWindow.objects.filter(state="reading", lease_until__isnull=False).get()
        console.start_worker()
        wait_until(
            lambda: SyncWindow.objects.exclude(epoch=held.epoch).filter(pk=held.pk).exists(),
            seconds=GOES_ON,
            what="the killed reader's period is read by another",
        )
    shopify.script.delay = 0.0

    wait_until(
        lambda: SyncJob.objects.get().state == "done", seconds=PATIENCE, what="all of it is done"
    )
    # While something is waited for, the page looks again every fifteen seconds.
    expect(page.locator(".state .badge")).to_have_text("Done", timeout=LIVE)
    expect(page).to_have_title(re.compile(r"^\s*Done"))
    orders = list(shopify.stores[SHOP].memory.orders.bodies())
    ids = [str(one["id"]) for one in orders]
    # Where people share a telephone, importing one of them may take the other's profile over, and
    # what a killed worker had sent and not written down is new to the one that follows.
    twice = {one for one, times in Counter(placed(klaviyo)).items() if times > 1}
    assert twice <= of_shared_telephones(orders)
    counted = SyncWindow.objects.values_list("found", "sent", "unchanged", "skipped", "failed")
    assert sum(row[0] for row in counted) == len(ids) == ORDERS
    assert all(found == sum(rest) for found, *rest in counted)

    before = len(placed(klaviyo))
    page.get_by_text(re.compile(r"^Done \(")).click()
    page.get_by_role("link", name=re.compile(r"^Orders, ")).first.click()
    page.get_by_role("button", name="Fetch this period again").click()
    expect(page.get_by_text("This period is fetched again")).to_be_visible()
    wait_until(
        lambda: SyncJob.objects.get().state == "done", seconds=60, what="the period is done again"
    )
    page.reload()
    expect(page.get_by_text("for the 2. time")).to_be_visible()
    assert len(placed(klaviyo)) == before
