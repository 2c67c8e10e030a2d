"""Every answer about a login leads to one stated state, and back from it."""

import json

import pytest

from integrations.domain.failures import PlatformError
from integrations.models import AuditEntry, Credential, Event, KlaviyoAccount, Notice, Subscription
from integrations.pipeline import audit, logins, upkeep
from integrations.pipeline.login_states import WAITS
from integrations.platforms.shopify import health
from sandbox.messages import Drop, Reply
from sandbox.script import html_forbidden
from tests import factories

from .conftest import an_order, events_of
from .signing import (
    SHOP,
    calls_to,
    connected_account,
    connected_shop,
)

DENIED = {"errors": [{"message": "Access denied for orders field.",
                      "extensions": {"code": "ACCESS_DENIED"}}]}  # fmt: skip
INACTIVE = {"errors": [{"message": "Inactive.", "extensions": {"code": "SHOP_INACTIVE"}}]}


def ask(login, now):
    return logins.ask_shop(login.store, health.check, now=now)


def look(clock):
    return upkeep.check_due(clock=clock, stopping=lambda: False)


def state_of(login):
    return Credential.objects.values_list("state", "failure_code").get(pk=login.pk)


# --- a shop's own answers (Shopify: when a connection breaks) -------------------------------------


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        (Reply(200, DENIED), "missing_scopes", "ACCESS_DENIED"),
        (Reply(200, INACTIVE), "suspended", "SHOP_INACTIVE"),
        (Reply(402, {"errors": "Unavailable Shop"}), "suspended", "402"),
        (Reply(403, {"errors": "Forbidden"}), "suspended", "403"),
        (Reply(404, {"errors": "Not Found"}), "suspended", "404"),
        (Reply(423, {"errors": "Locked"}), "suspended", "423"),
    ],
    ids=["scope", "inactive", "402", "403", "404", "423"],
)
def test_an_answer_of_a_shop_has_one_state_with_a_reason_and_one_notice(
    shop_login, shops, clock, answer, state, code
):
    shops.script.answer_next(answer, match="graphql")

    with pytest.raises(PlatformError):
        ask(shop_login, clock())

    assert state_of(shop_login) == (state, code)
    row = Credential.objects.get(pk=shop_login.pk)
    assert row.last_failure
    assert row.last_failure_at == row.broken_since
    assert AuditEntry.objects.filter(action="credential.broken").count() == 1
    assert Notice.objects.count() == 1


@pytest.mark.parametrize(
    "answer",
    [
        Reply(429, {"errors": "Throttled"}, {"Retry-After": "2.0"}),
        Reply(430, {"errors": "Rejected"}),
        Reply(500),
        Reply(504),
        Drop.BEFORE,
        html_forbidden(),
    ],
    ids=["429", "430", "500", "504", "no answer", "cloudflare"],
)
def test_what_says_nothing_about_a_shops_login_changes_nothing(shop_login, shops, clock, answer):
    shops.script.answer_next(answer, match="graphql")

    with pytest.raises(PlatformError):
        ask(shop_login, clock())

    assert state_of(shop_login) == ("active", "")
    assert not Notice.objects.exists()


def test_a_refused_token_is_renewed_once_and_the_question_asked_again(shop_login, shops, clock):
    shops.stores[SHOP].access.expire(clock().timestamp())
    clock.forward(minutes=5)

    assert ask(shop_login, clock()).domain == SHOP

    assert state_of(shop_login) == ("active", "")
    assert len(calls_to(shops, "access_token")) == 2


def test_a_token_that_is_refused_right_after_it_was_renewed_needs_a_person(
    shop_login, shops, clock
):
    clock.forward(minutes=5)
    shops.script.answer_next(Reply(401, {"errors": "Invalid"}), match="graphql", times=9)

    with pytest.raises(PlatformError):
        ask(shop_login, clock())

    assert state_of(shop_login) == ("needs_reconnect", "401")
    assert len(calls_to(shops, "access_token")) == 2
    with pytest.raises(PlatformError):
        ask(shop_login, clock())
    assert len(calls_to(shops, "access_token")) == 2


