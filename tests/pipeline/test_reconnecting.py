"""The soft reconnect: each step once, by anybody, left and taken up, and nothing lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from integrations.domain.reconnecting import Step
from integrations.models import (
    AuditEntry,
    Credential,
    Gap,
    KlaviyoAccount,
    Reconnection,
    Store,
    Subscription,
)
from integrations.pipeline import (
    authorizing,
    gaps,
    logins,
    reconnect_pages,
    reconnecting,
    returning,
    subscriptions,
)
from integrations.pipeline.reconnecting import NotNow
from sandbox.shopify import breaking
from tests import factories

from .conftest import an_order, events_of
from .signing import BROWSER, SHOP, allow, connected_account, connected_shop, install

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def post(post, shops, settings):
    """Messages signed with the older of two secrets; the newer one is the app's."""
    settings.SHOPIFY_APP_SECRETS = [shops.app.secret, factories.SECRET]
    return post


@pytest.fixture
def account(merchant, person, klaviyo_app, clock):
    return connected_account(merchant, person, clock).klaviyo_account


@pytest.fixture
def store(account, shops, person, clock):
    store = connected_shop(account.merchant, person, clock, account=account).store
    subscriptions.subscribe(store, now=clock())
    return store


@pytest.fixture
def shop(shops):
    return shops.stores[SHOP]


def steps(reconnection, clock):
    return reconnecting.step_of(reconnection, now=clock())


def sign_in(reconnection, person, clock):
    """Leave, agree, and come back."""
    begun = reconnecting.sign_in(reconnection, by=person, browser=BROWSER, now=clock())
    of_shop = reconnection.store_id is not None
    back = returning.from_shopify if of_shop else returning.from_klaviyo
    query = install(begun) if of_shop else allow(begun)
    back(query, by=person, browser=BROWSER, now=clock())
    reconnection.refresh_from_db()


def actions():
    return list(
        AuditEntry.objects.filter(action__startswith="reconnect.")
        .order_by("pk")
        .values_list("action", flat=True)
    )


def test_a_shop_that_was_put_out_works_again_and_the_missed_hours_are_named(
    store, shop, person, clock, post, work, klaviyo
):
    post(store, "orders/create", an_order(1))
    work()
    breaking.uninstall(shop)
    clock.forward(hours=2)
    assert not logins.check(store.credential, now=clock())

    found = reconnecting.begin(store, by=person, now=clock())
    assert steps(found, clock) is Step.SIGN_IN
    assert found.disconnected_at is None
    post(store, "orders/create", an_order(2))
    work()
    assert len(events_of(klaviyo, "Placed Order")) == 1
    before = reconnect_pages.wizard_page(found, now=clock())
    assert before.soft
    assert before.waiting == 1

    sign_in(found, person, clock)
    assert steps(found, clock) is Step.DONE
    work()

    store.refresh_from_db()
    assert store.paused_at is None
    assert len(events_of(klaviyo, "Placed Order")) == 2
    assert len(shop.subscriptions) == Subscription.objects.filter(gone_since=None).count()
    assert found.released_count == 1
    gap = Gap.objects.get()
    assert gap.topics == []
    assert gap.since <= found.broken_since
    assert gap.until is not None
    page = reconnect_pages.wizard_page(found, now=clock())
    assert not page.running
    assert page.outcomes[0].counts == {"delivered": 1}
    assert actions() == [
        "reconnect.begun",
        "reconnect.paused",
        "reconnect.signed_in",
        "reconnect.verified",
        "reconnect.subscribed",
        "reconnect.released",
    ]


def test_a_login_that_works_is_let_go_and_rests_before_the_new_one(store, person, clock, settings):
    settings.RECONNECT_REST_SECONDS = 60
    found = reconnecting.begin(store, by=person, now=clock())
    assert steps(found, clock) is Step.LET_GO
    with pytest.raises(NotNow):
        reconnecting.sign_in(found, by=person, browser=BROWSER, now=clock())

    reconnecting.let_go(found, by=person, now=clock())
    assert steps(found, clock) is Step.REST
    assert Credential.objects.get(store=store).state == "revoked"
    with pytest.raises(NotNow):
        reconnecting.sign_in(found, by=person, browser=BROWSER, now=clock())
    rest = found.rest_until
    with pytest.raises(NotNow):
        reconnecting.let_go(found, by=person, now=clock())
    found.refresh_from_db()
    assert found.rest_until == rest

    clock.forward(seconds=61)
    sign_in(found, person, clock)

    assert steps(found, clock) is Step.DONE
    assert Credential.objects.get(store=store).state == "active"
    # The shop kept sending: nothing was missed.
    assert not Gap.objects.exists()


def test_a_second_person_joins_and_can_finish_it(store, shop, person, clock):
    other = factories.a_member(store.merchant)
    breaking.uninstall(shop)
    logins.check(store.credential, now=clock())
    found = reconnecting.begin(store, by=person, now=clock())

    joined = reconnecting.begin(store, by=other, now=clock())

    assert joined == found
    assert joined.begun_by == person
    sign_in(joined, other, clock)

    assert steps(joined, clock) is Step.DONE
    assert "reconnect.joined" in actions()
    assert actions().count("reconnect.paused") == 1


