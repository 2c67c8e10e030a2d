"""Real PostgreSQL, a Klaviyo and a Shopify with memory, and a drain that runs in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from integrations.domain.lanes import Lane
from integrations.domain.windows import JobState
from integrations.models import Credential, Merchant, Store, StoreLane, SyncWindow, User
from integrations.pipeline import backfill, destinations, inbox, intake
from integrations.platforms.shopify.signature import sign
from sandbox.config import AppConfig, ShopConfig
from sandbox.klaviyo import Klaviyo
from sandbox.klaviyo.memory import Account
from sandbox.shopify import Shopify
from tests import factories

from . import signing

SECRET = factories.SECRET
PAST_SHOP = "alpine-demo.myshopify.com"


@dataclass
class Clock:
    """The real time, moved forward as a test asks."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **span: float) -> None:
        self.ahead += timedelta(**span)


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    intake.forget_stores()
    destinations.forget()
    yield
    intake.forget_stores()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def klaviyo(settings: Any, clock: Clock) -> Iterator[Klaviyo]:
    # Its limits are counted by the clock of the test, since a test does not wait for real.
    with Klaviyo(clock=lambda: clock().timestamp()) as server:
        server.settings.visible_after = 0.0
        server.settings.job_seconds = 0.0
        settings.KLAVIYO_API_URL = server.url
        yield server


@pytest.fixture
def shops(settings: Any, clock: Clock) -> Iterator[Shopify]:
    """Two shops our app is not in yet, by the clock of the test."""
    app = AppConfig(redirect_uris=[f"{signing.PUBLIC}/connect/shopify/answer/"])
    configs = [
        ShopConfig(domain=signing.SHOP, installed=False, past_orders=5, seed=3),
        ShopConfig(domain=signing.OTHER_SHOP, installed=False),
    ]
    with Shopify(clock=lambda: clock().timestamp(), shops=configs, app=app) as server:
        settings.SHOPIFY_BASE_URL = server.url + "/{shop}"
        settings.SHOPIFY_CLIENT_ID = app.client_id
        settings.SHOPIFY_APP_SECRETS = [app.secret]
        settings.PUBLIC_URL = signing.PUBLIC
        yield server


@pytest.fixture
def klaviyo_app(klaviyo: Klaviyo, settings: Any) -> Klaviyo:
    """Klaviyo, with our app and two accounts."""
    klaviyo.app.redirect_uris = [f"{signing.PUBLIC}/connect/klaviyo/answer/"]
    klaviyo.accounts["OTHER2"] = Account("OTHER2", {"pk_other"}, name="Valley Outfitters")
    settings.KLAVIYO_AUTHORIZE_URL = f"{klaviyo.url}/oauth/authorize"
    settings.KLAVIYO_CLIENT_ID = klaviyo.app.client_id
    settings.KLAVIYO_CLIENT_SECRET = klaviyo.app.secret
    settings.PUBLIC_URL = signing.PUBLIC
    return klaviyo


@pytest.fixture
def merchant(transactional_db: None) -> Merchant:
    return factories.a_merchant()


@pytest.fixture
def person(merchant: Merchant) -> User:
    return factories.a_member(merchant, "olive@alpine-demo.shop")


@pytest.fixture
def shop_login(shops: Shopify, merchant: Merchant, person: User, clock: Clock) -> Credential:
    """A shop that was connected by signing in."""
    factories.an_account(merchant)
    return signing.connected_shop(merchant, person, clock)


@pytest.fixture
def account_login(
    klaviyo_app: Klaviyo, merchant: Merchant, person: User, clock: Clock
) -> Credential:
    """An account that was connected by signing in."""
    return signing.connected_account(merchant, person, clock)


@contextmanager
def a_shop_with_a_past(settings: Any, clock: Clock, **changes: Any) -> Iterator[Shopify]:
    """A shop our app is in, with orders of the last eighty days."""
    config = ShopConfig(
        **{"domain": PAST_SHOP, "token": "shpat_good", "past_days": 80, "seed": 4} | changes
    )
    with Shopify(clock=lambda: clock().timestamp(), shops=[config]) as server:
        settings.SHOPIFY_BASE_URL = server.url + "/{shop}"
        yield server


