"""The promise under which everything else stands: a 200 is never lost and never counted twice."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from integrations.models import Event
from integrations.platforms.shopify.signature import sign
from sandbox.klaviyo import Klaviyo
from tests import factories
from tests.e2e.processes import Console, wait_until
from tests.pipeline.conftest import an_order

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def klaviyo() -> Iterator[Klaviyo]:
    with Klaviyo() as server:
        server.configure({"limits": "off"})
        yield server


@pytest.fixture
def console(transactional_db: None, tmp_path: Path, klaviyo: Klaviyo) -> Iterator[Console]:
    running = Console(tmp_path, klaviyo_url=klaviyo.url, secret=factories.SECRET)
    yield running
    running.end()


class Shop:
    """Sends orders and, as Shopify does, sends one again until it was answered with 200."""

    def __init__(self, console: Console, store: Any, *, rate: float) -> None:
        self.accepted: set[str] = set()
        self.refused: list[int] = []
        self._console, self._store, self._rate = console, store, rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sell, daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _sell(self) -> None:
        number = 0
        session = requests.Session()
        while not self._stop.is_set():
            number += 1
            order = an_order(number)
            while not self._send(session, order, f"w-{number}"):
                time.sleep(0.1)
            self.accepted.add(str(order["id"]))
            time.sleep(1 / self._rate)

    def _send(self, session: requests.Session, order: dict[str, Any], webhook_id: str) -> bool:
        body = json.dumps(order).encode()
        try:
            answer = session.post(
                f"{self._console.url}/webhooks/shopify/{self._store.public_id}/",
                data=body,
                headers={
                    "X-Shopify-Topic": "orders/create",
                    "X-Shopify-Shop-Domain": self._store.domain,
                    "X-Shopify-Webhook-Id": webhook_id,
                    "X-Shopify-Hmac-Sha256": sign(body, factories.SECRET),
                },
                timeout=5,
            )
        except requests.RequestException:
            return False
        if answer.status_code != 200:
            self.refused.append(answer.status_code)
        return answer.status_code == 200


def placed(klaviyo: Klaviyo) -> list[str]:
    account = klaviyo.accounts["DEMO01"]
    with klaviyo.lock:
        names = {metric.id: metric.name for metric in account.metrics.values()}
        return [
            one.unique_id
            for one in account.events.values()
            if names[one.metric_id] == "Placed Order"
        ]


def all_ended() -> bool:
    return not Event.objects.filter(state="waiting").exists()


def test_killing_any_process_under_load_loses_nothing_and_counts_nothing_twice(console, klaviyo):
    store = factories.a_store(token="")
    klaviyo.script.delay = 0.05
    console.start_web()
    console.start_worker()
    shop = Shop(console, store, rate=60)
    shop.open()
    chance = random.Random(3)
    wait_until(lambda: len(placed(klaviyo)) > 50, seconds=40, what="orders arrive at Klaviyo")

    for process in chance.sample(console.worker_processes(), 2):
        process.kill()
        time.sleep(1)
    console.kill_worker_tree()
    chance.choice(console.web_processes()).kill()
    console.start_worker()
    time.sleep(3)
    console.kill_worker_tree()
    console.start_worker()
    time.sleep(4)
    shop.close()

    # A killed worker's lane is free again when its lease of 30 s has run out.
    wait_until(all_ended, seconds=100, what="every event has ended")
    arrived = placed(klaviyo)
    assert len(arrived) == len(set(arrived))
    assert set(arrived) == shop.accepted
    assert len(shop.accepted) > 300
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}


def test_a_deploy_takes_a_moment_and_loses_and_doubles_nothing(console, klaviyo):
    store = factories.a_store(token="")
    klaviyo.script.delay = 0.05
    console.start_web()
    console.start_worker()
    shop = Shop(console, store, rate=60)
    shop.open()
    wait_until(lambda: len(placed(klaviyo)) > 50, seconds=40, what="orders arrive at Klaviyo")

    code, _ = console.stop_worker()
    console.start_worker()
    time.sleep(3)
    shop.close()
    # Well below a lease: the old workers gave everything back before they went.
    wait_until(all_ended, seconds=15, what="every event has ended")

    assert code == 0
    account = klaviyo.accounts["DEMO01"]
    assert set(placed(klaviyo)) == shop.accepted
    assert not list(account.doubles())
    assert not shop.refused


def test_a_wedged_cluster_ends_itself_and_its_successor_goes_on(console, klaviyo):
    store = factories.a_store(token="")
    console.start_web()
    console.start_worker("--silence", "12")
    shop = Shop(console, store, rate=2)
    shop.open()
    wait_until(lambda: len(placed(klaviyo)) > 2, seconds=40, what="orders arrive at Klaviyo")

    # The first child is the sentinel, then come the workers. One of them holds the queue's lock
    # while it waits for a task, and takes the lock with it.
    for process in console.worker_processes()[1:4]:
        process.kill()
    assert console.worker is not None
    code = console.worker.wait(timeout=60)
    console.start_worker()
    time.sleep(3)
    shop.close()
    wait_until(all_ended, seconds=60, what="every event has ended")

    assert code == 70
    assert set(placed(klaviyo)) == shop.accepted
