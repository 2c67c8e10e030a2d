"""Reading a failed record from its store once more, to send it as it is now.

What comes is an event of its own in the replay lane. The failed record points to it and is settled
when that event ends. An answer that leads nowhere is a sentence, and leaves the record open.
"""

from datetime import datetime

from django.db import transaction

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.lanes import Lane
from integrations.models import DeadLetter, Event, Store
from integrations.models.dead_letters import DeadLetterState
from integrations.platforms.shopify import pages, past, places
from integrations.platforms.shopify.pages import Row

from . import audit, breakers, health, logins, points, repairs
from .audit import Actor
from .repairs import Refused

GONE = "The shop no longer has this. What it said last is kept here."
NOT_THERE = "A message like this cannot be fetched again: the shop does not keep what it told us."
LIMITED = "The shop's limit is used up for the moment. Try again in a minute."
KIND_OF_STREAM = {
    "placed_order": "orders",
    "cancelled_order": "orders",
    "refunded_order": "orders",
    "fulfilled_order": "orders",
    "catalog_item": "products",
}


def afresh(letter: DeadLetter, *, by: Actor, now: datetime) -> Event:
    """Read a record from the store again and let it go its way. Raises Refused."""
    if why := repairs.why_not_open(letter):
        raise Refused(why)
    found = _source(letter)
    if found is None:
        raise Refused(NOT_THERE)
    stream, source_id = found
    row = _read(letter.store, stream, source_id, now)
    if row is None:
        raise Refused(GONE)
    event = _land(letter, stream, row, by=by, now=now)
    health.ask_for_drain(now=now)
    return event


def may_be_fetched(letter: DeadLetter, event: Event) -> bool:
    """Whether the store can be asked for this record at all."""
    return _named(letter, event.topic, bytes(event.body)) is not None


def _source(letter: DeadLetter) -> tuple[str, str] | None:
    event = Event.objects.filter(pk=letter.event_id).values_list("topic", "body").first()
    return _named(letter, event[0], bytes(event[1])) if event else None


def _named(letter: DeadLetter, topic: str, body: bytes) -> tuple[str, str] | None:
    if found := places.of_message(topic, body):
        return found
    # The message has served its term; the record still says what it was of.
    stream = KIND_OF_STREAM.get(letter.kind)
    is_number = letter.source_id.isascii() and letter.source_id.isdigit()
    return (stream, letter.source_id) if stream and is_number else None


def _read(store: Store, stream: str, source_id: str, now: datetime) -> Row | None:
    if trouble := breakers.waits(store, now=now):
        raise Refused(trouble.message)

    def pay(price: float) -> None:
        """Take query points, behind live work; somebody waits, so nothing is sat out."""
        if points.take(store.pk, price, lane=Lane.REPLAY, now=now):
            raise PlatformError(Failure(FailureKind.RATE_LIMITED, LIMITED, "points"))

    try:
        return logins.ask_shop(
            store, lambda shop: pages.one(shop, stream, source_id, pay=pay), now=now
        )
    except PlatformError as exc:
        failure = exc.failure
        if failure.kind is FailureKind.RATE_LIMITED:
            raise Refused(LIMITED) from exc
        if failure.kind is FailureKind.AUTH:
            raise Refused(f"The login of the shop does not work. {failure.message}") from exc
        raise Refused(f"The shop did not give it to us. {failure.message}") from exc


def _land(letter: DeadLetter, stream: str, row: Row, *, by: Actor, now: datetime) -> Event:
    with transaction.atomic():
        rows = DeadLetter.objects.select_for_update(of=("self",))
        held = rows.select_related("store", "event").defer("event__body").get(pk=letter.pk)
        if why := repairs.why_not_open(held):
            raise Refused(why)
        before = Event.objects.filter(
            store=held.store_id, webhook_id__startswith=f"afresh:{held.public_id}:"
        )
        event = Event.objects.create(
            store=held.store,
            lane=Lane.REPLAY,
            topic=past.topic(stream),
            webhook_id=f"afresh:{held.public_id}:{before.count() + 1}",
            body=row.body,
            triggered_at=row.version,
            received_at=now,
            next_attempt_at=now,
        )
        held.state, held.replaced_by = DeadLetterState.SENDING, event
        held.save(update_fields=["state", "replaced_by"])
        audit.record("record.fetched", held.store, by=by, now=now, subject=repairs.name_of(held))
    return event
