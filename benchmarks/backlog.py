"""Waiting events as the inbox would hold them, copied in, and what they come to."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import uuid4

import msgspec

from benchmarks import shops
from benchmarks.ground import Ground
from benchmarks.shops import Stall, Told

Lives = Callable[..., Iterator[Told]]

SAMPLE = 2000


class Mix(msgspec.Struct):
    """What a backlog consists of."""

    events: int
    kilobytes: float
    operations: float
    topics: dict[str, int]

    def __str__(self) -> str:
        common = Counter(self.topics).most_common(6)
        named = ", ".join(f"{topic} {100 * n / self.events:.0f} %" for topic, n in common)
        return (
            f"{named}; {self.kilobytes:.1f} kB and {self.operations:.1f} operations an event "
            "on average"
        )


def fill(ground: Ground, lives: Lives, how_many: int, *, seed: int, lane: int = 0) -> Mix:
    """Give every store its share of a backlog."""
    from django.db import connection, transaction

    from integrations.pipeline import intake

    columns = [*intake.Row._fields, "state", "skip", "note", "attempts", "failures", "crashes"]
    columns.append("last_error")
    topics: Counter[str] = Counter()
    sizes = 0
    share = how_many // len(ground.stalls)
    with transaction.atomic(), connection.cursor() as cursor:
        copy_in = f"COPY integrations_event ({', '.join(columns)}) FROM STDIN"
        with cursor.copy(copy_in) as copy:
            for stall in ground.stalls:
                for number, told in enumerate(islice(lives(stall.domain, seed=seed), share)):
                    topics[told.topic] += 1
                    sizes += len(told.body)
                    copy.write_row(_row(stall, told, number, lane))
    ground.execute("ANALYZE integrations_event")
    ground.execute("CHECKPOINT")
    events = share * len(ground.stalls)
    said = _operations(ground.stalls[0], lives, seed)
    return Mix(events, sizes / events / 1000, said, dict(topics))


def _row(stall: Stall, told: Told, number: int, lane: int) -> tuple[object, ...]:
    from integrations.pipeline import intake

    # A moment ago, one after another, so that all are due and in their order.
    at = datetime.now(UTC) - timedelta(minutes=5) + timedelta(microseconds=number)
    row = intake.Row(
        public_id=uuid4(),
        store_id=stall.pk,
        lane=lane,
        topic=told.topic,
        webhook_id=f"{told.order}-{number}",
        event_id="",
        api_version="2026-10",
        body=told.body,
        triggered_at=told.triggered_at,
        received_at=at,
        next_attempt_at=at,
    )
    return (*row, "waiting", "", "", 0, 0, 0, "")


def _operations(stall: Stall, lives: Lives, seed: int) -> float:
    """How many operations an event says, before the ledger takes out what is known."""
    from integrations.domain.metrics import Settings
    from integrations.domain.translation import translate
    from integrations.platforms.shopify import webhooks

    settings = Settings(scope="1", shop_url="https://bench.example")
    said = 0
    for told in islice(lives(stall.domain, seed=seed), SAMPLE):
        if told.topic in shops.PARTS:
            said += 1  # the refund or parcel itself; its buyer is known from the order
            continue
        record = webhooks.parse(told.topic, told.body, triggered_at=told.triggered_at)
        if not isinstance(record, str):
            said += len(translate(record, settings=settings).operations)
    return said / SAMPLE
