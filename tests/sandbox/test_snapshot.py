"""A second start goes on where the first ended."""

import json
import signal
import subprocess
import sys

import requests

from sandbox.config import Config, ShopConfig, read
from sandbox.world import build
from tests.sandbox.talk import (
    SHOPIFY_CALLBACK,
    KlaviyoCaller,
    ShopifyCaller,
    an_event,
    an_item,
    catalog_job,
    profile_job,
)

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


def test_logins_and_what_was_taken_from_them_are_remembered(tmp_path):
    world = build(CONFIG, directory=tmp_path).start()
    with requests.Session() as session:
        shopify = ShopifyCaller(world.shopify, session, SHOP)
        klaviyo = KlaviyoCaller(world.klaviyo, session)
        shop, account = shopify.login(), klaviyo.login()
        shopify.act("take_scope", scope="read_products")
    world.stop()

    again = build(CONFIG, directory=tmp_path).start()
    with requests.Session() as session:
        shopify = ShopifyCaller(again.shopify, session, SHOP)
        klaviyo = KlaviyoCaller(again.klaviyo, session)
        answer = shopify.query("{ productsCount { count } }", token=shop["access_token"])
        refreshed = klaviyo.refresh(account["refresh_token"])
    again.stop()

    assert answer.json()["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert refreshed.status_code == 200


def test_a_configuration_names_apps_scopes_and_shops_that_wait(tmp_path):
    written = {
        "shops": [{"domain": SHOP, "installed": False}],
        "accounts": [{"keys": ["pk_small"], "key_scopes": {"pk_small": ["accounts:read"]}}],
        "shopify_app": {"redirect_uris": [SHOPIFY_CALLBACK], "withheld": ["read_all_orders"]},
    }
    (tmp_path / "sandbox.json").write_text(json.dumps(written))
    world = build(read(tmp_path / "sandbox.json")).start()
    with requests.Session() as session:
        shopify = ShopifyCaller(world.shopify, session, SHOP)
        klaviyo = KlaviyoCaller(world.klaviyo, session)
        before = shopify.query("{ shop { name } }").status_code
        told = shopify.login(scope="read_orders,read_all_orders")
        after = shopify.query("{ shop { name } }", token=told["access_token"]).status_code
        small = klaviyo.call("GET", "metrics", key="pk_small").status_code
    world.stop()

    assert (before, told["scope"], after, small) == (401, "read_orders", 200, 403)


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
