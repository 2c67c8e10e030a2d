"""A test message proves each part of the way, and reaches nobody."""

import pytest

from integrations.models import AuditEntry, Credential, Event, PathTest
from integrations.pipeline import overview, path_tests, subscriptions
from integrations.platforms.shopify.wanted import WANTED
from sandbox.config import ShopConfig
from sandbox.shopify import Shopify
from tests import factories

DOMAIN = "alpine-outdoor.myshopify.com"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shopify(settings):
    with Shopify(shops=[ShopConfig(domain=DOMAIN)]) as server:
        settings.SHOPIFY_BASE_URL = f"{server.url}/{{shop}}"
        yield server


@pytest.fixture
def store(shopify, live_server, settings):
    settings.PUBLIC_URL = live_server.url
    settings.SHOPIFY_APP_SECRETS = [factories.SECRET]
    return factories.a_store(domain=DOMAIN)


@pytest.fixture
def owner(store):
    return factories.a_member(store.merchant)


def marks(test, clock):
    return [part.mark.value for part in path_tests.parts(test, now=clock())]


def test_every_part_is_proven_and_nothing_reaches_klaviyo(store, owner, klaviyo, clock, work):
    subscriptions.subscribe(store, now=clock())
    test = path_tests.send(store, by=owner, clock=clock)
    assert marks(test, clock) == ["ok", "ok", "ok", "waiting", "ok"]
    calls = len(klaviyo.calls)

    work()

    assert marks(test, clock) == ["ok"] * 5
    assert (test.status, test.subscribed) == (200, len(WANTED))
    event = Event.objects.get()
    assert (event.state, event.skip) == ("skipped", "path_test")
    assert len(klaviyo.calls) == calls
    assert AuditEntry.objects.filter(action="path_test.sent", actor=owner).count() == 1


def test_a_test_says_nothing_about_the_shop_itself(store, owner, klaviyo, clock, work):
    path_tests.send(store, by=owner, clock=clock)
    work()

    row = overview.store_row(store, now=clock())
    assert row.last_received_at is None
    assert row.today.delivered == 0


def test_a_wrong_address_shows_as_one(store, owner, klaviyo, clock, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    test = path_tests.send(store, by=owner, clock=clock)

    assert marks(test, clock)[1:4] == ["bad", "bad", "bad"]
    assert "could not be reached" in test.trouble
    assert not Event.objects.exists()


def test_an_address_of_somebody_else_shows_as_one(store, owner, klaviyo, shopify, clock, settings):
    settings.PUBLIC_URL = shopify.url
    test = path_tests.send(store, by=owner, clock=clock)

    assert marks(test, clock)[1:4] == ["bad", "bad", "bad"]
    assert test.status not in {None, 200}


@pytest.mark.parametrize("name", ["PUBLIC_URL", "SHOPIFY_APP_SECRETS"])
def test_what_is_not_configured_is_named(store, owner, klaviyo, clock, settings, name):
    setattr(settings, name, "" if name == "PUBLIC_URL" else [])

    test = path_tests.send(store, by=owner, clock=clock)

    assert name in test.trouble
    assert test.status is None


def test_a_shop_that_cannot_be_asked_and_a_klaviyo_that_refuses_show(
    store, owner, klaviyo, shopify, clock
):
    Credential.objects.filter(store=store).update(state="revoked")
    klaviyo.script.revoked = {"pk_demo"}

    test = path_tests.send(store, by=owner, clock=clock)

    assert marks(test, clock)[0] == marks(test, clock)[4] == "bad"
    assert test.shop_trouble
    assert test.klaviyo_trouble


def test_a_button_pressed_twice_is_one_test(store, owner, klaviyo, clock):
    first = path_tests.send(store, by=owner, clock=clock)
    assert path_tests.send(store, by=owner, clock=clock) == first
    clock.forward(seconds=11)
    assert path_tests.send(store, by=owner, clock=clock) != first
    assert PathTest.objects.count() == 2
