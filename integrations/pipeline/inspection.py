"""The whole life of one event: what it meant, what was tried, what Klaviyo has been told."""

from datetime import datetime

import msgspec
from django.conf import settings

from integrations.domain.failures import Unreadable
from integrations.domain.masking import mask_body, mask_key, mask_text
from integrations.domain.operations import Kind, Operation, Profile, TrackEvent
from integrations.domain.records import Fulfilment, Record, Refund
from integrations.domain.skips import SENTENCES, Skip
from integrations.domain.translation import Translation, translate
from integrations.models import Attempt, Call, DeadLetter, Delivery, Event
from integrations.models.events import EventState
from integrations.platforms.shopify.messages import parse
from integrations.platforms.shopify.past import PREFIX as PAST
from integrations.platforms.shopify.topics import title

_MEANINGS = {
    Kind.PROFILE: "The customer’s name, address and contact details",
    Kind.CATALOG_ITEM: "The product in the catalog",
    Kind.CATALOG_VARIANT: "A variant of the product in the catalog",
}


class Line(msgspec.Struct):
    """One thing that happened, or that is known, in the life of an event."""

    title: str
    tone: str = "idle"
    at: datetime | None = None
    text: str = ""
    until: datetime | None = None
    # For support: ids and figures, in the trade's words.
    details: tuple[str, ...] = ()
    event: Event | None = None
    failed: DeadLetter | None = None
    count: int = 1


class Meaning(msgspec.Struct):
    """What an event means to Klaviyo, worked out again from its body."""

    subject: str = ""
    person: str = ""
    operations: list[Operation] = msgspec.field(default_factory=list)
    skip: Skip | None = None
    unreadable: str = ""
    needs_order: bool = False
    # Its content has served its term; what became of it is still known.
    gone: bool = False


def explain(event: Event) -> list[Line]:
    """Tell the life of an event, in order."""
    meaning = meaning_of(event)
    failed = list(event.dead_letters.select_related("cause").defer("payload", "answer"))
    lines = [_received(event), _meant(event, meaning), *_tries(event)]
    lines += _operations(event, meaning, failed)
    lines += [_failed(one) for one in failed if not one.identity]
    ending = _ending(event)
    return [*lines, ending] if ending else lines


def meaning_of(event: Event) -> Meaning:
    """Read and translate the body again; nothing is stored and nothing is sent."""
    if not event.body:
        return Meaning(gone=True)
    try:
        record = parse(
            event.topic,
            bytes(event.body),
            triggered_at=event.happened_at,
        )
    except Unreadable as exc:
        return Meaning(unreadable=mask_text(exc.message))
    if isinstance(record, Skip):
        return Meaning(skip=record)
    translation = translate(record, settings=event.store.translation, buyers=_buyers(event, record))
    return Meaning(
        subject=str(getattr(record, "name", "") or getattr(record, "title", "")),
        person=_person(translation),
        operations=translation.operations,
        skip=translation.skip,
        needs_order=translation.needs_order is not None,
    )


def masked_body(event: Event) -> str:
    """The body as it came, with personal data hidden."""
    return mask_body(bytes(event.body))


def _buyers(event: Event, record: Record) -> dict[str, Profile]:
    """Whom the order of a refund or parcel was attached to, as the ledger says."""
    if not isinstance(record, Refund | Fulfilment):
        return {}
    row = Delivery.objects.filter(
        klaviyo_account=event.store.klaviyo_account_id,
        identity=f"{Kind.PLACED_ORDER}:{event.store.translation.scope}:{record.order_id}",
    ).first()
    return {record.order_id: Profile.from_key(row.profile)} if row and row.profile else {}


def _person(translation: Translation) -> str:
    profiles = (getattr(one, "profile", None) for one in translation.operations)
    first = next((one for one in profiles if one), None)
    return mask_key(first.key) if first else ""


def _received(event: Event) -> Line:
    details = [
        f"Correlation id {event.event_id or event.public_id}",
        f"Webhook id {event.webhook_id}",
        f"Topic {event.topic}",
        f"API version {event.api_version or 'not stated'}",
    ]
    if event.triggered_at:
        details.append(f"Triggered at {event.triggered_at:%Y-%m-%d %H:%M:%S.%f} UTC")
    if event.topic.startswith(PAST):
        return Line(
            f"We read it from the shop's past: {title(event.topic)}",
            "info",
            event.received_at,
            "It was kept as the shop shows it.",
            details=tuple(details),
        )
    return Line(
        f"The shop told us: {title(event.topic)}",
        "info",
        event.received_at,
        "We checked that the message is genuine and kept it.",
        details=tuple(details),
    )


def _meant(event: Event, meaning: Meaning) -> Line:
    if meaning.gone:
        return Line(
            "Its content is not kept any more",
            text=_why_gone(event),
        )
    if meaning.unreadable:
        return Line(
            "The message cannot be read",
            "bad",
            text="Something in it is not as we expect it. Nothing was sent.",
            details=(meaning.unreadable,),
        )
    if meaning.skip or event.skip:
        rule = Skip(event.skip or meaning.skip or "")
        return Line(
            "There is nothing to send", text=SENTENCES[rule], details=(f"Rule {rule.value}",)
        )
    if meaning.needs_order:
        return Line(
            "It belongs to an order we do not know yet",
            "warn",
            text="We wait for the order, because it says whose this is.",
        )
    subject = f" ({meaning.subject})" if meaning.subject else ""
    person = f" It is about {meaning.person}." if meaning.person else ""
    return Line(
        f"What it means{subject}",
        text="Klaviyo should know: " + ", ".join(_listed(meaning.operations)) + f".{person}",
        details=tuple(one.identity for one in meaning.operations),
    )


