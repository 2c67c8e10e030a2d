"""A second start goes on where the first ended."""

import signal
import subprocess
import sys

import requests

from sandbox.config import Config, ShopConfig
from sandbox.world import build
from tests.sandbox.talk import KlaviyoCaller, an_event, an_item, catalog_job, profile_job

SHOP = "alpine-demo.myshopify.com"
CONFIG = Config(shops=[ShopConfig(domain=SHOP, past_orders=20)])


def test_what_was_remembered_is_remembered_again(tmp_path):
    world = build(CONFIG, directory=tmp_path).start()
    world.klaviyo.settings.job_seconds = 0
    with requests.Session() as session:
        klaviyo = KlaviyoCaller(world.klaviyo, session)
        klaviyo.post("events", an_event())
        klaviyo.post("profile-bulk-import-jobs", profile_job({"email": "p@mail.alpine-demo.shop"}))
        klaviyo.post("catalog-item-bulk-create-jobs", catalog_job("item", "create", an_item()))
        before = klaviyo.look("state")["accounts"]
    orders = world.shopify.stores[SHOP].memory.dump()
    world.stop()

    again = build(CONFIG, directory=tmp_path).start()
    with requests.Session() as session:
        klaviyo = KlaviyoCaller(again.klaviyo, session)
        klaviyo.post("events", an_event())
        [event] = klaviyo.events()
        after = klaviyo.look("state")["accounts"]
    again.stop()

    assert again.shopify.stores[SHOP].memory.dump() == orders
    assert event["times_sent"] == 2
    assert {**after["DEMO01"], "sent": 1, "sent_again": 0} == before["DEMO01"]


def test_an_unreadable_snapshot_begins_anew(tmp_path):
    (tmp_path / "sandbox.msgpack").write_bytes(b"not a snapshot")

    world = build(CONFIG, directory=tmp_path)

    assert world.klaviyo.state()["accounts"]["DEMO01"]["events"] == 0
    world.shopify._http.server_close()
    world.klaviyo._http.server_close()


def test_the_process_serves_and_leaves_a_snapshot_when_asked_to_stop(tmp_path):
    command = [sys.executable, "-m", "sandbox", "--klaviyo-port", "0", "--shopify-port", "0"]
    process = subprocess.Popen(
        [*command, "--state", str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline().split() for _ in range(2)]
    states = [requests.get(f"{url}/_sandbox/state", timeout=5).json() for _, url in lines]
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=10) == 0
    process.stdout.close()
    assert [state["name"] for state in states] == ["klaviyo", "shopify"]
    assert (tmp_path / "sandbox.msgpack").exists()
