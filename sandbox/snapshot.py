"""Keeping the memory of both stand-ins across restarts."""

import os
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from sandbox.klaviyo.jobs import Job
from sandbox.klaviyo.logins import Logins
from sandbox.klaviyo.memory import Account, Metric, StoredEvent
from sandbox.klaviyo.people import Profile
from sandbox.shop.memory import ShopMemory, ShopSnapshot
from sandbox.shopify import Shopify
from sandbox.shopify.access import Access
from sandbox.shopify.store import Store, Subscription
from sandbox.shopify.webhooks import Delivery

FILE = "sandbox.msgpack"
# Bump when a kept shape changes; a snapshot of another version is not read.
VERSION = 1


class AccountSnapshot(Struct):
    """One Klaviyo account at one moment."""

    metrics: list[Metric]
    profiles: list[Profile]
    events: list[StoredEvent]
    sent: list[tuple[str, str, str, int]]
    lost: list[tuple[str, str, str]]
    dropped: int
    jobs: list[Job]
    shelves: dict[str, dict[str, dict[str, Any]]]
    logins: Logins = field(default_factory=Logins)


class StoreSnapshot(Struct):
    """One shop at one moment, with what its app subscribed to."""

    shop: ShopSnapshot
    subscriptions: list[Subscription]
    removed: list[Subscription]
    # None in what was written before there were logins to remember.
    access: Access | None = None


class Snapshot(Struct):
    """Everything."""

    version: int = VERSION
    accounts: dict[str, AccountSnapshot] = field(default_factory=dict)
    stores: dict[str, StoreSnapshot] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)


SHELVES = ("items", "variants", "categories")


def of_account(account: Account) -> AccountSnapshot:
    """Copy out one account; the caller holds the lock."""
    return AccountSnapshot(
        metrics=list(account.metrics.values()),
        profiles=list(account.people),
        events=list(account.events.values()),
        sent=[(*identity, times) for identity, times in account.sent.items()],
        lost=list(account.lost),
        dropped=account.dropped,
        jobs=list(account.jobs.values()),
        shelves={name: getattr(account, name) for name in SHELVES},
        logins=deepcopy(account.logins),
    )


def into_account(kept: AccountSnapshot, account: Account) -> None:
    """Give an empty account its memory back."""
    account.metrics = {metric.name: metric for metric in kept.metrics}
    account.people.load(kept.profiles)
    for event in kept.events:
        account.record(event)
    for profile_id, metric_id, unique_id, times in kept.sent:
        account.sent[profile_id, metric_id, unique_id] = times
    account.lost, account.dropped = kept.lost, kept.dropped
    account.jobs = {job.id: job for job in kept.jobs}
    account.logins = kept.logins
    for name in SHELVES:
        setattr(account, name, kept.shelves[name])


def of_store(store: Store) -> StoreSnapshot:
    """Copy out one shop."""
    with store.memory.lock:
        return StoreSnapshot(
            store.memory.dump(),
            list(store.subscriptions.values()),
            list(store.removed),
            deepcopy(store.access),
        )


def memories(snapshot: Snapshot) -> dict[str, ShopMemory]:
    """Rebuild the memories of the shops, before the shops themselves are."""
    found = {domain: ShopMemory(domain) for domain in snapshot.stores}
    for domain, memory in found.items():
        memory.load(snapshot.stores[domain].shop)
    return found


def into_shopify(snapshot: Snapshot, shopify: Shopify) -> None:
    """Give the shops their subscriptions and the sender its records back."""
    for domain, kept in snapshot.stores.items():
        if store := shopify.stores.get(domain):
            store.restore(kept.subscriptions, kept.removed)
            store.access = kept.access or store.access
    shopify.sender.remember(snapshot.deliveries)


def write(directory: Path, snapshot: Snapshot) -> None:
    """Write a snapshot so that a crash leaves either the old one or the new one."""
    directory.mkdir(parents=True, exist_ok=True)
    fresh = directory / f"{FILE}.new"
    with fresh.open("wb") as file:
        file.write(msgspec.msgpack.encode(snapshot))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(directory / FILE)


def read(directory: Path) -> Snapshot:
    """Read the last snapshot; without a readable one begin anew."""
    with suppress(FileNotFoundError, msgspec.DecodeError):
        kept = msgspec.msgpack.decode((directory / FILE).read_bytes(), type=Snapshot)
        if kept.version == VERSION:
            return kept
    return Snapshot()