def _why_gone(event: Event) -> str:
    if event.skip == Skip.ERASED:
        return SENTENCES[Skip.ERASED]
    if event.skip == Skip.SET_ASIDE:
        return f"It was in the bin, where content is kept for {settings.BIN_DAYS} days."
    if event.topic.startswith(PAST):
        return "It was dealt with, and what was read of the past is not kept for long."
    return f"Its content was kept for {settings.PAYLOAD_DAYS} days, or erased on request before."


def _listed(operations: list[Operation]) -> list[str]:
    """Each kind of operation once, in words that stand inside a sentence."""
    words = dict.fromkeys(_what(one) for one in operations)
    return [word[0].lower() + word[1:] for word in words]


def _what(operation: Operation) -> str:
    if isinstance(operation, TrackEvent):
        return f"“{operation.metric}”"
    return _MEANINGS[operation.kind]


def _tries(event: Event) -> list[Line]:
    tries = Attempt.objects.filter(event=event).select_related("call").order_by("at", "pk")
    return [
        Line(
            f"Try {one.number} did not work",
            "warn",
            one.at,
            mask_text(one.message),
            until=one.next_attempt_at,
            details=(f"Kind {one.kind}, status {one.status or 'none'}", *_call(one.call)),
        )
        for one in tries
    ]


def _operations(event: Event, meaning: Meaning, failed: list[DeadLetter]) -> list[Line]:
    """Each operation: told by this event or another, refused, or still on its way."""
    told = _ledger(event, meaning.operations)
    calls = Call.objects.in_bulk([row.call_id for row in told.values() if row.call_id])
    others = Event.objects.defer("body").in_bulk(
        [row.event_id for row in told.values() if row.event_id and row.event_id != event.pk]
    )
    refused = {one.identity: one for one in failed if one.identity}
    lines = []
    for operation in meaning.operations:
        row = next((told[name] for name in names_of(operation) if name in told), None)
        if operation.identity in refused:
            lines.append(_failed(refused.pop(operation.identity), operation))
        elif row:
            call = calls.get(row.call_id or 0)
            lines.append(_told(event, operation, row, call, others.get(row.event_id or 0)))
        elif event.state == EventState.WAITING:
            lines.append(Line(f"{_what(operation)} is on its way", "info"))
    return _together(lines) + [_failed(one) for one in refused.values()]


def _together(lines: list[Line]) -> list[Line]:
    """Neighbours that say the same become one, so that ten items are not ten paragraphs."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if last and not line.failed and _said(last) == _said(line):
            last.count += 1
            last.details += line.details
        else:
            joined.append(line)
    return joined


def _said(line: Line) -> tuple[object, ...]:
    return line.title, line.tone, line.at, line.text, line.event and line.event.pk


def names_of(operation: Operation) -> list[str]:
    """The ledger names an operation may stand under."""
    names = [operation.identity]
    if isinstance(operation, TrackEvent) and operation.fallback_id:
        # The own id of a second refund or parcel is the more exact one.
        names.insert(0, f"{operation.kind}:{operation.scope}:{operation.fallback_id}")
    return names


def _ledger(event: Event, operations: list[Operation]) -> dict[str, Delivery]:
    names = [name for operation in operations for name in names_of(operation)]
    rows = Delivery.objects.filter(
        klaviyo_account=event.store.klaviyo_account_id, identity__in=names
    ).exclude(fingerprint=b"")  # kept free for somebody, but nothing was told yet
    return {row.identity: row for row in rows}


def _told(
    event: Event, operation: Operation, row: Delivery, call: Call | None, other: Event | None
) -> Line:
    if row.event_id == event.pk:
        text = "Klaviyo took it."
    elif other:
        text = f"Klaviyo knows this from another message: {title(other.topic)}."
    else:
        text = "Klaviyo knows this from an earlier message."
    if row.confirmed_at:
        text += " It confirmed that it was worked in."
    return Line(
        f"Told Klaviyo: {_what(operation)}",
        "ok",
        row.accepted_at,
        text,
        details=(f"Ledger {row.identity}", *_call(call)),
        event=other,
    )


def _call(call: Call | None) -> tuple[str, ...]:
    if call is None:
        return ()
    return (
        f"Call {call.endpoint}: {call.status or 'no answer'} in {call.milliseconds} ms, "
        f"{call.items} items, request id {call.request_id or 'none'}",
    )


def _failed(one: DeadLetter, operation: Operation | None = None) -> Line:
    what = _what(operation) if operation else "This message"
    return Line(
        f"{what} needs you" if one.state == "open" else f"{what} failed and was resolved",
        "bad" if one.state == "open" else "idle",
        one.created_at,
        failed=one,
    )


def _ending(event: Event) -> Line | None:
    match event.state:
        case EventState.DELIVERED:
            return Line("Done", "ok", event.settled_at, "Klaviyo took everything in it.")
        case EventState.SKIPPED:
            return Line("Done", "idle", event.settled_at, "Nothing had to be sent.")
        case EventState.DEAD:
            return Line(
                "It waits for a decision",
                "bad",
                event.settled_at,
                "We do not try again by ourselves, because nothing would change.",
            )
    if event.store.paused_at or event.store.klaviyo_account.held_since:
        why = "the pause ends" if event.store.paused_at else "Klaviyo lets us in again"
        return Line("It is kept", "warn", text=f"It goes on by itself as soon as {why}.")
    if event.attempts:
        return Line(
            "It is on its way",
            "info",
            text="We try again by ourselves. You do not have to do anything.",
            until=event.next_attempt_at,
        )
    return Line("It is on its way", "info", text="It waits its turn.")
