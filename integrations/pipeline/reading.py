"""Turning claimed events into operations: parse, translate, and ask for what is missing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from integrations.domain.failures import Failure, FailureKind, PlatformError, Unreadable
from integrations.domain.metrics import Settings
from integrations.domain.operations import Operation, Profile, TrackEvent
from integrations.domain.records import Order, Record
from integrations.domain.skips import Skip
from integrations.domain.translation import Translation, translate
from integrations.models.lanes import Taken
from integrations.platforms.shopify import messages

# Looks up, by id, orders whose own message we have not seen; one that cannot be read stands as
# its failure. Raises PlatformError.
FetchOrders = Callable[[Iterable[str]], Mapping[str, Order | Failure]]
FindBuyers = Callable[[Iterable[str]], Mapping[str, Profile]]


@dataclass(slots=True)
class Reading:
    """What one event said."""

    event: Taken
    operations: list[Operation] = field(default_factory=list)
    skip: Skip | None = None
    notes: tuple[str, ...] = ()
    unreadable: Unreadable | None = None
    failure: Failure | None = None


def read_all(
    events: list[Taken],
    *,
    settings: Settings,
    find_buyers: FindBuyers,
    fetch_orders: FetchOrders,
) -> list[Reading]:
    """Read events in their order; one that cannot be read stops nobody else."""
    buyers: dict[str, Profile] = {}
    readings = []
    orphans: list[tuple[Reading, Record, str]] = []
    for event in events:
        reading = Reading(event)
        readings.append(reading)
        record = _parse(reading)
        if record is None:
            continue
        translation = translate(record, settings=settings, buyers=buyers)
        if translation.needs_order:
            orphans.append((reading, record, translation.needs_order))
            continue
        _take(reading, translation)
        if isinstance(record, Order):
            buyers |= _buyers_of(translation.operations)
    if orphans:
        _place(orphans, buyers, settings, find_buyers, fetch_orders)
    return readings


def _parse(reading: Reading) -> Record | None:
    event = reading.event
    try:
        found = messages.parse(event.topic, event.body, triggered_at=event.happened_at)
    except Unreadable as exc:
        reading.unreadable = exc
        return None
    if isinstance(found, Skip):
        reading.skip = found
        return None
    return found


def _place(
    orphans: list[tuple[Reading, Record, str]],
    buyers: dict[str, Profile],
    settings: Settings,
    find_buyers: FindBuyers,
    fetch_orders: FetchOrders,
) -> None:
    """Find the buyer of refunds and parcels: in this batch, in the ledger, or in the store."""
    missing = {order for _, _, order in orphans} - buyers.keys()
    buyers |= find_buyers(missing)
    missing -= buyers.keys()
    orders: Mapping[str, Order | Failure] = {}
    trouble: Failure | None = None
    if missing:
        try:
            orders = fetch_orders(missing)
        except PlatformError as exc:
            trouble = exc.failure
    for reading, record, order_id in orphans:
        if order_id in buyers:
            _take(reading, translate(record, settings=settings, buyers=buyers))
            continue
        found = orders.get(order_id)
        if isinstance(found, Order):
            _take_with_order(reading, record, found, settings)
        else:
            reading.failure = (
                found
                or trouble
                or Failure(
                    FailureKind.TRANSIENT,
                    "The order this belongs to is not known, here or in the store.",
                    code="order_unknown",
                )
            )


def _take_with_order(reading: Reading, record: Record, order: Order, settings: Settings) -> None:
    """Take what the store says of the order, and what came on its own: it may be newer."""
    whole = translate(order, settings=settings)
    own = translate(record, settings=settings, buyers=_buyers_of(whole.operations))
    _take(reading, whole)
    reading.operations = [*whole.operations, *own.operations]


def _take(reading: Reading, translation: Translation) -> None:
    reading.operations = translation.operations
    reading.skip = translation.skip
    reading.notes = translation.notes


def _buyers_of(operations: list[Operation]) -> dict[str, Profile]:
    first = operations[0] if operations else None
    return {first.source_id: first.profile} if isinstance(first, TrackEvent) else {}
