"""One page of the list of failed records, and how many there are. Read-only.

A page is read from the ends of stretches of an index: one stretch for each reason, shop, state and
kind that is wanted. So a list of a million records costs what a list of ten costs.
"""

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet, Sum

from integrations.domain.operations import Kind
from integrations.models import CauseCount, DeadLetter, User
from integrations.models.dead_letters import DeadLetterState
from integrations.models.events import EventState

from . import cursors, failed_lists
from .browsing import COUNT_LIMIT, Page
from .failed_lists import UNREADABLE, FailedFilter

PAGE = 25
# Of records that could not be read the kind is not known.
_KINDS = ["", *(kind.value for kind in Kind)]
_EARLIEST, _LATEST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_LARGEST = 2**63 - 1
# The keys of the shops that are looked into; None for all there are.
Stores = list[int] | None

_NEWEST = """
SELECT newest.id FROM {stretches}
CROSS JOIN unnest(%(kinds)s::text[]) AS of_kind(kind)
CROSS JOIN LATERAL (
  SELECT letter.id, letter.failed_at FROM integrations_deadletter letter
  WHERE {wanted} AND letter.kind = of_kind.kind
    AND (letter.failed_at, letter.id) < (%(before)s, %(last)s)
    AND letter.failed_at >= %(since)s AND letter.failed_at < %(until)s
  ORDER BY letter.failed_at DESC, letter.id DESC LIMIT %(most)s
) newest
ORDER BY newest.failed_at DESC, newest.id DESC LIMIT %(most)s
"""
_OF_CAUSES = _NEWEST.format(
    stretches="unnest(%(causes)s::bigint[], %(stores)s::bigint[], %(states)s::text[])"
    " AS stretch(cause, store, state)",
    wanted="letter.cause_id = stretch.cause AND letter.store_id = stretch.store"
    " AND letter.state = stretch.state",
)
_OF_STORES = _NEWEST.format(
    stretches="unnest(%(stores)s::bigint[]) AS of_store(store)"
    " CROSS JOIN unnest(%(states)s::text[]) AS of_state(state)",
    wanted="letter.store_id = of_store.store AND letter.state = of_state.state",
)
_OF_ALL = _NEWEST.format(
    stretches="unnest(%(states)s::text[]) AS of_state(state)",
    wanted="letter.state = of_state.state",
)


def page(user: User, wanted: FailedFilter, *, after: str) -> Page[DeadLetter]:
    """One page of the failed records a person may see, the newest failure first."""
    stores = _stores(user, wanted)
    count, more = _total(user, wanted, stores)
    found = _newest(user, wanted, stores, after=after, most=PAGE + 1)
    kept = DeadLetter.objects.filter(pk__in=found).select_related("store", "cause", "event")
    rows = list(kept.defer("payload", "answer", "event__body").order_by("-failed_at", "-id")[:PAGE])
    behind = cursors.write(rows[-1].failed_at, rows[-1].pk) if len(found) > PAGE and rows else ""
    return Page(rows, behind, count, more)


def total(user: User, wanted: FailedFilter) -> tuple[int, bool]:
    """How many there are, and whether there are more than were counted."""
    return _total(user, wanted, _stores(user, wanted))


def _total(user: User, wanted: FailedFilter, stores: Stores) -> tuple[int, bool]:
    if not wanted.counted:
        found = len(_newest(user, wanted, stores, after="", most=COUNT_LIMIT + 1))
        return min(found, COUNT_LIMIT), found > COUNT_LIMIT
    counts = CauseCount.objects.all()
    if stores is not None:
        counts = counts.filter(store__in=stores)
    if wanted.cause:
        counts = counts.filter(cause__in=failed_lists.group_ids(wanted.cause))
    if wanted.state:
        counts = counts.filter(state=wanted.state)
    return counts.aggregate(records=Sum("records"))["records"] or 0, False


def _newest(
    user: User, wanted: FailedFilter, stores: Stores, *, after: str, most: int
) -> list[int]:
    """The keys of the newest failures of a selection, behind a place in the list."""
    before, last = cursors.read(after) or (_LATEST, _LARGEST)
    if wanted.record or wanted.close or wanted.first_until:
        return list(_few(user, wanted, before, last).values_list("pk", flat=True)[:most])
    statement, stretches = _stretches(wanted, stores)
    values = stretches | {
        "kinds": _KINDS if not wanted.kind else [wanted.kind.replace(UNREADABLE, "")],
        "before": before,
        "last": last,
        "since": wanted.since or _EARLIEST,
        "until": wanted.until or _LATEST,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()]


def _few(
    user: User, wanted: FailedFilter, before: datetime, last: int
) -> QuerySet[DeadLetter, DeadLetter]:
    """What is named closely: a record, what one fetch or decision was about, or what ends soon."""
    rows = failed_lists.rows(user, wanted).filter(failed_at__lte=before)
    if wanted.state == DeadLetterState.OPEN and not wanted.record:
        # An event is dead as long as one of its records is open; its index has the state.
        rows = rows.filter(event__state=EventState.DEAD)
    return rows.exclude(failed_at=before, pk__gte=last).order_by("-failed_at", "-id")


def _stretches(wanted: FailedFilter, stores: Stores) -> tuple[str, dict[str, Any]]:
    states = [wanted.state] if wanted.state else list(DeadLetterState.values)
    if wanted.cause:
        kept = CauseCount.objects.filter(
            cause__in=failed_lists.group_ids(wanted.cause), state__in=states, records__gt=0
        )
        if stores is not None:
            kept = kept.filter(store__in=stores)
        found = list(kept.values_list("cause", "store", "state"))
        names = ("causes", "stores", "states")
        return _OF_CAUSES, {name: [one[n] for one in found] for n, name in enumerate(names)}
    if stores is not None:
        return _OF_STORES, {"stores": stores, "states": states}
    return _OF_ALL, {"states": states}


def _stores(user: User, wanted: FailedFilter) -> Stores:
    """The shops that are looked into; None for all there are."""
    if user.is_staff and not wanted.store:
        return None
    own = None if user.is_staff else failed_lists.stores_of(user)
    named = failed_lists.store_ids(wanted.store) if wanted.store else own
    return [store for store in named or [] if own is None or store in own]
