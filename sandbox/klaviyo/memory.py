"""What one Klaviyo account remembers."""

import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from sandbox.klaviyo.jobs import Job
from sandbox.klaviyo.logins import Logins
from sandbox.klaviyo.people import People, Profile

# (profile id, metric id, unique id): of a repeated identity the first counts.
Identity = tuple[str, str, str]


class StoredEvent(Struct):
    """One event as it was taken in; its properties stay the bytes they came as."""

    id: str
    profile_id: str
    metric_id: str
    unique_id: str
    time: float
    properties: bytes
    value: float | None
    currency: str | None
    backfill: bool
    accepted: float

    @property
    def identity(self) -> Identity:
        """What makes it the same event when it is sent again."""
        return self.profile_id, self.metric_id, self.unique_id


class Metric(Struct):
    """One kind of event."""

    id: str
    name: str
    created: float


class Timeline:
    """The events of one metric, sorted by event time when somebody asks."""

    def __init__(self) -> None:
        self._events: list[StoredEvent] = []
        self._sorted = True

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: StoredEvent) -> None:
        """Put an event in."""
        self._sorted = self._sorted and (not self._events or self._events[-1].time <= event.time)
        self._events.append(event)

    def remove(self, event: StoredEvent) -> None:
        """Take an event out."""
        self._events.remove(event)

    def between(self, start: float, end: float) -> list[StoredEvent]:
        """List the events of a half-open span, oldest first."""
        if not self._sorted:
            self._events.sort(key=lambda event: (event.time, event.id))
            self._sorted = True
        low = bisect_left(self._events, start, key=lambda event: event.time)
        high = bisect_left(self._events, end, key=lambda event: event.time)
        return self._events[low:high]


@dataclass
class Account:
    """One account: its keys, its people, their events, its catalog and its jobs."""

    id: str
    keys: set[str]
    name: str = "Demo Outfitters"
    timezone: str = "UTC"
    currency: str = "USD"
    test: bool = False
    # key -> what it may do; a key that is not named here may do everything.
    key_scopes: dict[str, list[str]] = field(default_factory=dict)
    logins: Logins = field(default_factory=Logins)
    metrics: dict[str, Metric] = field(default_factory=dict)
    events: dict[Identity, StoredEvent] = field(default_factory=dict)
    sent: Counter[Identity] = field(default_factory=Counter)
    lost: list[Identity] = field(default_factory=list)
    dropped: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    categories: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.people = People(self.id)
        self.timelines: dict[str, Timeline] = {}

    def metric(self, name: str, now: float) -> Metric:
        """Find a metric by name, or begin it."""
        if (metric := self.metrics.get(name)) is None:
            number = uuid.uuid5(uuid.NAMESPACE_OID, f"{self.id}/{name}").hex
            metric = self.metrics[name] = Metric(number[:6].upper(), name, now)
        return metric

    def metric_by_id(self, metric_id: str) -> Metric | None:
        """Find a metric by its id."""
        return next((m for m in self.metrics.values() if m.id == metric_id), None)

    def record(self, event: StoredEvent) -> bool:
        """Keep an event unless its identity is known; say whether it was new."""
        if event.identity in self.events:
            return False
        self.events[event.identity] = event
        self.timelines.setdefault(event.metric_id, Timeline()).add(event)
        return True

    def profile_of(self, event: StoredEvent) -> Profile | None:
        """Find the person an event belongs to."""
        return self.people.by_id.get(event.profile_id)

    def erase(self, profile: Profile) -> None:
        """Forget a person and what they did."""
        self.people.remove(profile)
        gone = [identity for identity in self.events if identity[0] == profile.id]
        for identity in gone:
            event = self.events.pop(identity)
            self.timelines[event.metric_id].remove(event)

    def doubles(self) -> Iterator[tuple[Identity, int]]:
        """List the identities that were sent more than once."""
        return ((identity, times) for identity, times in self.sent.items() if times > 1)

    def forget(self) -> None:
        """Empty the account; its keys stay valid, logins through the app do not."""
        own = (self.id, self.keys, self.name, self.timezone, self.currency, self.test)
        fresh = Account(*own, key_scopes=self.key_scopes)
        self.__dict__.update(fresh.__dict__)
