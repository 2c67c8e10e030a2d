"""What a console receives from the shops."""

import base64
import hashlib
import hmac
from collections.abc import Iterator

import pytest

from sandbox.messages import Call, Reply
from sandbox.server import Sandbox

SUBSCRIBE = """mutation($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id topic uri } userErrors { field message } } }"""
BODY = {"id": 9_007_199_254_740_993, "note": "separator\u2028inside 🎁"}


class Receiver(Sandbox):
    """A console that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Call] = []

    def answer(self, call: Call) -> Reply:
        self.got.append(call)
        return Reply(200)

    def state(self):
        return {"got": len(self.got)}


@pytest.fixture
def console() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def subscribe(shopify, console, topic="ORDERS_CREATE"):
    sub = {"uri": f"{console.url}/hooks", "format": "JSON"}
    return shopify.ask(SUBSCRIBE, topic=topic, sub=sub)["data"]["webhookSubscriptionCreate"]


def send(shopify, topic="orders/create"):
    shopify.act("webhook", topic=topic, body=BODY)
    assert shopify.server.sender.drain(10)


def test_a_subscriber_gets_the_body_signed_and_labelled(shopify, console):
    subscribe(shopify, console)

    send(shopify)

    [call] = console.got
    digest = hmac.new(b"shpss_demo", call.body, hashlib.sha256).digest()
    assert call.headers["x-shopify-hmac-sha256"] == base64.b64encode(digest).decode()
    assert call.headers["x-shopify-topic"] == "orders/create"
    assert call.headers["x-shopify-shop-domain"] == shopify.domain
    assert call.headers["x-shopify-triggered-at"] == "2026-11-02T12:00:00Z"
    assert {"x-shopify-webhook-id", "x-shopify-event-id", "x-shopify-api-version"} <= set(
        call.headers
    )
    assert call.json == BODY


def test_nobody_hears_of_a_topic_without_a_subscription(shopify, console):
    subscribe(shopify, console)

    send(shopify, "products/update")

    assert console.got == []


def test_a_failed_delivery_is_repeated_with_the_same_id_and_bytes(shopify, console):
    subscribe(shopify, console)
    console.script.answer_next(Reply(503), times=2)

    send(shopify)

    [record] = shopify.look("deliveries")["deliveries"]
    assert [answer for _, answer in record["answers"]] == ["503", "503", "200"]
    assert record["accepted"] is True
    assert console.got[0].headers["x-shopify-webhook-id"] == record["webhook_id"]


def test_after_eight_retries_the_subscription_is_gone(shopify, console):
    subscribe(shopify, console)
    console.script.answer_next(Reply(500), times=99)

    send(shopify)

    [record] = shopify.look("deliveries")["deliveries"]
    assert (len(record["answers"]), record["given_up"]) == (9, True)
    assert shopify.look("subscriptions")["subscriptions"] == []
    facts = shopify.look("state")["shops"][shopify.domain]
    assert facts["removed_subscriptions"] == ["ORDERS_CREATE"]


def test_a_redirect_is_a_failure(shopify, console):
    subscribe(shopify, console)
    console.script.answer_next(Reply(302, headers={"Location": f"{console.url}/else"}))

    send(shopify)

    assert [call.path for call in console.got] == ["/hooks"]
    [record] = shopify.look("deliveries")["deliveries"]
    assert [answer for _, answer in record["answers"]] == ["302", "200"]


def test_an_address_is_taken_once_per_topic_and_not_over_plain_http(shopify, console):
    first, second = subscribe(shopify, console), subscribe(shopify, console)
    plain = {"uri": "http://somewhere.shop/x", "format": "JSON"}
    third = shopify.ask(SUBSCRIBE, topic="ORDERS_PAID", sub=plain)["data"]

    assert first["userErrors"] == []
    assert second["userErrors"][0]["message"].endswith("already been taken")
    assert third["webhookSubscriptionCreate"]["webhookSubscription"] is None


def test_subscriptions_are_listed_changed_and_deleted(shopify, console):
    made = subscribe(shopify, console)["webhookSubscription"]["id"]
    update = """mutation($id: ID!, $sub: WebhookSubscriptionInput!) {
      webhookSubscriptionUpdate(id: $id, webhookSubscription: $sub) {
        webhookSubscription { uri } userErrors { message } } }"""
    delete = """mutation($id: ID!) { webhookSubscriptionDelete(id: $id) {
      deletedWebhookSubscriptionId userErrors { message } } }"""
    listing = "{ webhookSubscriptions(first: 10) { nodes { id uri } } }"

    shopify.ask(update, id=made, sub={"uri": f"{console.url}/other"})
    listed = shopify.ask(listing)["data"]["webhookSubscriptions"]["nodes"]
    gone = shopify.ask(delete, id=made)["data"]["webhookSubscriptionDelete"]
    again = shopify.ask(delete, id=made)["data"]["webhookSubscriptionDelete"]

    assert listed == [{"id": made, "uri": f"{console.url}/other"}]
    assert gone["deletedWebhookSubscriptionId"] == made
    assert again["userErrors"]


def test_what_happens_is_told_and_can_be_asked_for(shopify, console):
    for topic in ("ORDERS_CREATE", "ORDERS_UPDATED"):
        subscribe(shopify, console, topic)

    shopify.act("happen", count=10)
    assert shopify.server.sender.drain(10)

    assert console.got
    query = "query($id: ID!) { order(id: $id) { legacyResourceId } }"
    for call in console.got:
        found = shopify.ask(query, id=call.json["admin_graphql_api_id"])["data"]["order"]
        assert found["legacyResourceId"] == str(call.json["id"])


def test_a_reset_gives_every_shop_its_first_day_back(shopify, console):
    subscribe(shopify, console)
    shopify.act("happen", count=20)

    shopify.session.post(f"{shopify.server.url}/_sandbox/reset", timeout=10)

    state = shopify.look("state")
    assert state["shops"][shopify.domain]["orders"] == 60
    assert state["shops"][shopify.domain]["subscriptions"] == 0
    assert state["webhooks"]["deliveries"] == 0
