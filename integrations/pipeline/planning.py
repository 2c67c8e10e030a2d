"""From what events said to what must be sent: known, newer, doubled and refused are taken out."""

from collections.abc import Iterable
from datetime import datetime

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
from integrations.platforms.klaviyo import rules
from integrations.platforms.klaviyo.bodies import fragment

from . import ledger
from .items import Item, Outcome
from .reading import Reading

OUTCOMES = {
    Verdict.UNCHANGED: Outcome.UNCHANGED,
    Verdict.STALE: Outcome.STALE,
    Verdict.ABSENT: Outcome.UNCHANGED,
}


class Plan:
    """The items of one batch: all of them, and those that must be sent."""

    def __init__(self, store: Store, *, history: bool, now: datetime) -> None:
        self._store, self._history, self._now = store, history, now
        self.items: list[Item] = []
        self._leaders: dict[str, Item] = {}
        self._held: dict[str, Held] = {}

    def add_all(self, readings: list[Reading]) -> list[Item]:
        """Plan everything the readings say; returns what must be sent, in order."""
        self._held = ledger.read(
            self._store.klaviyo_account_id,
            {name for reading in readings for op in reading.operations for name in _names(op)},
        )
        self._reserve(op for reading in readings for op in reading.operations)
        for reading in readings:
            for operation in reading.operations:
                self._add(operation, reading.event.pk)
        for item in self._leaders.values():
            self._judge(item)
        return [item for item in self._leaders.values() if item.outcome is Outcome.PENDING]

    def _reserve(self, operations: Iterable[Operation]) -> None:
        """Settle who gets the order's own id, before the first of them is sent."""
        wanted: dict[str, TrackEvent] = {}
        for one in operations:
            if isinstance(one, TrackEvent) and one.fallback_id and one.identity not in self._held:
                wanted.setdefault(one.identity, one)
        self._held |= ledger.reserve(self._store, list(wanted.values()), now=self._now)

    def _add(self, operation: Operation, event_id: int) -> None:
        if isinstance(operation, TrackEvent):
            operation = settle_unique_id(operation, self._held.get(operation.identity))
            leader = self._leaders.get(operation.identity)
            if leader is not None:
                leader.followers.append(event_id)
                return
        content = fragment(operation, history=self._history)
        item = Item(operation, content, fingerprint(content.content), event_id)
        leader = self._leaders.get(item.identity)
        if leader is None:
            self._lead(item)
        elif operation.version >= leader.operation.version:
            item.followers = [*leader.followers, leader.event_id]
            self.items.remove(leader)
            self._lead(item)
        else:
            leader.followers.append(event_id)

    def _lead(self, item: Item) -> None:
        self._leaders[item.identity] = item
        self.items.append(item)

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


def _names(operation: Operation) -> list[str]:
    if isinstance(operation, TrackEvent) and operation.fallback_id:
        return [
            operation.identity,
            f"{operation.kind}:{operation.scope}:{operation.fallback_id}",
        ]
    return [operation.identity]