@pytest.fixture
def store(transactional_db: None) -> Store:
    return factories.a_store(token="")


@pytest.fixture
def work(clock: Clock) -> Callable[..., int]:
    """Work off every lane that is due, in this process; returns how many events were handled."""

    def run(*, stopping: Callable[[], bool] = lambda: False, rounds: int = 50) -> int:
        handled = 0
        for _ in range(rounds):
            claim = StoreLane.objects.claim(by="test", now=clock(), lowest=Lane.REPORT)
            if claim is None:
                break
            handled += inbox.work_off(claim, clock=clock, stopping=stopping)
        return handled

    return run


@pytest.fixture
def post(client: Client, settings: Any) -> Callable[..., Any]:
    """Send one webhook as Shopify would."""
    settings.SHOPIFY_APP_SECRETS = [SECRET]
    numbers = iter(range(1, 10**6))

    def send(store: Store, topic: str, body: Any, **changes: Any) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": store.domain,
            "X-Shopify-Webhook-Id": f"w-{next(numbers)}",
            "X-Shopify-Event-Id": "e-1",
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Triggered-At": datetime.now(UTC).isoformat(),
            "X-Shopify-Hmac-Sha256": sign(raw, changes.pop("secret", SECRET)),
        }
        headers |= changes.pop("headers", {})
        address = changes.pop("address", None) or f"/webhooks/shopify/{store.public_id}/"
        headers = {name: value for name, value in headers.items() if value is not None}
        return client.post(address, raw, content_type="application/json", headers=headers)

    return send


def events_of(klaviyo: Klaviyo, metric: str) -> list[dict[str, Any]]:
    """What Klaviyo holds of one metric."""
    account = klaviyo.accounts["DEMO01"]
    found = []
    for event in account.events.values():
        name = account.metric_by_id(event.metric_id).name
        if name == metric:
            person = account.profile_of(event)
            found.append(
                {
                    "unique_id": event.unique_id,
                    "value": event.value,
                    "currency": event.currency,
                    "backfill": event.backfill,
                    "email": person.fields.get("email") if person else None,
                    "phone": person.fields.get("phone_number") if person else None,
                    "properties": json.loads(event.properties),
                }
            )
    return found


def profile_of(klaviyo: Klaviyo, email: str) -> dict[str, Any]:
    """The person Klaviyo knows by an address."""
    people = klaviyo.accounts["DEMO01"].people
    return next(p.fields for p in people.by_id.values() if p.fields.get("email") == email)


def an_order(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A small order body in the webhook's shape."""
    return {
        "id": 9007199254740993 + number,
        "name": f"#{1000 + number}",
        "email": f"buyer{number}@mail.alpine-demo.shop",
        "currency": "EUR",
        "total_price": "99.50",
        "created_at": "2026-11-20T10:00:00+01:00",
        "processed_at": "2026-11-20T10:00:00+01:00",
        "updated_at": "2026-11-20T10:00:01+01:00",
        "test": False,
        "line_items": [
            {"id": 70 + number, "title": "Tent", "quantity": 2, "price": "49.75", "sku": "T-1"}
        ],
    } | changes


@pytest.fixture
def read(clock):
    """Read every window that is due, in this process."""

    def run(rounds=200):
        landed = 0
        for _ in range(rounds):
            claim = SyncWindow.objects.claim(by="test", now=clock())
            if claim is None:
                break
            landed += backfill.read_window(claim, clock=clock, is_over=lambda: False)
        return landed

    return run


@pytest.fixture
def finish(read, work, clock):
    """Read and send until the job is over."""

    def run(job):
        for _ in range(200):
            read()
            work()
            job.refresh_from_db()
            if job.state == JobState.DONE:
                return
            clock.forward(seconds=5)
        raise AssertionError(f"still {job.state}")

    return run
