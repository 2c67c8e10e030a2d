"""Lists that people page through: which rows, in which order, how many."""

from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet

from integrations.domain import data_types
from integrations.domain.data_types import DataType
from integrations.models import Event, Store

from . import cursors, figures

Row = TypeVar("Row")
PAGE = 50
FAILED_PAGE = 25
# Counting further would cost more than the exact number is worth.
COUNT_LIMIT = 1000


class Page(msgspec.Struct, Generic[Row]):
    """One page of a list, and the cursor of the next one."""

    rows: list[Row]
    after: str
    count: int
    more_than_counted: bool = False


class EventFilter(msgspec.Struct, frozen=True):
    """What a list of messages is narrowed to; empty parts do not narrow."""

    state: str = ""
    topic: str = ""
    # Orders, customers, …: several topics at once, as the figures count them.
    data_type: DataType | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    # What was read of the past instead of what the shop told us; all of it, or one window's.
    past: bool = False
    window: UUID | None = None

    @property
    def active(self) -> bool:
        """Whether anything is narrowed."""
        narrowed = self.state or self.topic or self.data_type or self.text
        return bool(narrowed or self.since or self.until or self.past or self.window)

    @property
    def of_whole_minutes(self) -> bool:
        """Whether the figures, which count by the minute, count the same thing."""
        narrowed = self.topic or self.data_type or self.text or self.past or self.window
        only_since = self.since is not None and not (self.until or narrowed)
        return only_since and not (self.since and (self.since.second or self.since.microsecond))


def events(store: Store, wanted: EventFilter, *, after: str) -> Page[Event]:
    """One page of a store's messages, newest first."""
    rows = _events(store, wanted)
    count, more = _event_count(store, wanted, rows)
    place = cursors.read(after)
    if place:
        # The first condition is implied by the second; the index needs it said.
        rows = rows.filter(received_at__lte=place[0]).filter(
            Q(received_at__lt=place[0]) | Q(received_at=place[0], pk__lt=place[1])
        )
    found = list(rows.defer("body").order_by("-received_at", "-id")[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(found[:PAGE], cursors.write(last.received_at, last.pk) if last else "", count, more)


def topics(store: Store, *, past: bool = False) -> list[str]:
    """The kinds of message among the latest of a store, for a filter to offer."""
    rows = Event.objects.past() if past else Event.objects.live()
    latest = rows.filter(store=store).order_by("-received_at", "-id").values("topic")[:500]
    return sorted({row["topic"] for row in latest})


def _events(store: Store, wanted: EventFilter) -> QuerySet[Event]:
    rows = Event.objects.filter(store=store)
    if wanted.window:
        rows = rows.filter(window__public_id=wanted.window)
    elif not wanted.text:
        # Whoever has an id in hand does not know on which way it came.
        rows = rows.past() if wanted.past else rows.live()
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.topic:
        rows = rows.filter(topic=wanted.topic)
    if wanted.data_type:
        rows = rows.filter(_of_type(wanted.data_type))
    if wanted.since:
        rows = rows.filter(received_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(received_at__lt=wanted.until)
    if wanted.text:
        rows = rows.filter(_named(wanted.text))
    return rows


def _of_type(kind: DataType) -> Q:
    """Messages of one kind of data; of no kind are those that begin like none."""
    begins = Q()
    for beginning in data_types.beginnings(kind):
        begins |= Q(topic__startswith=beginning)
    return ~begins if kind is DataType.OTHER else begins


def _named(text: str) -> Q:
    """An event by any of the ids people have in hand, written out in full."""
    named = Q(webhook_id=text) | Q(event_id=text)
    try:
        return named | Q(public_id=UUID(text))
    except ValueError:
        return named


def _event_count(store: Store, wanted: EventFilter, rows: QuerySet[Event]) -> tuple[int, bool]:
    """The number of a filtered list: from the figures where they count the same thing."""
    if wanted.since and wanted.of_whole_minutes:
        return figures.count(store, state=wanted.state, start=wanted.since), False
    return _capped(rows)


def _capped(rows: QuerySet[Any]) -> tuple[int, bool]:
    count = rows.order_by()[: COUNT_LIMIT + 1].count()
    return min(count, COUNT_LIMIT), count > COUNT_LIMIT
