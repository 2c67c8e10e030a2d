"""From what events said to what must be sent: known, newer, doubled and refused are taken out."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from integrations.domain.operations import (
    DeleteCatalogItem,
    Operation,
    TrackEvent,
    UpsertCatalogItem,
    UpsertCatalogVariant,
    fingerprint,
)
from integrations.domain.planning import Held, Verdict, judge, settle_unique_id
from integrations.models import Store
from integrations.models.lanes import Taken
from integrations.platforms.klaviyo import rules
from integrations.platforms.klaviyo.bodies import Fragment, fragment

from . import ledger
from .items import Item, Outcome
from .reading import Reading

OUTCOMES = {
    Verdict.UNCHANGED: Outcome.UNCHANGED,
    Verdict.STALE: Outcome.STALE,
    Verdict.ABSENT: Outcome.ABSENT,
}

NOTHING = Fragment(b"", b"")


class Known(Protocol):
    """The ledger, or one that is only imagined."""

    def read(self, account_id: int, identities: Iterable[str], /) -> dict[str, Held]:
        """What Klaviyo has been told under these identities."""

    def reserve(
        self, store: Store, events: list[TrackEvent], /, *, now: datetime
    ) -> dict[str, Held]:
        """Keep each identity for its event; returns who has them now."""


class Plan:
    """The items of one batch: all of them, and those that must be sent."""

    def __init__(
        self, store: Store, *, history: bool, now: datetime, known: Known = ledger
    ) -> None:
        self._store, self._history, self._now = store, history, now
        self._known = known
        self._leaders: dict[str, Item] = {}
        self._held: dict[str, Held] = {}

    def add_all(self, readings: list[Reading]) -> list[Item]:
        """Plan everything the readings say; returns what must be sent, in order."""
        # An identity is put together once: a batch asks for thousands of them.
        named = [
            (operation, operation.identity, reading.event)
            for reading in readings
            for operation in reading.operations
        ]
        siblings = [one for one, _, _ in named if isinstance(one, TrackEvent) and one.fallback_id]
        wanted = {identity for _, identity, _ in named}
        wanted |= {f"{one.kind}:{one.scope}:{one.fallback_id}" for one in siblings}
        self._held = self._known.read(self._store.klaviyo_account_id, wanted)
        self._reserve(siblings)
        for operation, identity, event in named:
            self._add(operation, identity, event)
        for item in self._leaders.values():
            self._judge(item)
        return [item for item in self._leaders.values() if item.outcome is Outcome.PENDING]

    @property
    def items(self) -> list[Item]:
        """Everything, also what need not be sent."""
        return list(self._leaders.values())

    def _reserve(self, siblings: list[TrackEvent]) -> None:
        """Settle who gets the order's own id, before the first of them is sent."""
        wanted: dict[str, TrackEvent] = {}
        for one in siblings:
            if one.identity not in self._held:
                wanted.setdefault(one.identity, one)
        self._held |= self._known.reserve(self._store, list(wanted.values()), now=self._now)

    def _add(self, operation: Operation, identity: str, event: Taken) -> None:
        if isinstance(operation, TrackEvent) and operation.fallback_id:
            operation = settle_unique_id(operation, self._held.get(identity))
            identity = operation.identity
        leader = self._leaders.get(identity)
        if leader is None:
            self._leaders[identity] = self._item(operation, identity, event)
        elif isinstance(operation, TrackEvent) or operation.version < leader.operation.version:
            leader.followers.append(event.pk)
        else:
            item = self._item(operation, identity, event)
            item.followers = [*leader.followers, leader.event_id]
            self._leaders[identity] = item

    def _item(self, operation: Operation, identity: str, event: Taken) -> Item:
        held = self._held.get(identity)
        if isinstance(operation, TrackEvent) and held is not None and held.present:
            # Most messages about an order repeat what is known: nothing is encoded for them.
            return Item(operation, identity, NOTHING, b"", event.pk)
        content = fragment(operation, history=self._history and not event.loud)
        return Item(operation, identity, content, fingerprint(content.content), event.pk)

    def _judge(self, item: Item) -> None:
        held = self._held.get(item.identity)
        verdict = judge(item.operation, item.fingerprint, held)
        if verdict is not Verdict.SEND:
            item.end(OUTCOMES[verdict])
        elif failure := rules.refusal(item.operation, item.content, now=self._now):
            item.end(Outcome.DEAD, failure)
        elif isinstance(
            item.operation, UpsertCatalogItem | UpsertCatalogVariant | DeleteCatalogItem
        ):
            item.known = held is not None and held.present