def test_a_refused_token_that_cannot_be_renewed_needs_a_person(shops, clock, merchant, person):
    store = factories.a_store(factories.an_account(merchant), domain=SHOP, token="shpat_old")
    shops.stores[SHOP].access.installed = True

    with pytest.raises(PlatformError):
        logins.ask_shop(store, health.check, now=clock())

    assert state_of(store.credential) == ("needs_reconnect", "401")
    assert not calls_to(shops, "access_token")


@pytest.mark.parametrize("status", [402, 403, 404, 423])
def test_a_closed_shop_is_looked_at_again_and_goes_on_by_itself(shop_login, shops, clock, status):
    shops.stores[SHOP].access.standing = status
    with pytest.raises(PlatformError):
        ask(shop_login, clock())

    assert look(clock) == 0, "too soon"
    clock.forward(minutes=6)
    assert look(clock) == 0
    assert state_of(shop_login)[0] == "suspended"
    shops.stores[SHOP].access.standing = 200
    clock.forward(minutes=6)
    assert look(clock) == 1

    assert state_of(shop_login) == ("active", "")
    entry = AuditEntry.objects.get(action="credential.healed")
    assert entry.before["state"] == "suspended"
    assert Notice.objects.count() == 1


def test_a_closed_shop_whose_token_has_run_out_is_still_a_closed_shop(shop_login, shops, clock):
    shops.stores[SHOP].access.standing = 402
    clock.forward(minutes=61)

    with pytest.raises(PlatformError):
        ask(shop_login, clock())

    assert state_of(shop_login) == ("suspended", "shop_not_permitted")
    shops.stores[SHOP].access.standing = 200
    clock.forward(minutes=6)
    assert look(clock) == 1


# --- permissions ----------------------------------------------------------------------------------


def test_a_permission_that_was_taken_away_is_found_and_named_and_its_return_too(
    shop_login, shops, clock
):
    access = shops.stores[SHOP].access
    access.scopes.remove("read_customers")
    clock.forward(minutes=56)

    look(clock)

    row = Credential.objects.get(pk=shop_login.pk)
    assert (row.state, row.failure_code) == ("missing_scopes", "missing_scopes")
    assert "read_customers is missing" in row.last_failure
    assert "read_customers" not in row.scopes
    access.scopes.append("read_customers")
    clock.forward(minutes=6)
    assert look(clock) == 1
    assert state_of(shop_login) == ("active", "")


def test_writing_includes_reading(shop_login, shops, clock):
    access = shops.stores[SHOP].access
    access.scopes[:] = [one.replace("read_customers", "write_customers") for one in access.scopes]
    clock.forward(minutes=56)

    look(clock)

    assert state_of(shop_login)[0] == "active"


def test_a_refusal_no_list_of_permissions_shows_is_not_believed_away(shop_login, shops, clock):
    shops.script.answer_next(Reply(200, DENIED), match="graphql")
    with pytest.raises(PlatformError):
        ask(shop_login, clock())

    for _ in range(3):
        clock.forward(minutes=6)
        assert look(clock) == 0
    assert Notice.objects.count() == 1
    login = Credential.objects.get(pk=shop_login.pk)
    assert logins.check(login, now=clock(), asked=True), "unless a person asks"
    assert state_of(shop_login) == ("active", "")


# --- what a shop says of the connection -----------------------------------------------------------


def news(store, topic, body, at):
    return factories.an_event(
        store, topic=topic, body=json.dumps(body).encode(), triggered_at=at, received_at=at
    )


