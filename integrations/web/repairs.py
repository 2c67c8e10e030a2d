"""Changing what would be sent of one failed record, and letting it go again."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from integrations.domain import repairs as domain
from integrations.domain.permissions import Capability
from integrations.domain.repairs import Fault, Faulty
from integrations.models import DeadLetter
from integrations.pipeline import audit, refetching, repairs, replays
from integrations.pipeline.audit import Actor
from integrations.pipeline.repairs import Refused

from .access import Signed, acting, require
from .failed_record import Written, find, show

NOTE = 300
AND_SEND = "send"
SAVED = "Saved. The original is kept, and nothing is sent until somebody sends it again."


@acting
def one_field(request: Signed, public_id: UUID) -> HttpResponse:
    """Keep the one field somebody corrected or left out, and send it where they ask for that."""
    letter, by = _letter(request, public_id)
    written = request.POST.get("value", "").replace("\x00", "")
    place = repairs.place_of(letter, repairs.standing(letter).document)
    if place is None:
        return show(request, letter, written=Written(refused="This record names no such field."))
    try:
        repairs.save_field(
            letter,
            place.path,
            written,
            leave_out=bool(request.POST.get("leave_out")),
            version=request.POST.get("version", ""),
            by=by,
            now=timezone.now(),
        )
    except Faulty as exc:
        return show(request, letter, written=Written(field=written, faults=exc.faults))
    except Refused as exc:
        return show(request, _anew(request, letter), written=Written(written, refused=str(exc)))
    return _saved(request, letter, by)


@acting
def document(request: Signed, public_id: UUID) -> HttpResponse:
    """Keep the whole document as support wrote it, and send it where they ask for that."""
    letter, by = _letter(request, public_id, staff=True)
    text = request.POST.get("document", "")
    note = " ".join(request.POST.get("note", "").replace("\x00", "").split())[:NOTE]
    version = request.POST.get("version", "")
    try:
        found = _read(letter, text, version)
        repairs.save(letter, found, version=version, by=by, note=note, now=timezone.now())
    except Faulty as exc:
        kept = Written(editor=text, note=note, faults=exc.faults)
        return show(request, letter, written=kept)
    except Refused as exc:
        kept = Written(editor=text, note=note, refused=str(exc))
        return show(request, _anew(request, letter), written=kept)
    return _saved(request, letter, by)


@acting
def check(request: Signed, public_id: UUID) -> HttpResponse:
    """What is wrong with what stands in the editor, for the page to show while one types."""
    letter, _ = _letter(request, public_id, staff=True)
    try:
        found = _read(letter, request.POST.get("document", ""), request.POST.get("version", ""))
        faults = repairs.check(letter, repairs.standing(letter), found, now=timezone.now())
    except Faulty as exc:
        faults = list(exc.faults)
    except Refused as exc:
        faults = [Fault(str(exc))]
    return JsonResponse({"faults": [_told(one) for one in faults]})


@acting
def take_back(request: Signed, public_id: UUID) -> HttpResponse:
    """Have the original sent again."""
    letter, by = _letter(request, public_id)
    version = request.POST.get("version", "")
    try:
        repairs.take_back(letter, version=version, by=by, now=timezone.now())
    except Refused as exc:
        return show(request, _anew(request, letter), written=Written(refused=str(exc)))
    messages.success(request, "The change was taken back. The original would be sent.")
    return _back(letter)


@acting
def send(request: Signed, public_id: UUID) -> HttpResponse:
    """Send this one record again."""
    letter = find(request, public_id)
    require(request.user, Capability.SEND_AGAIN, letter.store.merchant)
    return _send(request, letter, audit.person(request.user, letter.store.merchant))


@acting
def afresh(request: Signed, public_id: UUID) -> HttpResponse:
    """Fetch the record from the shop once more, and send it as it is now."""
    letter, by = _letter(request, public_id)
    require(request.user, Capability.SEND_AGAIN, letter.store.merchant)
    try:
        refetching.afresh(letter, by=by, now=timezone.now())
    except Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, "Fetched from the shop. It is on its way as it is there now.")
    return _back(letter)


def _letter(request: Signed, public_id: UUID, *, staff: bool = False) -> tuple[DeadLetter, Actor]:
    """A record this person may change; hidden from strangers, refused to onlookers."""
    letter = find(request, public_id)
    require(request.user, Capability.REPAIR, letter.store.merchant)
    if staff and not request.user.is_staff:
        raise PermissionDenied
    return letter, audit.person(request.user, letter.store.merchant)


def _anew(request: Signed, letter: DeadLetter) -> DeadLetter:
    return find(request, letter.public_id)


def _read(letter: DeadLetter, text: str, version: str) -> object:
    """What somebody wrote, with what was hidden from them. Raises Faulty, Refused."""
    standing = repairs.standing(letter)
    found = domain.read(text)
    if standing.version != version:
        # What was hidden can only be put back from what they saw; saving says who was faster.
        return found
    return domain.given_back(found, standing.document)


def _saved(request: Signed, letter: DeadLetter, by: Actor) -> HttpResponse:
    if request.POST.get("then") == AND_SEND:
        require(request.user, Capability.SEND_AGAIN, letter.store.merchant)
        return _send(request, letter, by)
    messages.success(request, SAVED)
    return _back(letter)


def _send(request: Signed, letter: DeadLetter, by: Actor) -> HttpResponse:
    now = timezone.now()
    try:
        replay = replays.draft_of(
            [letter], merchant=letter.store.merchant, by=by, key=uuid4(), now=now
        )
        replays.start(replay, confirmed=1, by=by, user=request.user, now=now)
    except replays.Refused as exc:
        messages.error(request, str(exc))
        return _back(letter)
    messages.success(request, "It is on its way again.")
    try:
        return HttpResponseRedirect(reverse("replay", args=[replay.public_id]))
    except NoReverseMatch:
        return _back(letter)


def _told(fault: Fault) -> dict[str, object]:
    return {
        "sentence": fault.sentence,
        "path": fault.path,
        "line": fault.line,
        "column": fault.column,
    }


def _back(letter: DeadLetter) -> HttpResponseRedirect:
    return redirect("failed-record", public_id=letter.public_id)
