"""Connecting and reconnecting by clicking, with the stand-ins' own sign-in pages."""

import re
import time
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from integrations.models import (
    Credential,
    Heartbeat,
    KlaviyoAccount,
    Reconnection,
    Store,
)
from integrations.pipeline import intake, reconnecting, upkeep
from integrations.platforms.shopify.wanted import WANTED
from sandbox.config import AppConfig, ShopConfig
from sandbox.klaviyo import Klaviyo
from sandbox.player import CALM, Player, Stage
from sandbox.shopify import Shopify, breaking
from tests import factories as a
from tests.pipeline.replays_world import work

from .looking import LIVE, LOOKS, SIZES, check_all, complaints_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
SHOP = "alpine-outdoor.myshopify.com"


@pytest.fixture
def klaviyo(live_server, settings):
    with Klaviyo() as server:
        server.app.redirect_uris = [f"{live_server.url}/connect/klaviyo/answer/"]
        server.settings.visible_after = server.settings.job_seconds = 0.0
        settings.KLAVIYO_API_URL = server.url
        settings.KLAVIYO_AUTHORIZE_URL = f"{server.url}/oauth/authorize"
        settings.KLAVIYO_CLIENT_ID = server.app.client_id
        settings.KLAVIYO_CLIENT_SECRET = server.app.secret
        settings.PUBLIC_URL = live_server.url
        yield server


@pytest.fixture
def shopify(live_server, settings):
    app = AppConfig(redirect_uris=[f"{live_server.url}/connect/shopify/answer/"])
    shop = ShopConfig(domain=SHOP, name="Alpine Outdoor", installed=False, seed=3)
    with Shopify(shops=[shop], app=app) as server:
        settings.SHOPIFY_BASE_URL = server.url + "/{shop}"
        settings.SHOPIFY_CLIENT_ID = app.client_id
        settings.SHOPIFY_APP_SECRETS = [app.secret]
        settings.PUBLIC_URL = live_server.url
        settings.RECONNECT_REST_SECONDS = 3
        yield server


@pytest.fixture
def owner(transactional_db, klaviyo, shopify):
    intake.forget_stores()
    Heartbeat.objects.create(name="sweep", beat_at=timezone.now())
    merchant = a.a_merchant(name="Alpine", time_zone="Europe/Berlin")
    return a.a_member(merchant, "owner@alpine-demo.shop")


def connect_klaviyo(page):
    page.get_by_role("button", name="Sign in at Klaviyo").click()
    page.wait_for_url("**/oauth/authorize**")
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/connected/**")


def connect_shop(page, typed="https://admin.shopify.com/store/alpine-outdoor"):
    page.fill("#shop", typed)
    page.get_by_role("button", name="Sign in at Shopify").click()
    page.wait_for_url("**/admin/oauth/authorize**")
    page.get_by_role("button", name="Install").click()
    page.wait_for_url("**/connected/**")


def connect_all(page):
    """From an empty home page to a connected shop."""
    page.goto("/")
    page.get_by_role("link", name="Connect your first shop").click()
    connect_klaviyo(page)
    page.get_by_role("link", name="Go on: connect your shop").click()
    connect_shop(page)


def sell(shopify, count):
    """Let things happen in the shop, and wait until it has told us of them."""
    store = shopify.stores[SHOP]
    player = Player(
        [Stage(store.shop, store.config.secret, store.emit)], shopify.sender, mix=CALM, seed=5
    )
    for _ in range(count):
        player.step()
    player.finish()
    shopify.sender.drain(10)


def events_at(klaviyo):
    return len(klaviyo.accounts["DEMO01"].events)