def test_an_app_that_was_removed_is_a_withdrawn_login_without_subscriptions(
    shop_login, shops, klaviyo, clock, work
):
    store = shop_login.store
    factories.a_subscription(store)
    clock.forward(minutes=1)
    at = clock()
    news(store, "app/uninstalled", {"id": 1, "myshopify_domain": SHOP, "domain": SHOP}, at)

    work()

    assert state_of(shop_login) == ("revoked", "app/uninstalled")
    gone = Subscription.objects.get()
    assert (gone.gone_since, gone.times_gone) == (at, 1)
    assert AuditEntry.objects.filter(action="credential.broken").count() == 1
    assert Notice.objects.count() == 1
    assert Event.objects.get().state == "skipped"
    clock.forward(days=2)
    asked = len(shops.calls)
    look(clock)
    assert len(shops.calls) == asked


def test_news_of_a_removal_that_come_after_a_reinstall_are_old_news(
    shop_login, shops, klaviyo, clock, work, merchant, person
):
    store = shop_login.store
    clock.forward(minutes=1)
    removed_at = clock()
    clock.forward(minutes=1)
    connected_shop(merchant, person, clock, store=store)
    factories.a_subscription(store)
    news(store, "app/uninstalled", {"myshopify_domain": SHOP}, removed_at)

    work()

    assert state_of(shop_login) == ("active", "")
    assert Subscription.objects.get().gone_since is None
    assert not Notice.objects.exists()


def test_news_of_another_shops_removal_are_not_ours(shop_login, shops, klaviyo, clock, work):
    clock.forward(minutes=1)
    other = {"myshopify_domain": "other-shop.myshopify.com"}
    news(shop_login.store, "app/uninstalled", other, clock())

    work()

    assert state_of(shop_login) == ("active", "")


def test_a_late_refusal_does_not_soften_a_withdrawn_login(shop_login, shops, klaviyo, clock, work):
    clock.forward(minutes=1)
    news(shop_login.store, "app/uninstalled", {}, clock())
    work()

    shops.script.answer_next(Reply(401, {}), match="graphql")
    logins.check(Credential.objects.get(pk=shop_login.pk), now=clock(), asked=True)

    assert state_of(shop_login)[0] == "revoked"
    assert Notice.objects.count() == 1


def test_changed_permissions_are_read_from_the_shop_within_a_minute(
    shop_login, shops, klaviyo, clock, work
):
    shops.stores[SHOP].access.scopes.remove("read_all_orders")
    clock.forward(minutes=1)
    news(shop_login.store, "app/scopes_update", {"current": ["write_everything"]}, clock())

    work()
    look(clock)

    row = Credential.objects.get(pk=shop_login.pk)
    assert row.state == "active"
    assert "read_all_orders" not in row.scopes
    entry = AuditEntry.objects.get(action="credential.scopes_changed")
    assert "read_all_orders" in entry.before["scopes"]


# --- Klaviyo on the road --------------------------------------------------------------------------


def given_orders(store, count, clock):
    for number in range(1, count + 1):
        now = clock()
        body = json.dumps(an_order(number)).encode()
        factories.an_event(store, body=body, received_at=now, next_attempt_at=now)


def test_a_token_that_runs_out_on_the_road_is_renewed_and_the_batch_goes_on(
    account_login, klaviyo_app, clock, work
):
    store = factories.a_store(account_login.klaviyo_account, token="")
    given_orders(store, 1, clock)
    work()
    klaviyo_app.accounts["DEMO01"].logins.expire(clock().timestamp())
    clock.forward(minutes=5)
    given_orders(store, 5, clock)

    work()

    assert len(events_of(klaviyo_app, "Placed Order")) == 5
    assert state_of(account_login) == ("active", "")
    assert set(Event.objects.values_list("failures", flat=True)) == {0}
    assert not KlaviyoAccount.objects.filter(held_since__isnull=False).exists()
    assert len(calls_to(klaviyo_app, "/oauth/token")) == 2


def test_an_idle_road_starts_with_a_fresh_token(account_login, klaviyo_app, clock, work):
    store = factories.a_store(account_login.klaviyo_account, token="")
    clock.forward(hours=9)
    given_orders(store, 3, clock)

    work()

    assert len(events_of(klaviyo_app, "Placed Order")) == 3
    assert not [call for call in klaviyo_app.calls if call["status"] == 401]


