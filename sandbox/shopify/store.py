"""A shop as Shopify keeps it: its memory, its app, its bucket and its subscriptions."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from sandbox.config import ShopConfig
from sandbox.shop.memory import BLANK, ShopMemory
from sandbox.shop.simulation import Shop
from sandbox.shopify.access import Access, Token
from sandbox.shopify.bucket import Bucket
from sandbox.shopify.scopes import allows, of_topic
from sandbox.shopify.signing import API_VERSION, Webhook
from sandbox.shopify.webhooks import Delivery, Sender

if TYPE_CHECKING:
    from sandbox.shopify.bulk import Bulk

COMPLIANCE = ("customers/data_request", "customers/redact", "shop/redact")

FIRST_ID = 1_100_000_000_001


class Subscription(Struct):
    """One webhook subscription made through the API."""

    id: int
    topic: str
    uri: str
    created: str
    updated: str
    format: str = "JSON"
    name: str | None = None
    filter: str | None = None
    include_fields: list[str] = field(default_factory=list)
    metafield_namespaces: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Target:
    """Where a webhook goes, and what happens when it is refused for good."""

    url: str
    on_give_up: Callable[[], None] | None = None


def enum_of(topic: str) -> str:
    """Write a topic as the enum does: `orders/create` is ORDERS_CREATE."""
    return topic.replace("/", "_").replace(".", "_").upper()


class Store:
    """One shop on the Shopify side."""

    # Its bulk operations, given to it by the server that also serves their files.
    bulk: "Bulk"

    def __init__(
        self, config: ShopConfig, *, sender: Sender, clock: Callable[[], float], memory: ShopMemory
    ) -> None:
        self.config = config
        self.memory = memory
        self._clock = clock
        self.shop = self._shop()
        self.bucket = Bucket(config.plan, clock())
        self.access = self._access()
        # Webhooks that Shopify takes its time over, with where they go.
        self.held: list[tuple[Webhook, list[Target]]] = []
        self.subscriptions: dict[int, Subscription] = {}
        self.removed: list[Subscription] = []
        self._sender = sender
        self._ids = itertools.count(FIRST_ID)

    def _shop(self) -> Shop:
        return Shop(
            self.config.domain,
            seed=self.config.seed,
            clock=lambda: datetime.fromtimestamp(self._clock(), UTC),
            memory=self.memory,
        )

    def _access(self) -> Access:
        config = self.config
        tokens = [Token(config.token)] if config.installed else []
        return Access(config.installed, list(config.scopes), tokens)

    def forget(self) -> None:
        """Empty the shop; whoever holds its memory sees it empty too."""
        with self.memory.lock:
            self.memory.load(BLANK)
            self.shop = self._shop()
            self.bucket = Bucket(self.config.plan, self._clock())
            self.access, self.held = self._access(), []
            self.restore([], [])
            self.bulk.forget()

    @property
    def domain(self) -> str:
        """The name it goes by."""
        return self.config.domain

    def now(self) -> str:
        """Write the present in UTC."""
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")

    def present(self) -> float:
        """Say what time it is on Shopify's side."""
        return self._clock()

    def utc_now(self) -> datetime:
        """Read Shopify's clock as a date and time."""
        return datetime.fromtimestamp(self._clock(), UTC)

    def offset_minutes(self) -> int:
        """Say how far the shop's clock is from UTC."""
        moment = datetime.fromtimestamp(self._clock(), self.shop.zone)
        offset = moment.utcoffset()
        return int(offset.total_seconds() // 60) if offset else 0

    def subscribe(self, topic: str, wanted: dict[str, Any]) -> Subscription:
        """Make a subscription."""
        made = Subscription(next(self._ids), topic, "", self.now(), self.now())
        self.subscriptions[made.id] = made
        return self.change(made, wanted)

    def restore(self, subscriptions: list[Subscription], removed: list[Subscription]) -> None:
        """Take back the subscriptions of a former life."""
        self.subscriptions = {subscription.id: subscription for subscription in subscriptions}
        self.removed = removed
        highest = max((one.id for one in [*subscriptions, *removed]), default=FIRST_ID)
        self._ids = itertools.count(highest + 1)

    def change(self, subscription: Subscription, wanted: dict[str, Any]) -> Subscription:
        """Change what an input names."""
        for name, value in wanted.items():
            own = {"includeFields": "include_fields", "metafieldNamespaces": "metafield_namespaces"}
            if hasattr(subscription, own.get(name, name)):
                setattr(subscription, own.get(name, name), value)
        subscription.updated = self.now()
        return subscription

    def emit(
        self, webhook: Webhook, *, headers: dict[str, str] | None = None, retry: bool = True
    ) -> list[Delivery]:
        """Deliver a webhook to everybody who asked for its topic."""
        return self.deliver(webhook, self.targets(webhook.topic), headers=headers, retry=retry)

    def deliver(
        self,
        webhook: Webhook,
        targets: list[Target],
        *,
        headers: dict[str, str] | None = None,
        retry: bool = True,
    ) -> list[Delivery]:
        """Deliver a webhook to these addresses, whoever asks for its topic by now."""
        return [
            self._sender.send(
                webhook,
                to=target.url,
                secret=self.config.secret,
                headers=headers,
                retry=retry,
                on_give_up=target.on_give_up,
            )
            for target in targets
        ]

    def targets(self, topic: str) -> list[Target]:
        """Say who hears of a topic now: an app that is out, or may not know, hears nothing."""
        if topic in COMPLIANCE:
            return _at(self.config.compliance_url or self.config.webhook_url)
        enum = enum_of(topic)
        if not self.access.installed or not allows(self.access.scopes, of_topic(enum)):
            return []
        wanted = [one for one in list(self.subscriptions.values()) if one.topic == enum]
        if wanted:
            return [Target(one.uri, self._remover(one)) for one in wanted]
        return _at(self.config.webhook_url)

    def _remover(self, subscription: Subscription) -> Callable[[], None]:
        return lambda: self.remove(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Drop a subscription as Shopify does after too many failures."""
        if self.subscriptions.pop(subscription.id, None):
            self.removed.append(subscription)

    def facts(self) -> dict[str, Any]:
        """Count for the judge."""
        return {
            **{k: len(self.memory.shelf(k)) for k in ("orders", "customers", "products")},
            "installed": self.access.installed,
            "scopes": self.access.scopes,
            "standing": self.access.standing,
            "subscriptions": len(self.subscriptions),
            "removed_subscriptions": [subscription.topic for subscription in self.removed],
            "throttled": self.bucket.throttled,
            "api_version": API_VERSION,
        }


def _at(url: str | None) -> list[Target]:
    return [Target(url)] if url else []
