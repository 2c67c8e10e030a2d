"""The whole life of a failed record: what failed, what was done about it, what is beside it."""

from datetime import datetime
from typing import Any

import msgspec
from django.db.models import BooleanField, ExpressionWrapper, Q

from integrations.domain.masking import mask_fragment, mask_text
from integrations.domain.operations import Kind
from integrations.domain.recipes import RECIPES
from integrations.domain.replays import ItemState
from integrations.domain.showing import visible
from integrations.models import (
    Attempt,
    DeadLetter,
    DeadLetterTry,
    Delivery,
    Event,
    Repair,
    Replay,
    ReplayItem,
)
from integrations.models.dead_letters import DeadLetterState
from integrations.platforms.klaviyo import places as klaviyo_places
from integrations.platforms.shopify import places as shopify_places

from . import failed_lists, inspection, repairs

# Of each kind of row; nobody reads further, and a record may have failed very often.
MOST = 100
LONGEST_ANSWER = 4000


class Moment(msgspec.Struct):
    """One thing that happened to a record: what, when, and who did it."""

    title: str
    at: datetime
    tone: str = "idle"
    text: str = ""
    who: str = ""
    answer: str = ""
    status: int | None = None
    replay: Replay | None = None


class Told(msgspec.Struct):
    """One thing Klaviyo was told, and the message that told it, where it is still there."""

    words: str
    row: Delivery
    event: Event | None


class Beside(msgspec.Struct):
    """What else is known of the same thing of the shop."""

    ledger: list[Told]
    failed: list[DeadLetter]


class Link(msgspec.Struct, frozen=True):
    """An address outside the console."""

    words: str
    address: str


def history(letter: DeadLetter) -> list[Moment]:
    """Everything that happened to a record, in its order; texts without personal data."""
    moments = [
        *_arrival(letter),
        *_attempts(letter),
        *_failures(letter),
        *_changes(letter),
        *_sendings(letter),
        *_endings(letter),
    ]
    return sorted(moments, key=lambda one: one.at)


def beside(letter: DeadLetter, event: Event) -> Beside:
    """The ledger's rows and the failed records of the same order, person or product."""
    names = {
        f"{kind}:{event.store.translation.scope}:{letter.source_id}"
        for kind in Kind
        if letter.source_id and kind is not Kind.PROFILE
    }
    operations = inspection.meaning_of(event).operations
    names |= {name for one in operations for name in inspection.names_of(one)}
    ledger = Delivery.objects.filter(
        klaviyo_account=letter.klaviyo_account_id, identity__in=sorted(names)[:500]
    ).exclude(fingerprint=b"")
    rows = list(ledger.order_by("accepted_at", "pk")[:MOST])
    events = Event.objects.defer("body").in_bulk({row.event_id for row in rows if row.event_id})
    same: list[DeadLetter] = []
    if letter.source_id:
        others = DeadLetter.objects.filter(source_id=letter.source_id, store=letter.store_id)
        others = others.exclude(pk=letter.pk).select_related("event", "cause")
        others = others.defer("payload", "answer", "event__body")
        same = list(others.order_by("-pk")[:MOST])
    told = [
        Told(failed_lists.KINDS.get(row.kind, row.kind), row, events.get(row.event_id or 0))
        for row in rows
    ]
    return Beside(told, same)


def outside(letter: DeadLetter, event: Event) -> list[Link]:
    """Where the same thing stands in the store's own administration and at Klaviyo."""
    found = shopify_places.of_message(event.topic, bytes(event.body))
    links = []
    if found:
        stream, source_id = found
        address = shopify_places.in_admin(letter.store.domain, stream, source_id)
        noun = {"orders": "order", "customers": "customer", "products": "product"}[stream]
        links.append(Link(f"Open the {noun} in the shop", address))
    words, address = klaviyo_places.of_kind(letter.kind)
    return [*links, Link(words, address)]