def test_a_renewal_that_fails_for_good_holds_the_work_and_burns_nothing(
    account_login, klaviyo_app, clock, work
):
    store = factories.a_store(account_login.klaviyo_account, token="")
    klaviyo_app.accounts["DEMO01"].logins.uninstall()
    clock.forward(minutes=5)
    given_orders(store, 50, clock)

    work()
    clock.forward(minutes=10)
    work()

    assert state_of(account_login) == ("needs_reconnect", "invalid_grant")
    assert set(Event.objects.values_list("state", "attempts", "failures")) == {("waiting", 0, 0)}
    assert KlaviyoAccount.objects.get(pk=account_login.klaviyo_account_id).held_reason
    assert Notice.objects.count() == 1
    assert AuditEntry.objects.filter(action="credential.broken").count() == 1
    assert len(calls_to(klaviyo_app, "/oauth/token")) == 2
    asked = len(klaviyo_app.calls)
    clock.forward(hours=2)
    look(clock)
    assert len(klaviyo_app.calls) == asked, "a dead refresh token is not asked about"


def test_the_last_token_of_a_dead_login_is_not_believed_in(account_login, klaviyo_app, clock):
    klaviyo_app.script.answer_next(Reply(400, {"error": "invalid_grant"}), match="/oauth/token")
    clock.forward(minutes=56)
    upkeep.renew_due(clock=clock, stopping=lambda: False)
    login = Credential.objects.get(pk=account_login.pk)
    assert (login.state, login.failure_code) == ("needs_reconnect", "invalid_grant")
    assert "/connection/" in Notice.objects.get().body

    assert not logins.check(login, now=clock(), asked=True)

    assert state_of(account_login) == ("needs_reconnect", "invalid_grant")


def test_work_that_was_held_goes_on_after_signing_in_again(
    account_login, klaviyo_app, clock, work, merchant, person
):
    account = account_login.klaviyo_account
    store = factories.a_store(account, token="")
    klaviyo_app.accounts["DEMO01"].logins.uninstall()
    given_orders(store, 3, clock)
    work()
    clock.forward(minutes=1)

    connected_account(merchant, person, clock, account=account)
    work()

    assert len(events_of(klaviyo_app, "Placed Order")) == 3
    assert state_of(account_login) == ("active", "")


def test_a_renewal_that_fails_for_now_lets_the_lane_rest_and_holds_nothing(
    account_login, klaviyo_app, clock, work
):
    store = factories.a_store(account_login.klaviyo_account, token="")
    clock.forward(hours=2)
    klaviyo_app.script.answer_next(html_forbidden(), match="/oauth/token", times=3)
    given_orders(store, 3, clock)

    work(rounds=5)
    assert state_of(account_login) == ("active", "")
    assert set(Event.objects.values_list("state", "attempts", "failures")) == {("waiting", 0, 0)}
    assert not KlaviyoAccount.objects.filter(held_since__isnull=False).exists()
    for _ in range(6):
        clock.forward(seconds=20)
        work()

    assert len(events_of(klaviyo_app, "Placed Order")) == 3
    assert not Notice.objects.exists()


def test_a_key_that_may_not_read_the_account_is_let_go_on_too(klaviyo_app, clock, work, merchant):
    klaviyo_app.accounts["DEMO01"].keys.add("pk_small")
    small = ["events:write", "profiles:write", "lists:write"]
    klaviyo_app.accounts["DEMO01"].key_scopes["pk_small"] = small
    account = factories.an_account(merchant, key="pk_small")
    store = factories.a_store(account, token="")
    klaviyo_app.script.revoked = {"pk_small"}
    given_orders(store, 2, clock)
    work()
    assert state_of(account.credential)[0] == "needs_reconnect"

    klaviyo_app.script.revoked = set()
    clock.forward(minutes=6)

    assert look(clock) == 1
    assert KlaviyoAccount.objects.get(pk=account.pk).held_since is None