@pytest.mark.parametrize("paused", [True, False])
def test_giving_up_leaves_everything_as_it_was(store, shop, person, clock, paused):
    since = clock() - timedelta(hours=1) if paused else None
    Store.objects.filter(pk=store.pk).update(paused_at=since)
    store.refresh_from_db()
    found = reconnecting.begin(store, by=person, now=clock())

    reconnecting.give_up(found, by=person, now=clock())

    store.refresh_from_db()
    assert store.paused_at == since
    assert steps(found, clock) is Step.GIVEN_UP
    assert Credential.objects.get(store=store).state == "active"
    assert reconnecting.open_of(store) is None
    with pytest.raises(NotNow):
        reconnecting.give_up(found, by=person, now=clock())


def test_a_pause_of_somebodys_own_stays_after_the_reconnect(store, shop, person, clock):
    Store.objects.filter(pk=store.pk).update(paused_at=clock())
    store.refresh_from_db()
    breaking.uninstall(shop)
    logins.check(store.credential, now=clock())
    found = reconnecting.begin(store, by=person, now=clock())

    sign_in(found, person, clock)

    store.refresh_from_db()
    assert steps(found, clock) is Step.DONE
    assert store.paused_at is not None


def test_where_a_step_fails_the_reason_stays_and_trying_again_goes_on_from_there(
    store, shop, person, clock, settings
):
    breaking.uninstall(shop)
    logins.check(store.credential, now=clock())
    found = reconnecting.begin(store, by=person, now=clock())
    address = settings.PUBLIC_URL
    begun = reconnecting.sign_in(found, by=person, browser=BROWSER, now=clock())
    query = install(begun)
    settings.PUBLIC_URL = ""

    returning.from_shopify(query, by=person, browser=BROWSER, now=clock())
    found.refresh_from_db()
    assert steps(found, clock) is Step.SUBSCRIBE
    assert "PUBLIC_URL" in found.trouble
    assert Store.objects.get(pk=store.pk).paused_at is not None

    settings.PUBLIC_URL = address
    reconnecting.carry_on(found, by=person, now=clock())
    assert steps(found, clock) is Step.DONE
    assert found.trouble == ""


def test_an_account_is_held_reconnected_and_released(account, store, person, clock, post, work):
    found = reconnecting.begin(account, by=person, now=clock())
    assert KlaviyoAccount.objects.get().held_since is not None
    post(store, "orders/create", an_order(1))
    assert work() == 0

    reconnecting.let_go(found, by=person, now=clock())
    clock.forward(minutes=2)
    sign_in(found, person, clock)

    assert steps(found, clock) is Step.DONE
    assert KlaviyoAccount.objects.get().held_since is None
    assert work() == 1
    assert not Subscription.objects.filter(times_gone__gt=0).exists()


def test_giving_up_after_letting_an_account_go_does_not_send_without_a_login(
    account, person, clock
):
    found = reconnecting.begin(account, by=person, now=clock())
    reconnecting.let_go(found, by=person, now=clock())

    reconnecting.give_up(found, by=person, now=clock())

    assert KlaviyoAccount.objects.get().held_since is not None


def test_an_account_with_a_key_takes_a_new_key(merchant, person, klaviyo, clock):
    account = authorizing.connect_key(merchant, key="pk_demo", by=person, now=clock())
    klaviyo.script.revoked = {"pk_demo"}
    assert not logins.check(account.credential, now=clock())
    found = reconnecting.begin(account, by=person, now=clock())
    with pytest.raises(authorizing.Refused):
        reconnecting.enter_key(found, key="pk_demo", by=person, now=clock())
    assert steps(found, clock) is Step.SIGN_IN

    klaviyo.script.revoked = set()
    reconnecting.enter_key(found, key="pk_demo", by=person, now=clock())
    reconnecting.carry_on(found, by=person, now=clock())

    assert steps(found, clock) is Step.DONE


def test_the_missed_hours_are_asked_for_once(store, shop, person, clock):
    breaking.uninstall(shop)
    clock.forward(hours=1)
    logins.check(store.credential, now=clock())
    found = reconnecting.begin(store, by=person, now=clock())
    sign_in(found, person, clock)

    assert reconnecting.catch_up(found, by=person, now=clock()) == 1
    assert reconnecting.catch_up(found, by=person, now=clock()) == 0

    gap = gaps.open_of(store)[0]
    assert gap.asked_by == person
    assert AuditEntry.objects.filter(action="gap.asked").count() == 1
    assert Reconnection.objects.get().caught_up_at is not None


def test_two_at_once_make_one_reconnect(store, person, clock):
    def begin(_):
        try:
            return reconnecting.begin(store, by=person, now=clock()).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(begin, range(4)))) == 1
    assert actions().count("reconnect.begun") == actions().count("reconnect.paused") == 1
