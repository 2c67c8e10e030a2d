"""Both stand-ins together, with what they remembered last time."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import snapshot
from sandbox.config import Config
from sandbox.klaviyo import Account, Klaviyo
from sandbox.player import Deliver, Mix, Player, Stage, to_url
from sandbox.shopify import Shopify

SNAPSHOT_EVERY = 15.0


@dataclass
class World:
    """A Klaviyo and a Shopify that share a directory to remember in."""

    klaviyo: Klaviyo
    shopify: Shopify
    directory: Path | None = None
    # The last snapshot at a stop must not meet a periodic one in the same file.
    _saving: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> "World":
        """Open both ports."""
        self.klaviyo.start()
        self.shopify.start()
        return self

    def stop(self) -> None:
        """Close both ports, then write down what is remembered."""
        self.shopify.stop()
        self.klaviyo.stop()
        self.save()

    def save(self) -> None:
        """Write a snapshot, if there is somewhere to write it."""
        if self.directory is None:
            return
        with self._saving:
            with self.klaviyo.lock:
                accounts = {
                    account.id: snapshot.of_account(account)
                    for account in self.klaviyo.accounts.values()
                }
            stores = self.shopify.stores.items()
            kept = snapshot.Snapshot(
                accounts=accounts,
                stores={domain: snapshot.of_store(store) for domain, store in stores},
                deliveries=self.shopify.sender.records(),
            )
            snapshot.write(self.directory, kept)

    def save_until(self, stop: threading.Event, every: float = SNAPSHOT_EVERY) -> None:
        """Write a snapshot now and then until told to stop."""
        while not stop.wait(every):
            self.save()

    def player(self, *, into: str | None, mix: Mix, seed: int) -> Player:
        """Make a player of these shops; `into` overrides where their webhooks go."""
        stages = []
        for store in self.shopify.stores.values():
            deliver: Deliver = store.emit
            if into:
                url = into.replace("{shop}", store.domain)
                deliver = to_url(self.shopify.sender, url, store.config.secret)
            stages.append(Stage(store.shop, store.config.secret, deliver))
        return Player(stages, self.shopify.sender, mix=mix, seed=seed)


def build(
    config: Config,
    *,
    klaviyo_port: int = 0,
    shopify_port: int = 0,
    host: str = "127.0.0.1",
    directory: Path | None = None,
    time_scale: float = 1.0,
) -> World:
    """Make the stand-ins a configuration describes, remembering what `directory` holds."""
    kept = snapshot.read(directory) if directory else snapshot.Snapshot()
    accounts = [
        Account(
            account.id,
            set(account.keys),
            account.name,
            account.timezone,
            account.currency,
            key_scopes=account.key_scopes,
        )
        for account in config.accounts
    ]
    for account in accounts:
        if account.id in kept.accounts:
            snapshot.into_account(kept.accounts[account.id], account)
    klaviyo = Klaviyo(port=klaviyo_port, host=host, accounts=accounts, app=config.klaviyo_app)
    shopify = Shopify(
        port=shopify_port,
        host=host,
        shops=config.shops,
        app=config.shopify_app,
        memories=snapshot.memories(kept),
        time_scale=time_scale,
    )
    snapshot.into_shopify(kept, shopify)
    return World(klaviyo, shopify, directory)


def wait_forever(stop: threading.Event) -> None:
    """Wait in small steps, so that signals get through."""
    while not stop.is_set():
        time.sleep(0.1)