def test_a_key_that_lacks_a_permission_is_not_tried_in_turns(klaviyo_app, clock, work, merchant):
    klaviyo_app.accounts["DEMO01"].keys.add("pk_small")
    klaviyo_app.accounts["DEMO01"].key_scopes["pk_small"] = ["accounts:read"]
    account = factories.an_account(merchant, key="pk_small")
    store = factories.a_store(account, token="")
    given_orders(store, 2, clock)
    work()
    assert state_of(account.credential)[0] == "missing_scopes"
    asked = len(klaviyo_app.calls)

    for _ in range(5):
        clock.forward(hours=1)
        look(clock)

    assert len(klaviyo_app.calls) == asked
    assert Notice.objects.count() == 1
    login = Credential.objects.get(pk=account.credential.pk)
    assert not logins.check(login, now=clock(), asked=True)
    del klaviyo_app.accounts["DEMO01"].key_scopes["pk_small"]
    assert logins.check(login, now=clock(), asked=True)
    assert KlaviyoAccount.objects.get(pk=account.pk).held_since is None


# --- letting go -----------------------------------------------------------------------------------


def test_disconnecting_klaviyo_gives_the_login_back_and_holds_the_work(
    account_login, klaviyo_app, clock, person, work
):
    store = factories.a_store(account_login.klaviyo_account, token="")

    logins.disconnect(account_login, by=audit.person(person), now=clock(), reason="Moving on.")
    given_orders(store, 2, clock)
    work()

    assert not klaviyo_app.accounts["DEMO01"].logins.grants
    row = Credential.objects.get(pk=account_login.pk)
    assert (row.state, row.failure_code, row.reveal(), row.reveal_refresh()) == (
        "revoked",
        "disconnected",
        "",
        "",
    )
    assert set(Event.objects.values_list("state", "attempts")) == {("waiting", 0)}
    entry = AuditEntry.objects.get(action="credential.disconnected")
    assert (entry.actor, entry.reason) == (person, "Moving on.")
    assert not Notice.objects.exists(), "whoever did it knows"


def test_a_platform_that_is_down_keeps_nobody_from_disconnecting(
    account_login, klaviyo_app, clock, person
):
    klaviyo_app.script.answer_next(html_forbidden(), match="/oauth/revoke")

    logins.disconnect(account_login, by=audit.person(person), now=clock())

    assert Credential.objects.get(pk=account_login.pk).state == "revoked"
    assert AuditEntry.objects.get(action="credential.disconnected").after["not_given_back"] == "403"


def test_disconnecting_a_shop_forgets_its_token(shop_login, shops, clock, person):
    logins.disconnect(shop_login, by=audit.person(person), now=clock())

    row = Credential.objects.get(pk=shop_login.pk)
    assert (row.state, row.reveal(), row.renews) == ("revoked", "", False) or row.reveal() == ""
    with pytest.raises(PlatformError):
        logins.shopify(shop_login.store, now=clock())


def test_what_waits_for_a_shops_login_is_let_go_when_it_is_connected_again(
    shop_login, shops, klaviyo, clock, work, merchant, person
):
    store = shop_login.store
    shops.stores[SHOP].access.withdraw()
    order = next(
        one for one in shops.stores[SHOP].memory.orders.bodies()
        if one["email"] and not one["test"] and not one["refunds"]
    )  # fmt: skip
    paid = {"kind": "refund", "status": "success", "amount": "3.00"}
    body = {"id": 7, "order_id": order["id"], "created_at": "2026-11-20T12:00:00Z",
            "transactions": [paid]}  # fmt: skip
    now = clock()
    factories.an_event(
        store, topic="refunds/create", body=json.dumps(body).encode(),
        received_at=now, next_attempt_at=now,
    )  # fmt: skip
    clock.forward(minutes=2)
    work()
    assert Event.objects.values_list("last_error", "failures").get() == (WAITS, 0)
    assert state_of(shop_login) == ("needs_reconnect", "invalid_grant")

    connected_shop(merchant, person, clock, store=store)
    work()

    assert Event.objects.get().state == "delivered"