@pytest.mark.parametrize("size", SIZES)
def test_a_merchant_connects_both_and_proves_the_way(owner, shopify, klaviyo, open_as, size):
    page = open_as(owner, size=size)

    connect_all(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Alpine Outdoor is connected")
    assert len(shopify.stores[SHOP].subscriptions) == len(WANTED)
    sell(shopify, 8)
    work(timezone.now)
    assert events_at(klaviyo) > 0

    page.get_by_role("link", name="See the connection").click()
    page.get_by_role("button", name="Send a test").click()
    page.wait_for_selector("text=Waiting for a worker.")
    work(timezone.now)
    expect(page.locator("strong.good")).to_be_visible(timeout=LIVE)


def test_a_no_and_a_second_visit_change_nothing_and_say_what_to_do(owner, shopify, open_as):
    page = open_as(owner)
    page.goto("/connect/")
    page.get_by_role("button", name="Sign in at Klaviyo").click()
    page.wait_for_url("**/oauth/authorize**")
    page.get_by_role("button", name="Deny").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing was connected")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This sign-in has already been used")
    page.get_by_role("link", name="See what is connected").click()
    page.wait_for_url("**/connect/")
    assert not KlaviyoAccount.objects.exists()


@pytest.mark.parametrize("size", SIZES)
def test_a_shop_that_was_put_out_is_found_and_repaired_in_two_clicks(
    owner, shopify, klaviyo, open_as, size
):
    page = open_as(owner, size=size)
    connect_all(page)
    sell(shopify, 6)
    work(timezone.now)
    before = events_at(klaviyo)

    # The notice of it is kept back: the console finds out by itself.
    breaking.uninstall(shopify.stores[SHOP], hold=True)
    Credential.objects.filter(store__isnull=False).update(checked_at=None)
    upkeep.check_due(clock=timezone.now, stopping=lambda: False)
    page.goto("/")
    expect(page).to_have_title(re.compile(r"^\(1\)"))
    waiting = a.an_event(Store.objects.get(), received_at=timezone.now(), topic="sync_console/test")
    page.get_by_role("link", name="Reconnect").click()
    expect(page.get_by_role("link", name="1 message")).to_be_visible()
    page.get_by_role("button", name="Pause and sign in at Shopify").click()
    page.wait_for_url("**/admin/oauth/authorize**")
    work(timezone.now)
    waiting.refresh_from_db()
    assert waiting.state == "waiting"
    page.get_by_role("button", name="Install").click()

    page.wait_for_url("**/reconnects/**")
    expect(page.get_by_role("heading", level=1)).to_have_text("Alpine Outdoor is connected again")
    assert len(shopify.stores[SHOP].subscriptions) == len(WANTED)
    work(timezone.now)
    expect(page.get_by_text("Everything that waited has gone on.")).to_be_visible(timeout=LIVE)
    page.get_by_role("button", name="Fetch what was missed").click()
    expect(page.get_by_text("We are fetching what was missed.")).to_be_visible()
    expect(page.get_by_role("link", name="See how far it is")).to_be_visible()
    sell(shopify, 6)
    work(timezone.now)
    assert events_at(klaviyo) > before
    page.goto("/")
    assert page.get_by_text("Needs you").count() == 0


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_login_that_works_is_let_go_and_rests(owner, shopify, open_as, scripts):
    page = open_as(owner, java_script_enabled=scripts)
    connect_all(page)
    store = Store.objects.get()
    page.goto(reverse("store-reconnect", args=[store.public_id]))
    page.get_by_role("button", name="Pause delivery and begin").click()
    page.get_by_role("button", name="Let the old login go").click()

    assert page.locator("#countdown").is_visible()
    assert page.get_by_role("button", name="Sign in at Shopify").count() == 0
    if not scripts:
        time.sleep(3)
        page.get_by_role("link", name="Look again").click()
    page.get_by_role("button", name="Sign in at Shopify").click()
    page.get_by_role("button", name="Install").click()

    page.wait_for_url("**/reconnects/**")
    expect(page.get_by_text("Nothing was missed")).to_be_visible()
    assert Credential.objects.get(store=store).state == "active"


