"""What breaks a login to a shop, scripted from outside."""

import pytest

from sandbox.shopify import breaking
from tests.sandbox.test_shopify_login import SHOP, opens, refresh
from tests.sandbox.test_shopify_webhooks import Receiver, send, subscribe

AUDIT = """{ webhookSubscriptions(first: 50) {
  nodes { id topic uri format name filter apiVersion { handle } } pageInfo { hasNextPage } } }"""
UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"


@pytest.fixture
def console():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def store(shopify):
    return shopify.server.stores[shopify.domain]


def drained(shopify):
    assert shopify.server.sender.drain(10)


def test_an_uninstalled_app_is_out_and_told_so(shopify, console):
    pair = shopify.login()
    subscribe(shopify, console, "APP_UNINSTALLED")

    shopify.act("uninstall")
    drained(shopify)

    [call] = console.got
    assert call.headers["x-shopify-topic"] == "app/uninstalled"
    assert call.json["myshopify_domain"] == shopify.domain
    assert {"id", "domain", "name"} <= set(call.json)
    answer = shopify.query(SHOP, token=pair["access_token"])
    assert (answer.status_code, answer.json()) == (401, {"errors": UNAUTHORIZED})
    assert not opens(shopify, "shpat_demo")
    page = refresh(shopify, pair["refresh_token"])
    assert page.status_code == 400
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<title>400 - Oauth error app_not_installed</title>" in page.text
    assert shopify.look("subscriptions")["subscriptions"] == []


def test_an_uninstalled_app_hears_nothing_more(shopify, console, store):
    store.config.webhook_url = f"{console.url}/configured"
    shopify.act("uninstall")
    drained(shopify)

    send(shopify)
    send(shopify, "shop/redact")

    topics = [call.headers["x-shopify-topic"] for call in console.got]
    assert topics == ["app/uninstalled", "shop/redact"]


def test_the_news_may_come_late_after_a_new_install(shopify, console, clock):
    subscribe(shopify, console, "APP_UNINSTALLED")
    shopify.act("uninstall", hold=True)
    drained(shopify)
    assert console.got == []

    clock.forward(60)
    pair = shopify.login()
    shopify.act("tell")
    drained(shopify)

    [call] = console.got
    assert call.headers["x-shopify-triggered-at"] == "2026-11-02T12:00:00Z"
    assert opens(shopify, pair["access_token"])
    assert not opens(shopify, "shpat_demo")


def test_a_withdrawn_token_is_refused_and_a_new_login_mends_it(shopify):
    pair = shopify.login()

    shopify.act("withdraw")

    assert shopify.query(SHOP, token=pair["access_token"]).status_code == 401
    assert refresh(shopify, pair["refresh_token"]).json()["error"] == "invalid_grant"
    assert opens(shopify, shopify.login()["access_token"])


def test_tokens_can_be_made_old_without_waiting(shopify):
    pair = shopify.login()

    shopify.act("expire")
    assert not opens(shopify, pair["access_token"])
    assert opens(shopify, "shpat_demo")
    fresh = refresh(shopify, pair["refresh_token"]).json()
    assert opens(shopify, fresh["access_token"])

    shopify.act("lapse")
    assert refresh(shopify, fresh["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("status", [402, 403, 404, 423, 430])
def test_a_shop_that_stands_badly_answers_with_its_status(shopify, status):
    shopify.act("stand", status=status)

    answer = shopify.query(SHOP)
    page = shopify.authorize()

    assert answer.status_code == status
    assert answer.json()["errors"]
    assert page.status_code == (404 if status == 404 else 400)
    shopify.act("stand", status=200)
    assert opens(shopify, "shpat_demo")


def test_html_comes_for_a_while_and_then_no_more(shopify, clock):
    pair = shopify.login()

    shopify.act("show_page", slug="application_cannot_be_found", seconds=60)
    page, outage = refresh(shopify, pair["refresh_token"]), shopify.query(SHOP)

    assert "400 - Oauth error application_cannot_be_found" in page.text
    assert outage.status_code == 503
    assert outage.headers["Content-Type"].startswith("text/html")
    clock.forward(60)
    assert refresh(shopify, pair["refresh_token"]).status_code == 200


def test_one_page_or_one_refusal_can_be_planned(shopify):
    pair, match = shopify.login(), "/oauth/access_token"
    page = {"page": "400 - Oauth error app_not_installed", "match": match}
    refusal = {"status": 400, "json": {"error": "invalid_client"}, "match": match}
    shopify.script(answer_next=[page, refusal, {"status": 503, "match": match}])

    answers = [refresh(shopify, pair["refresh_token"]) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [400, 400, 503, 200]
    assert "app_not_installed" in answers[0].text
    assert answers[1].json() == {"error": "invalid_client"}


def test_an_audit_sees_what_shopify_removed(shopify, console, store):
    for topic in ("ORDERS_CREATE", "PRODUCTS_UPDATE"):
        subscribe(shopify, console, topic)
    number = shopify.look("subscriptions")["subscriptions"][0]["legacyResourceId"]

    shopify.act("remove_subscription", id=number)

    [left] = shopify.ask(AUDIT)["data"]["webhookSubscriptions"]["nodes"]
    assert (left["topic"], left["uri"]) == ("PRODUCTS_UPDATE", f"{console.url}/hooks")
    assert left["apiVersion"] == {"handle": "2026-10"}
    assert [one.topic for one in store.removed] == ["ORDERS_CREATE"]


def test_everything_can_be_given_back(shopify):
    shopify.act("take_scope", scope="read_orders")
    shopify.act("stand", status=402)
    shopify.act("show_page")
    shopify.act("uninstall")

    shopify.act("give_back")

    assert "errors" not in shopify.ask("{ orders(first: 1) { nodes { id } } }")


def test_nonsense_is_refused_by_the_door_at_the_back(shopify):
    for verb, asked in (("stand", {"status": 418}), ("take_scope", {"scope": "read_minds"}),
                        ("show_page", {"slug": "nice"}), ("remove_subscription", {"id": 1}),
                        ("uninstall", {"shop": "nobody"})):  # fmt: skip
        url = f"{shopify.server.url}/_sandbox/{verb}"
        assert shopify.session.post(url, json=asked, timeout=5).status_code == 400, verb


def test_the_same_verbs_are_there_in_python(shopify, store):
    breaking.uninstall(store, hold=True)
    assert not opens(shopify, "shpat_demo")
    breaking.give_back(store)
    assert opens(shopify, "shpat_demo")


def test_a_reset_gives_the_first_login_back(shopify):
    shopify.act("uninstall")

    shopify.session.post(f"{shopify.server.url}/_sandbox/reset", timeout=10)

    assert opens(shopify, "shpat_demo")
