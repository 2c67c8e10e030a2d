"""The lists behind the figures of sending again, and the list of all of them. Read-only."""

from collections.abc import Mapping
from uuid import UUID

import msgspec
from django.db.models import Count, Q, QuerySet

from integrations.domain.replay_words import CLOSED, MEANWHILE, OUTCOMES, PROSPECTS, UNKNOWN
from integrations.domain.replays import ItemState, Prospect, ReplayState
from integrations.models import DeadLetter, Replay, ReplayItem, User
from integrations.models.dead_letters import DeadLetterState

from . import cursors, replays
from .browsing import Page

RECORDS_PAGE = 50
LIST_PAGE = 25

# What somebody may still decide about is counted by what would happen, the rest by what did.
PLANNED = frozenset({ReplayState.DRAFT, ReplayState.AWAITING})
_OPEN = Q(dead_letter__state=DeadLetterState.OPEN)
_ERASED = Q(dead_letter__erased_at__isnull=False)
_PARTS: Mapping[str, Q] = {
    **{one.value: _OPEN & ~_ERASED & Q(prospect=one.value) for one in Prospect},
    Prospect.GONE: _OPEN & (_ERASED | Q(prospect=Prospect.GONE)),
    UNKNOWN: _OPEN & ~_ERASED & Q(prospect=""),
    CLOSED: ~_OPEN,
    **{one.value: Q(state=one.value) for one in ItemState if one is not ItemState.LISTED},
    # Until it is taken off the list, what was listed waits as well.
    ItemState.WAITING: Q(state__in=[ItemState.LISTED, ItemState.WAITING]),
}


class Record(msgspec.Struct):
    """A failed record in a list; without an item it joined its reason afterwards."""

    letter: DeadLetter
    item: ReplayItem | None = None

    @property
    def label(self) -> str:
        """What became of it, or would."""
        if self.item is None:
            return "Failed meanwhile"
        if self.item.state != ItemState.LISTED:
            return OUTCOMES[self.item.state].label
        is_erased = self.letter.erased_at is not None
        return PROSPECTS[_part(self.letter.state, self.item.prospect, is_erased=is_erased)].label


def parts_of(replay: Replay) -> list[str]:
    """What the records of a replay are told apart by, in the order in which pages show it."""
    return list(PROSPECTS if replay.state in PLANNED else OUTCOMES)


def label_of(part: str) -> str:
    """What a part is called."""
    if part == MEANWHILE:
        return "New failures meanwhile"
    words = PROSPECTS.get(part) or OUTCOMES.get(part)
    return words.label if words else "All records"


def records(
    replay: Replay, part: str, *, cause: int | None = None, after: str = ""
) -> Page[Record]:
    """One page of the records behind a figure, in the order in which they go out."""
    if part == MEANWHILE:
        return _newcomers(replay, after)
    found = of_part(replay, part)
    if cause:
        found = found.filter(dead_letter__cause=cause)
    count = found.count()
    light = found.select_related(
        "dead_letter__store", "dead_letter__cause", "dead_letter__event"
    ).defer("dead_letter__payload", "dead_letter__answer", "dead_letter__event__body")
    items, behind = cursors.page(light, "position", after=after, size=RECORDS_PAGE)
    return Page([Record(one.dead_letter, one) for one in items], behind, count)


def of_part(replay: Replay, part: str) -> QuerySet[ReplayItem]:
    """The records of a replay that a figure counts; all of them without a part."""
    found = ReplayItem.objects.filter(replay=replay)
    return found.filter(_PARTS[part]) if part in _PARTS else found


def planned(replay: Replay) -> dict[str, int]:
    """How many would come to what; the parts always add up to all that were chosen."""
    counts = dict.fromkeys(PROSPECTS, 0)
    rows = (
        ReplayItem.objects.filter(replay=replay)
        .annotate(is_erased=Q(dead_letter__erased_at__isnull=False))
        .values_list("dead_letter__state", "is_erased", "prospect")
        .annotate(n=Count("pk"))
        .order_by()
    )
    for state, is_erased, prospect, number in rows:
        counts[_part(state, prospect, is_erased=is_erased)] += number
    return counts


def _part(state: str, prospect: str, *, is_erased: bool) -> str:
    if state != DeadLetterState.OPEN:
        return CLOSED
    return Prospect.GONE if is_erased else prospect or UNKNOWN


def _newcomers(replay: Replay, after: str) -> Page[Record]:
    found = replays.newcomers(replay).select_related("store", "cause", "event")
    light = found.defer("payload", "answer", "event__body")
    letters, behind = cursors.page(light, "-pk", after=after, size=RECORDS_PAGE)
    return Page([Record(one) for one in letters], behind, replays.joined(replay))


def everything(
    user: User, *, state: str = "", merchant: UUID | None = None, after: str = ""
) -> Page[Replay]:
    """One page of all that was sent again, newest first."""
    found = Replay.objects.visible_to(user)
    if merchant:
        found = found.filter(merchant__public_id=merchant)
    if state:
        found = found.filter(state=state)
    count = found.count()
    found = found.select_related("merchant", "asked_by")
    page, behind = cursors.page(found, "-pk", after=after, size=LIST_PAGE)
    return Page(page, behind, count)