def test_a_sign_in_that_comes_back_signed_out_or_in_another_browser_is_told(
    owner, shopify, open_as, client
):
    page = open_as(owner)
    page.goto("/connect/")
    page.get_by_role("button", name="Sign in at Klaviyo").click()
    page.wait_for_url("**/oauth/authorize**")
    client.logout()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You were signed out here meanwhile")
    assert "code=" not in page.get_by_role("link", name="Sign in").get_attribute("href")

    answer = page.url
    other = open_as(owner)
    other.goto(answer)
    expect(other.get_by_role("heading", level=1)).to_have_text("This sign-in began elsewhere")
    assert not Credential.objects.exists()


@pytest.fixture
def pages(owner, klaviyo, shopify):
    """Every new page in the states people meet it in."""
    now = timezone.now()
    merchant = owner.memberships.get().merchant
    account = a.an_account(merchant, name="Alpine Klaviyo", external_id="DEMO01")
    store = a.a_store(account, name="Alpine Germany", domain=SHOP, time_zone="Europe/Berlin")
    broken = a.a_store(account, name="Alpine Outlet")
    Credential.objects.filter(store=broken).update(
        state="revoked", failure_code="app/uninstalled", broken_since=now, connected_by=owner
    )
    Credential.objects.filter(store=store).update(
        scopes=["read_orders", "read_customers", "read_products"], last_success_at=now
    )
    a.a_subscription(store, seen_at=now, remote_id="1")
    a.a_subscription(store, topic="products/update", seen_at=now, gone_since=now, times_gone=2)
    a.a_subscription(
        store, topic="fulfillments/create", trouble="The permission read_fulfillments is missing."
    )
    a.a_gap(store)
    a.an_event(broken, received_at=now)
    test = a.a_path_test(store, asked_at=now, asked_by=owner, status=404, klaviyo_answered=False)
    resting = reconnecting.begin(store, by=owner, now=now)
    Reconnection.objects.filter(pk=resting.pk).update(
        disconnected_at=now, rest_until=now + timedelta(minutes=1)
    )
    signing = reconnecting.begin(account, by=owner, now=now)
    Reconnection.objects.filter(pk=signing.pk).update(disconnected_at=now)
    third = a.a_store(account, name="Alpine France")
    a.an_event(third, received_at=now, state="delivered")
    done = a.a_reconnection(
        store=third,
        begun_by=owner,
        begun_at=now,
        paused_at=now,
        authorized_at=now,
        verified_at=now,
        subscribed_at=now,
        released_at=timezone.now(),
        finished_at=now,
        released_count=1,
        waiting_since=now,
    )
    a.a_gap(third)
    given = a.a_reconnection(
        store=third, begun_by=owner, begun_at=now, paused_at=now, cancelled_at=now
    )
    trip = a.an_authorization(merchant, owner, store=store, outcome="connected")
    return {
        "home": "/",
        "connect": reverse("merchant-connect", args=[merchant.public_id]),
        "connected": reverse("connected", args=[trip.public_id]),
        "refused": reverse("shopify-answer"),
        "connection": reverse("store-connection", args=[store.public_id]),
        "broken connection": reverse("store-connection", args=[broken.public_id]),
        "account connection": reverse("account-connection", args=[account.public_id]),
        "disconnect": reverse("store-disconnect", args=[third.public_id]),
        "test": reverse("path-test", args=[test.public_id]),
        "reconnect, start": reverse("store-reconnect", args=[broken.public_id]),
        "reconnect, working": reverse("store-reconnect", args=[third.public_id]),
        "reconnect, resting": reverse("reconnect", args=[resting.public_id]),
        "reconnect, signing in": reverse("reconnect", args=[signing.public_id]),
        "reconnect, done": reverse("reconnect", args=[done.public_id]),
        "reconnect, given up": reverse("reconnect", args=[given.public_id]),
        "give up": reverse("reconnect-give-up", args=[resting.public_id]),
        "store": reverse("store", args=[store.public_id]),
    }


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_every_page_is_accessible_and_fits(owner, pages, open_as, size, scheme):
    page = open_as(owner, size=size, color_scheme=scheme, bypass_csp=True)

    assert check_all(page, pages) == []


def test_no_page_breaks_the_policy(owner, pages, open_as):
    assert complaints_of(open_as(owner), pages.values(), expected="status of 400") == []
