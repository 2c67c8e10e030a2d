"""What a console receives from a lively stream."""

import threading
from collections import Counter
from datetime import UTC, datetime

import pytest

from sandbox.player import CALM, Mix, Player, Stage, to_url
from sandbox.shop.simulation import Shop
from sandbox.shopify.signing import signature
from sandbox.shopify.webhooks import Sender
from tests.sandbox.test_shopify_webhooks import Receiver

SECRET = "shpss_demo"


def still():
    return datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def console():
    with Receiver() as receiver:
        yield receiver


def play(console, mix, count=400):
    sender = Sender(time_scale=1e-5).start()
    stages = [
        Stage(Shop(domain, clock=still), SECRET, to_url(sender, f"{console.url}/{domain}", SECRET))
        for domain in ("a.myshopify.com", "b.myshopify.com")
    ]
    player = Player(stages, sender, mix=mix)
    player.play(rate=5000, stop=threading.Event(), count=count)
    player.finish()
    assert sender.drain(20)
    sender.stop()
    return sender


def is_genuine(call):
    return call.headers.get("x-shopify-hmac-sha256") == signature(SECRET, call.body)


def test_a_calm_stream_is_genuine_and_each_webhook_comes_once(console):
    sender = play(console, CALM)

    ids = Counter(call.headers["x-shopify-webhook-id"] for call in console.got)
    assert set(ids.values()) == {1}
    assert all(is_genuine(call) for call in console.got)
    assert sender.counts()["accepted"] == len(console.got) >= 400
    assert {call.path for call in console.got} == {"/a.myshopify.com", "/b.myshopify.com"}


def test_a_rough_stream_repeats_forges_and_breaks_some(console):
    mix = Mix(duplicate=0.1, late=0.1, swapped=0.5, malformed=0.1, forged=0.1)

    sender = play(console, mix)

    kinds = Counter(record.kind.partition(":")[0] for record in sender.records())
    assert {"ordinary", "duplicate", "late", "swapped", "malformed", "forged"} <= set(kinds)
    assert sum(not is_genuine(call) for call in console.got) == kinds["forged"]
    ids = Counter(call.headers["x-shopify-webhook-id"] for call in console.got)
    assert max(ids.values()) == 2


def test_every_answer_is_remembered(console):
    sender = play(console, CALM, count=50)

    got = {call.headers["x-shopify-webhook-id"] for call in console.got}
    assert {record.webhook_id for record in sender.records() if record.accepted} == got
