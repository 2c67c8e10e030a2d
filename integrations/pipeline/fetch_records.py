"""The records of a fetch or of one period, by what became of them. Read-only."""

from collections.abc import Sequence

from integrations.domain import parameters
from integrations.domain.skips import Skip
from integrations.models import Event, SyncJob, SyncWindow, statements
from integrations.models.events import EventState

from .browsing import PAGE, Page
from .windows import KNOWN

# What became of a record, as a period counts it, and the state of its event.
OUTCOMES = {
    "sent": EventState.DELIVERED,
    "unchanged": EventState.SKIPPED,
    "skipped": EventState.SKIPPED,
    "failed": EventState.DEAD,
    "on-its-way": EventState.WAITING,
}
LABELS = {
    "": "Found",
    "sent": "Sent",
    "unchanged": "Already there",
    "skipped": "Not sent, by a rule",
    "failed": "Failed",
    "on-its-way": "On their way",
}
# The newest of each period by the index `event_of_window`, and the newest of those: as quick for
# a million records as for ten.
_NEWEST = """
SELECT newest.id FROM unnest(%s::bigint[]) AS of_window(id)
CROSS JOIN unnest(%s::text[]) AS wanted(state)
CROSS JOIN LATERAL (
  SELECT event.id FROM integrations_event event
  WHERE event.window_id = of_window.id AND event.state = wanted.state AND event.id < %s
    AND (%s OR event.skip = ANY(%s))
  ORDER BY event.id DESC LIMIT %s
) newest
ORDER BY newest.id DESC LIMIT %s
"""
_LARGEST = 2**63 - 1


def of_job(job: SyncJob, outcome: str, *, after: str) -> Page[Event]:
    """The records of a whole fetch, newest first."""
    return _page(list(SyncWindow.objects.filter(job=job)), outcome, after)


def of_window(window: SyncWindow, outcome: str, *, after: str) -> Page[Event]:
    """The records of one period, newest first."""
    return _page([window], outcome, after)


def _page(windows: Sequence[SyncWindow], outcome: str, after: str) -> Page[Event]:
    place = parameters.key(after)
    start = _LARGEST if place is None else place
    states = [OUTCOMES[outcome]] if outcome in OUTCOMES else list(EventState)
    skips = _skips(outcome)
    found = statements.run(
        _NEWEST,
        (
            [one.pk for one in windows],
            [state.value for state in states],
            start,
            skips is None,
            skips or [],
            PAGE + 1,
            PAGE + 1,
        ),
    ).fetchall()
    ids = [row[0] for row in found]
    rows = Event.objects.filter(pk__in=ids[:PAGE]).defer("body").order_by("-id")
    return Page(list(rows), str(ids[PAGE - 1]) if len(ids) > PAGE else "", _count(windows, outcome))


def _skips(outcome: str) -> list[str] | None:
    """The rules by which a record of this outcome ended; None where that does not matter."""
    if outcome == "unchanged":
        return [rule.value for rule in Skip if rule in KNOWN]
    if outcome == "skipped":
        return [rule.value for rule in Skip if rule not in KNOWN]
    return None


def _count(windows: Sequence[SyncWindow], outcome: str) -> int:
    """As the periods have counted them, so that a figure leads to just as many."""
    column = {"": "found", "on-its-way": "in_flight"}.get(outcome, outcome)
    return sum(getattr(one, column) for one in windows)
