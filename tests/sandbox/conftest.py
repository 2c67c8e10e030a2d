"""Stand-ins to talk to, with a clock that tests turn by hand."""

from collections.abc import Iterator

import pytest
import requests

from sandbox.config import ShopConfig
from sandbox.klaviyo import Account, Klaviyo
from sandbox.shopify import Shopify
from tests.sandbox.talk import KlaviyoCaller, ShopifyCaller

NOON = 1_793_620_800.0  # 2026-11-02T12:00:00Z
DOMAIN = "alpine-demo.myshopify.com"


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def klaviyo(clock: Clock) -> Iterator[KlaviyoCaller]:
    accounts = [Account("DEMO01", {"pk_demo"}), Account("OTHER2", {"pk_other"})]
    with Klaviyo(clock=clock, accounts=accounts) as server, requests.Session() as session:
        yield KlaviyoCaller(server, session)


@pytest.fixture
def shopify(clock: Clock) -> Iterator[ShopifyCaller]:
    shops = [ShopConfig(domain=DOMAIN, past_orders=60)]
    stand_in = Shopify(clock=clock, shops=shops, time_scale=1e-5)
    with stand_in as server, requests.Session() as session:
        yield ShopifyCaller(server, session, DOMAIN)
