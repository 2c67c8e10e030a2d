"""Taking a fetch back in a browser: what can be, the exact list, the start, and the result."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from integrations.domain.windows import JobState, Stretch
from integrations.models import Store, StoreLane, SyncWindow, Undo
from integrations.pipeline import audit, backfill, inbox, jobs, sync_jobs, undoing
from sandbox.config import ShopConfig
from sandbox.klaviyo import Klaviyo
from sandbox.shopify import Shopify
from tests import factories as a

from .conftest import LIVE
from .looking import faults_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
SHOP = "alpine-outdoor.myshopify.com"


@pytest.fixture
def klaviyo(settings):
    with Klaviyo() as server:
        server.configure({"limits": "off"})
        server.settings.visible_after = server.settings.job_seconds = 0.0
        settings.KLAVIYO_API_URL = server.url
        yield server


@pytest.fixture
def shopify(settings):
    shop = ShopConfig(domain=SHOP, token="shpat_good", seed=3, past_orders=5)
    with Shopify(shops=[shop]) as server:
        settings.SHOPIFY_BASE_URL = server.url + "/{shop}"
        yield server


@pytest.fixture
def owner(transactional_db, klaviyo, shopify):
    merchant = a.a_merchant(name="Alpine", time_zone="Europe/Berlin")
    account = a.an_account(merchant, external_id="DEMO01")
    a.a_store(account, name="Alpine Outdoor", domain=SHOP, token="shpat_good")
    return a.a_member(merchant, "owner@alpine-demo.shop")


class Workers:
    """What the workers do, done here, by a clock that need not wait."""

    def __init__(self):
        self.ahead = timedelta(minutes=1)

    def clock(self):
        return timezone.now() + self.ahead

    def go_on(self):
        while claim := SyncWindow.objects.claim(by="test", now=self.clock()):
            backfill.read_window(claim, clock=self.clock, is_over=lambda: False)
        while claim := StoreLane.objects.claim(by="test", now=self.clock()):
            inbox.work_off(claim, clock=self.clock, stopping=lambda: False)
        undoing.run(clock=self.clock, stopping=lambda: False)
        jobs.follow_due(clock=self.clock, stopping=lambda: False)
        self.ahead += timedelta(minutes=2)


@pytest.fixture
def workers():
    return Workers()


@pytest.fixture
def fetch(owner, workers):
    """A fetch of the shop's products that is done."""
    store = Store.objects.get(domain=SHOP)
    now = workers.clock()
    wish = sync_jobs.Wish(
        streams=("products",), stretch=Stretch(now - timedelta(days=2000), now), window_days=3000
    )
    job = sync_jobs.draft(store, wish, by=owner, now=now)
    sync_jobs.start(job, by=audit.AUTOMATIC, now=now)
    for _ in range(6):
        workers.go_on()
    job.refresh_from_db()
    assert job.state == JobState.DONE
    return job


def test_a_fetch_is_listed_taken_back_and_its_result_shown(owner, klaviyo, fetch, workers, open_as):
    account = klaviyo.accounts["DEMO01"]
    things = len(account.items) + len(account.variants)
    assert things
    page = open_as(owner, bypass_csp=True)

    page.goto(f"/past/{fetch.public_id}/")
    page.get_by_role("link", name=re.compile("taken back")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What can be taken back")
    expect(page.get_by_text(f"{len(account.items)} products and")).to_be_visible()
    page.get_by_role("button", name="List what would be taken back").click()

    expect(page.get_by_role("heading", name=f"{things} things would be taken back")).to_be_visible()
    page.get_by_text("The list (").click()
    expect(page.locator("#items li").first).to_contain_text("waiting")
    assert len(account.items) + len(account.variants) == things, "listing takes nothing back"
    assert faults_of(page) == []

    page.get_by_role("button", name=re.compile("^Take back")).click()
    expect(page.get_by_text(f"0 of {things} things taken back")).to_be_visible()
    assert Undo.objects.get().state == "running"
    for _ in range(6):
        workers.go_on()

    # The page looks again by itself.
    done = page.get_by_role("heading", name=f"{things} of {things} things taken back")
    expect(done).to_be_visible(timeout=LIVE)
    expect(page.locator(".state .badge")).to_have_text("Done")
    assert (account.items, account.variants) == ({}, {})
    assert faults_of(page) == []
    page.reload()
    expect(page.get_by_text("There is nothing that could be taken back.")).to_be_visible()