def _arrival(letter: DeadLetter) -> list[Moment]:
    at = letter.event.received_at
    return [Moment("The shop's message arrived", at, "info")]


def _attempts(letter: DeadLetter) -> list[Moment]:
    tries = Attempt.objects.filter(event=letter.event_id).order_by("-at", "-pk")[:MOST]
    return [
        Moment(
            f"Try {one.number} did not work",
            one.at,
            "warn",
            _plain(one.message),
            status=one.status,
        )
        for one in tries
    ]


def _failures(letter: DeadLetter) -> list[Moment]:
    tries = DeadLetterTry.objects.filter(dead_letter=letter).order_by("-number")[:MOST]
    moments = [_failure(one, one.number, one.at) for one in tries]
    return [*moments, _failure(letter, letter.times, letter.failed_at)]


def _failure(said: Any, number: int, at: datetime) -> Moment:
    title = "It failed, and we set it aside for a decision"
    if number > 1:
        title = f"It failed again, for the {_nth(number)} time"
    answer = visible(mask_fragment(said.answer[:LONGEST_ANSWER]))
    return Moment(title, at, "bad", _plain(said.message), answer=answer, status=said.status)


def _changes(letter: DeadLetter) -> list[Moment]:
    rows = Repair.objects.filter(dead_letter=letter).select_related("made_by").order_by("-number")
    moments = []
    taken_back = ExpressionWrapper(Q(content=b""), output_field=BooleanField())
    for one in rows.defer("content").annotate(empty=taken_back)[:MOST]:
        recipe = RECIPES.get(one.recipe)
        title = "The change was taken back" if one.empty else "What would be sent was changed"
        text = " ".join(filter(None, (recipe.title + "." if recipe else "", _plain(one.note))))
        moments.append(Moment(title, one.made_at, "info", text, repairs.said(one.made_by)))
    return moments


_BECAME = {
    ItemState.SENT: ("Klaviyo took it", "ok"),
    ItemState.KNOWN: ("Klaviyo already had it", "ok"),
    ItemState.SKIPPED: ("There was nothing to send", "idle"),
    ItemState.FAILED: ("Sending it again did not work", "warn"),
    ItemState.LEFT_OUT: ("It was not sent again after all", "idle"),
}


def _sendings(letter: DeadLetter) -> list[Moment]:
    items = ReplayItem.objects.filter(dead_letter=letter).select_related("replay__asked_by")
    moments = []
    for one in items.order_by("-pk")[:MOST]:
        who = repairs.said(one.replay.asked_by)
        if one.let_go_at:
            moments.append(
                Moment("It was sent again", one.let_go_at, "info", who=who, replay=one.replay)
            )
        if one.settled_at and one.state in _BECAME:
            title, tone = _BECAME[ItemState(one.state)]
            said = _plain(one.message)
            moments.append(Moment(title, one.settled_at, tone, said, replay=one.replay))
    return moments


def _endings(letter: DeadLetter) -> list[Moment]:
    moments = []
    if letter.binned_at:
        reason = _plain(letter.bin_reason)
        who = repairs.said(letter.binned_by)
        moments.append(Moment("It was put into the bin", letter.binned_at, "idle", reason, who))
    if letter.replaced_by_id:
        fresh = Event.objects.filter(pk=letter.replaced_by_id).defer("body").first()
        if fresh:
            title = "It was fetched from the shop once more"
            moments.append(Moment(title, fresh.received_at, "info"))
    if letter.settled_at and letter.state == DeadLetterState.RESOLVED:
        moments.append(Moment("It is settled", letter.settled_at, "ok"))
    if letter.erased_at:
        moments.append(Moment("Its content was erased", letter.erased_at, "idle"))
    return moments


def _plain(text: str) -> str:
    """What a platform said, or a person wrote, without personal data and signs that hide."""
    return visible(mask_text(text))


def _nth(number: int) -> str:
    small = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}
    return small.get(number, f"{number}.")
