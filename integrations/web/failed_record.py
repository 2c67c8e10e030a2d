"""One failed record in full: what is wrong, what would be sent, and all that happened to it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from integrations.domain import diffs, pointers, showing
from integrations.domain import repairs as domain
from integrations.domain.masking import mask_fragment, mask_text
from integrations.domain.permissions import Capability
from integrations.domain.pointers import Place
from integrations.domain.repairs import Fault
from integrations.domain.replay_words import PROSPECTS
from integrations.domain.replays import Prospect
from integrations.domain.skips import Skip
from integrations.models import DeadLetter
from integrations.pipeline import (
    audit,
    binning,
    record_life,
    refetching,
    repairs,
    replay_forecasts,
    retention,
    roles,
)
from integrations.pipeline.repairs import Standing
from integrations.pipeline.sending_again import YOUNG

from .access import Signed, acting, answer, note_visit, require, signed_in

# How a badge looks for what would become of a record.
OUTLOOKS = {
    Prospect.RECORDED: "done",
    Prospect.IGNORED: "idle",
    Prospect.TWICE: "waiting",
    Prospect.REFUSED: "failed",
    Prospect.GONE: "idle",
}
# A platform's answer may be a whole page of HTML.
LONGEST_ANSWER = 20_000


@dataclass(frozen=True)
class Written:
    """What somebody wrote and could not be saved: shown again, with why."""

    field: str = ""
    editor: str | None = None
    note: str = ""
    faults: tuple[Fault, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class OneField:
    """The one field in which the error is, as an input."""

    path: str
    label: str
    now: str
    value: str
    personal: bool
    may_go: bool


@dataclass(frozen=True)
class Row:
    """One field that differs from the original."""

    label: str
    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Documents:
    """What was received, and what would be sent, line by line with the place of the error."""

    received: list[showing.Piece] = field(default_factory=list)
    sending: list[showing.Piece] = field(default_factory=list)


@signed_in
def page(request: Signed, public_id: UUID) -> HttpResponse:
    """One failed record: what is wrong with it and what to do."""
    return show(request, find(request, public_id))


@acting
def reveal(request: Signed, public_id: UUID) -> HttpResponse:
    """The same with personal data, in this one answer; it is written down who saw it."""
    letter = find(request, public_id)
    require(request.user, Capability.REVEAL, letter.store.merchant)
    by = audit.person(request.user, letter.store.merchant)
    repairs.revealed(letter, by=by, now=timezone.now())
    return show(request, letter, clear=True)


def find(request: Signed, public_id: UUID) -> DeadLetter:
    """A failed record of somebody's shops, with its message; support's visit is noted."""
    found = get_object_or_404(
        DeadLetter.objects.visible_to(request.user).select_related(
            "store__merchant", "cause", "event__store", "klaviyo_account", "binned_by"
        ),
        public_id=public_id,
    )
    note_visit(request, found.store.merchant_id)
    return found


def show(
    request: Signed, letter: DeadLetter, *, clear: bool = False, written: Written | None = None
) -> HttpResponse:
    """The page of a record; `clear` shows personal data, `written` what was not saved."""
    written = written or Written()
    merchant = letter.store.merchant
    standing = repairs.standing(letter)
    place = repairs.place_of(letter, standing.document)
    may_repair = roles.may(request.user, Capability.REPAIR, merchant)
    why_not = repairs.why_not_open(letter)
    can_change = may_repair and not why_not
    editor = ""
    if can_change and request.user.is_staff:
        editor = _editor(standing, clear) if written.editor is None else written.editor
    now = timezone.now()
    may_send = not why_not and roles.may(request.user, Capability.SEND_AGAIN, merchant)
    context = {
        "failed": letter,
        "bin_days": binning.term().days,
        "payload_days": retention.term().days,
        "was_asked_for": letter.event.skip == Skip.ERASED,
        "store": letter.store,
        "zone": letter.store.time_zone,
        "words": letter.cause.words,
        "clear": clear,
        "written": written,
        "message": showing.visible(letter.message if clear else mask_text(letter.message)),
        "answer": _answer(letter, clear),
        "standing": standing,
        "rows": _rows(standing, clear),
        "field": _field(standing, place, written, clear) if can_change else None,
        "fixed": _fixed(standing, place),
        "editor": editor,
        "too_large": can_change and request.user.is_staff and not editor,
        "documents": _documents(letter, standing, place, clear),
        "history": record_life.history(letter),
        "beside": record_life.beside(letter, letter.event),
        "links": record_life.outside(letter, letter.event),
        "why_not": why_not,
        "may_change": can_change,
        "may_send": may_send,
        "outlook": _outlook(letter, now) if may_send else None,
        "may_fetch": can_change and refetching.may_be_fetched(letter, letter.event),
        "may_reveal": not clear and roles.may(request.user, Capability.REVEAL, merchant),
        "now": now,
    }
    response = answer(request, "failed_record.html", context)
    if written.faults or written.refused:
        response.status_code = 409 if written.refused else 400
    return response


def _outlook(letter: DeadLetter, now: datetime) -> dict[str, Any]:
    """What sending it again would lead to, and whether customers could get a message by it."""
    found = replay_forecasts.outlook_of(letter, now=now)
    return {
        "badge": OUTLOOKS[found.prospect],
        "words": PROSPECTS[found.prospect].label,
        "why": found.why,
        "sends": found.prospect in {Prospect.RECORDED, Prospect.TWICE},
        "is_young": letter.event.happened_at > now - YOUNG,
    }


def _answer(letter: DeadLetter, clear: bool) -> str:
    whole = letter.answer
    short = whole[:LONGEST_ANSWER]
    shown = showing.visible(short if clear else mask_fragment(short))
    more = len(whole) - len(short)
    return f"{shown}\n… {more:,} more signs are not shown" if more else shown


def _documents(
    letter: DeadLetter, standing: Standing, place: Place | None, clear: bool
) -> Documents:
    body = bytes(letter.event.body)
    if standing.of_message:
        # The error is in the message itself, which is shown as it came and as it was changed.
        received = _pieces(letter, body, standing.before, place, clear)
        changed = _pieces(letter, standing.content, standing.document, place, clear)
        return Documents(received, changed if standing.repaired else [])
    return Documents(
        _pieces(letter, body, _read(body), None, clear),
        _pieces(letter, standing.content, standing.document, place, clear),
    )


def _pieces(
    letter: DeadLetter, content: bytes, document: Any, place: Place | None, clear: bool
) -> list[showing.Piece]:
    if not content:
        return []
    if document is None:
        at = None if letter.identity else pointers.byte_of(letter.message)
        return showing.text(content, at=at, clear=clear)
    return showing.document(document, mark=place, clear=clear)


def _read(body: bytes) -> Any:
    try:
        return domain.load(body)
    except ValueError:
        return None


def _rows(standing: Standing, clear: bool) -> list[Row]:
    rows = []
    for one in standing.changes:
        hide = not clear and showing.hides(standing.before, one.path)
        hide = hide or (not clear and showing.hides(standing.document, one.path))
        rows.append(
            Row(
                domain.label(one.path),
                pointers.written(one.path),
                _said(one.before, hide, clear),
                _said(one.after, hide, clear),
            )
        )
    return rows


def _said(value: Any, hide: bool, clear: bool) -> str:
    if value is diffs.NOTHING:
        return "–"
    shown = showing.value(value, hide=hide)
    return shown if clear or hide else mask_text(shown)


def _field(
    standing: Standing, place: Place | None, written: Written, clear: bool
) -> OneField | None:
    """The one field, where the error names one that may be changed and is no list of others."""
    if place is None or _fixed(standing, place) or not isinstance(standing.document, dict):
        return None
    found = pointers.value_at(standing.document, place.path) if place.found else None
    if isinstance(found, dict | list):
        return None
    personal = showing.hides(standing.document, place.path)
    hidden = personal and not clear
    plain = "" if found is None else showing.value(found, hide=False)
    now = showing.value(found, hide=hidden) if place.found else ""
    return OneField(
        path=pointers.written(place.path),
        label=domain.label(place.path),
        now=now if clear or hidden else mask_text(now),
        value=written.field or ("" if hidden or mask_text(plain) != plain != now else plain),
        personal=hidden,
        may_go=place.found and domain.may_go(place.path, standing.document),
    )


def _fixed(standing: Standing, place: Place | None) -> str:
    return domain.why_fixed(place.path, of_message=standing.of_message) if place else ""


def _editor(standing: Standing, clear: bool) -> str:
    if standing.document is None:
        # It is no document: whoever mends it has to see it, so only where it may be shown.
        text = standing.content.decode("utf-8", errors="replace")
        return text if clear and len(text) <= domain.MOST_SIGNS else ""
    return domain.editable(standing.document, clear=clear)
