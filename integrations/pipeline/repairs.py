"""What people change of a failed record before it is sent again; the original never changes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from integrations.domain import diffs, pointers
from integrations.domain import repairs as domain
from integrations.domain.failures import Unreadable
from integrations.domain.pointers import Path, Place
from integrations.domain.repairs import Fault, Faulty
from integrations.models import DeadLetter, Event, Repair, ReplayItem, User
from integrations.models.dead_letters import DeadLetterState
from integrations.platforms.klaviyo import documents
from integrations.platforms.shopify import messages

from . import audit
from .audit import Actor


class Refused(Exception):
    """Why a record could not be changed, in a sentence; what somebody wrote is kept for them."""


class Standing(msgspec.Struct):
    """What of a record would be sent as things stand."""

    # Changes with each failure and each repair; a form that shows an older one is refused.
    version: str
    # Whether it is the shop's own message that is repaired, since nothing could be made of it.
    of_message: bool
    original: bytes
    content: bytes
    last: Repair | None
    # Read from the two above; None where they are not JSON.
    before: Any = None
    document: Any = None

    @property
    def repaired(self) -> bool:
        """Whether something else than the original would be sent."""
        return bool(self.last and self.last.content)

    @property
    def changes(self) -> list[diffs.Change]:
        """What differs from the original."""
        return diffs.changes(self.before, self.document) if self.repaired else []


def current(letter_ids: Iterable[int]) -> dict[int, bytes]:
    """What is to be sent in place of the original, by dead letter; one taken back is left out."""
    last = (
        Repair.objects.filter(dead_letter_id__in=list(letter_ids))
        .order_by("dead_letter_id", "-number")
        .distinct("dead_letter_id")
        .values_list("dead_letter_id", "content")
    )
    return {letter_id: bytes(content) for letter_id, content in last if content}


def standing(letter: DeadLetter) -> Standing:
    """What of a record would be sent as things stand, read anew."""
    last = _last(letter)
    original = bytes(letter.payload) if letter.identity else _message(letter)
    content = bytes(last.content) if last and last.content else original
    found = Standing(
        version=_version(letter, last),
        of_message=not letter.identity,
        original=original,
        content=content,
        last=last,
    )
    found.before = _loaded(original)
    found.document = _loaded(content) if found.repaired else found.before
    return found


def place_of(letter: DeadLetter, document: Any) -> Place | None:
    """Where in a document the error is, as far as its pointer says."""
    return pointers.find(letter.pointer, document) if letter.pointer else None


def check(letter: DeadLetter, now_is: Standing, document: Any, *, now: datetime) -> list[Fault]:
    """What is wrong with a document that somebody wants to send in place of the original."""
    if not isinstance(document, dict):
        return [domain.NO_OBJECT]
    frozen = domain.frozen(document, now_is.before, of_message=now_is.of_message)
    content = domain.encode(document)
    if now_is.of_message:
        return frozen + _of_message(letter, content)
    return frozen + documents.faults(letter.kind, document, size=len(content), now=now)


def save(
    letter: DeadLetter,
    document: Any,
    *,
    version: str,
    by: Actor,
    note: str = "",
    now: datetime,
) -> Repair:
    """Keep what is to be sent in place of the original. Raises Refused, Faulty."""
    faults = check(letter, standing(letter), document, now=now)
    if faults:
        raise Faulty(*faults)
    return _keep(letter, document, version=version, by=by, note=note, now=now)


def save_field(
    letter: DeadLetter,
    path: Path,
    written: str,
    *,
    leave_out: bool = False,
    version: str,
    by: Actor,
    now: datetime,
) -> Repair:
    """Keep one field that somebody corrected, or left out. Raises Refused, Faulty.

    What else is wrong with the record does not stand in the way of this one field.
    """
    found = standing(letter)
    if why := domain.why_fixed(path, of_message=found.of_message):
        raise Faulty(Fault(why, pointers.written(path)))
    try:
        document = _with_field(found, path, written, leave_out=leave_out)
    except LookupError:
        raise Refused(
            "This field is no longer where it was. Look at the record as it stands now."
        ) from None
    known = {(one.path, one.sentence) for one in check(letter, found, found.document, now=now)}
    own = pointers.written(path)
    faults = [
        one
        for one in check(letter, found, document, now=now)
        if one.path == own or (one.path, one.sentence) not in known
    ]
    if faults:
        raise Faulty(*faults)
    return _keep(letter, document, version=version, by=by, note="", now=now)


def take_back(letter: DeadLetter, *, version: str, by: Actor, now: datetime) -> Repair:
    """Have the original sent again; what was changed stays in the history. Raises Refused."""
    with transaction.atomic():
        row, last = _locked(letter, version)
        if last is None or not last.content:
            raise Refused("Nothing was changed, so there is nothing to take back.")
        audit.record("record.repair_taken_back", row.store, by=by, now=now, subject=name_of(row))
        return Repair.objects.create(
            dead_letter=row, number=last.number + 1, content=b"", made_by=by.user, made_at=now
        )


def revealed(letter: DeadLetter, *, by: Actor, now: datetime) -> None:
    """Write down that somebody saw the personal data of a record."""
    audit.record("record.revealed", letter.store, by=by, now=now, subject=name_of(letter))


def name_of(letter: DeadLetter) -> str:
    """What the history calls a record; no personal data."""
    kind = (letter.kind or letter.event.topic).replace("_", " ")
    return f"{kind} {letter.source_id or str(letter.public_id)[:8]}"


def why_not_open(letter: DeadLetter) -> str:
    """Why a record can be changed no longer, with who did what; empty where it can."""
    who = _named(letter)
    match letter.state:
        case DeadLetterState.OPEN:
            return (
                "Its content has served its term, so there is nothing left to change."
                if letter.erased_at
                else ""
            )
        case DeadLetterState.SENDING:
            return f"{who} sent it again meanwhile. It is on its way."
        case DeadLetterState.BINNED:
            return f"{who} put it into the bin meanwhile."
    return f"It is settled already{f': {who} sent it again' if who != SOMEBODY else ''}."


SOMEBODY = "Somebody"


def _named(letter: DeadLetter) -> str:
    if letter.state == DeadLetterState.BINNED:
        person = letter.binned_by
    else:
        items = ReplayItem.objects.filter(dead_letter=letter).select_related("replay__asked_by")
        item = items.order_by("-pk").first()
        person = item.replay.asked_by if item else None
    return said(person)


def said(person: User | None) -> str:
    """What a person is called on a page of records."""
    return person.email if person else SOMEBODY


def _keep(
    letter: DeadLetter, document: Any, *, version: str, by: Actor, note: str, now: datetime
) -> Repair:
    content = domain.encode(document)
    with transaction.atomic():
        row, last = _locked(letter, version)
        found = standing(row)
        changed = diffs.changes(found.document, document)
        if found.document is not None and not changed:
            raise Refused("Nothing was changed, so nothing was saved.")
        audit.record(
            "record.repaired",
            row.store,
            by=by,
            now=now,
            subject=name_of(row),
            after={"fields": sorted({pointers.written(one.path)[:80] for one in changed})[:20]},
            reason=note,
        )
        return Repair.objects.create(
            dead_letter=row,
            number=last.number + 1 if last else 1,
            content=content,
            note=note[:300],
            made_by=by.user,
            made_at=now,
        )


def _locked(letter: DeadLetter, version: str) -> tuple[DeadLetter, Repair | None]:
    """The record, held while it is changed, if it still is what its reader saw. Raises Refused."""
    rows = DeadLetter.objects.select_for_update(of=("self",))
    row = rows.select_related("store", "event").defer("event__body").get(pk=letter.pk)
    if why := why_not_open(row):
        raise Refused(why)
    last = _last(row)
    if _version(row, last) == version:
        return row, last
    if last is None or version.partition(".")[0] != str(row.times):
        raise Refused("It was sent and failed again meanwhile. Look at what went wrong this time.")
    did = "changed it" if last.content else "took the change back"
    raise Refused(f"{said(last.made_by)} {did} meanwhile. What you wrote is still here.")


def _last(letter: DeadLetter) -> Repair | None:
    rows = Repair.objects.filter(dead_letter=letter).select_related("made_by")
    return rows.order_by("-number").first()


def _version(letter: DeadLetter, last: Repair | None) -> str:
    return f"{letter.times}.{last.number if last else 0}"


def _message(letter: DeadLetter) -> bytes:
    found = Event.objects.filter(pk=letter.event_id).values_list("body", flat=True).first()
    return bytes(found or b"")


def _loaded(content: bytes) -> Any:
    try:
        return domain.load(content)
    except ValueError:
        return None


def _with_field(found: Standing, path: Path, written: str, *, leave_out: bool) -> Any:
    if leave_out:
        if not domain.may_go(path, found.document):
            raise Faulty(Fault("The record cannot be sent without this.", pointers.written(path)))
        return pointers.without(found.document, path)
    try:
        before = pointers.value_at(found.document, path)
    except LookupError:
        before = None
    return pointers.replaced(found.document, path, domain.typed(written, path, before))


def _of_message(letter: DeadLetter, content: bytes) -> list[Fault]:
    event = letter.event
    try:
        messages.parse(event.topic, content, triggered_at=event.happened_at)
    except Unreadable as exc:
        return [Fault(exc.message, exc.field.removeprefix("$."))]
    return []
