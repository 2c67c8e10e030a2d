"""What the pages about past data show: read-only, each page from one look at its periods."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Count, Q, QuerySet

from integrations.domain import forecast_words
from integrations.domain.fetches import Progress, badge_of, what
from integrations.domain.windows import JobState, WindowState
from integrations.models import AuditEntry, Store, SyncJob, SyncWindow, User

from . import cursors, fetch_holds, fetches, forecasts, health, stream_verdicts
from .browsing import Page
from .fetch_holds import Hold
from .stream_verdicts import StreamVerdict

LIST_PAGE = 20
PERIODS_PAGE = 50
# What a board lists of each group; the rest has a page of its own.
FAILED_SHOWN, OTHERS_SHOWN = 25, 8

COUNTS = ("found", "sent", "unchanged", "skipped", "failed", "left_out", "calls")
DONE, FAILED, CANCELLED = WindowState.DONE, WindowState.FAILED, WindowState.CANCELLED
GROUPS = {
    "failed": [FAILED],
    "running": [WindowState.READING, WindowState.SENDING],
    "waiting": [WindowState.WAITING],
    "done": [DONE],
    "cancelled": [CANCELLED],
}


class Totals(msgspec.Struct):
    """What was found, and what became of it; the parts always add up to it."""

    found: int = 0
    sent: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    left_out: int = 0
    calls: int = 0

    @property
    def in_flight(self) -> int:
        """What is still on its way."""
        return self.found - self.sent - self.unchanged - self.skipped - self.failed


class Fetch(msgspec.Struct):
    """One fetch as a list, a banner or a home page tells of it."""

    job: SyncJob
    progress: Progress

    @property
    def what(self) -> str:
        """What it brings in."""
        return what(self.job.streams)

    @property
    def badge(self) -> tuple[str, str]:
        """Its state as a code and a word."""
        return badge_of(self.job.state, self.progress)


class Board(msgspec.Struct):
    """Everything the page of one fetch shows."""

    job: SyncJob
    progress: Progress
    totals: Totals
    windows: list[SyncWindow]
    hold: Hold | None
    # How long it will still take, and what that rests on.
    left: str
    paused_by: str
    last_progress_at: datetime | None
    expected: int | None
    lacking: int
    # Each stream that is not over: stuck or slow, with its proof.
    verdicts: list[StreamVerdict]

    @property
    def what(self) -> str:
        """What it brings in."""
        return what(self.job.streams)

    @property
    def badge(self) -> tuple[str, str]:
        """Its state as a code and a word."""
        return badge_of(self.job.state, self.progress, waits=self.hold is not None)

    @property
    def busy(self) -> bool:
        """Whether looking again soon shows something new."""
        return self.job.state == JobState.RUNNING

    def _of(self, group: str) -> list[SyncWindow]:
        return [one for one in self.windows if one.state in GROUPS[group]]

    @property
    def failed(self) -> list[SyncWindow]:
        """The periods only a person can help."""
        return self._of("failed")[:FAILED_SHOWN]

    @property
    def running(self) -> list[SyncWindow]:
        """The periods that are read or sent now."""
        return self._of("running")[: 2 * OTHERS_SHOWN]

    @property
    def waiting(self) -> list[SyncWindow]:
        """The next periods."""
        return self._of("waiting")[:OTHERS_SHOWN]

    @property
    def done(self) -> list[SyncWindow]:
        """The newest periods that are done."""
        return self._of("done")[:OTHERS_SHOWN]

    @property
    def cancelled(self) -> list[SyncWindow]:
        """Periods that a stop left out."""
        return self._of("cancelled")[:OTHERS_SHOWN]

    @property
    def sizes(self) -> dict[str, int]:
        """How many periods each group has in all."""
        return {name: len(self._of(name)) for name in GROUPS}


class PeriodPage(msgspec.Struct):
    """Everything the page of one period shows."""

    window: SyncWindow
    totals: Totals
    hold: Hold | None

    @property
    def missing(self) -> int:
        """How many the shop has and we did not find."""
        window = self.window
        if window.expected is None or window.state != DONE:
            return 0
        return max(0, window.expected - window.found - window.left_out)

    @property
    def may_run_again(self) -> bool:
        """Whether it is over, so that it can be fetched once more."""
        return self.window.state in (DONE, FAILED, CANCELLED)


def find_job(user: User) -> QuerySet[SyncJob]:
    """The fetches a person may see."""
    return SyncJob.objects.visible_to(user).select_related(
        "store__merchant", "store__klaviyo_account", "asked_by"
    )


def find_window(user: User) -> QuerySet[SyncWindow]:
    """The periods a person may see."""
    return SyncWindow.objects.filter(job__in=SyncJob.objects.visible_to(user)).select_related(
        "job__store__merchant", "job__store__klaviyo_account"
    )


def of_store(store: Store, *, after: str) -> Page[Fetch]:
    """The fetches of a shop, newest first."""
    rows = _counted(SyncJob.objects.filter(store=store)).select_related("asked_by")
    rows = rows.exclude(state=JobState.CANCELLED, started_at=None)
    count = rows.count()
    found, behind = cursors.page(rows, "-pk", after=after, size=LIST_PAGE)
    return Page([_fetch(one) for one in found], behind, count)


def unfinished(stores: QuerySet[Store], *, limit: int = 20) -> list[Fetch]:
    """The fetches of some shops that run or are paused."""
    jobs = _counted(SyncJob.objects.unfinished().filter(store__in=stores))
    return [
        _fetch(one) for one in jobs.select_related("store").order_by("store__name", "id")[:limit]
    ]


def latest(store: Store) -> Fetch | None:
    """The newest fetch of a shop that was started."""
    jobs = _counted(SyncJob.objects.filter(store=store).exclude(started_at=None))
    found = jobs.order_by("-id").first()
    return _fetch(found) if found else None


def banners(store: Store) -> list[Fetch]:
    """What every page of a shop says while something is fetched."""
    return unfinished(Store.objects.filter(pk=store.pk), limit=3)


def board(job: SyncJob, *, now: datetime) -> Board:
    """Read where a fetch stands."""
    windows = windows_of(job)
    progress = _progress(one.state for one in windows)
    runs = job.state == JobState.RUNNING
    is_open = runs or job.state == JobState.PAUSED
    moved = [one.last_progress_at for one in windows if one.last_progress_at]
    return Board(
        job=job,
        progress=progress,
        totals=_totals(windows),
        windows=windows,
        hold=fetch_holds.of_job(job, windows, now=now) if runs else None,
        left=forecast_words.left(forecasts.remaining(job, now=now)) if runs else "",
        paused_by=_paused_by(job),
        last_progress_at=max(moved, default=None),
        expected=_expected(windows),
        lacking=0 if is_open else len(fetches.lacking(job)),
        verdicts=stream_verdicts.of_job(
            job, windows, workers_seen_at=health.workers_seen_at(), now=now
        )
        if is_open
        else [],
    )


def period(window: SyncWindow) -> PeriodPage:
    """Read the page of one period."""
    hold = None
    if window.job.state == JobState.RUNNING:
        hold = fetch_holds.of_window(window)
    return PeriodPage(window, _totals([window]), hold)


def periods(job: SyncJob, group: str, *, after: str) -> Page[SyncWindow]:
    """The periods of a fetch in one state, newest first."""
    rows = SyncWindow.objects.filter(job=job)
    if group in GROUPS:
        rows = rows.filter(state__in=GROUPS[group])
    count = rows.count()
    if after.isascii() and after.isdigit() and len(after) < 9:
        rows = rows.filter(position__gt=int(after))
    found = list(rows.order_by("position")[: PERIODS_PAGE + 1])
    last = found[PERIODS_PAGE - 1] if len(found) > PERIODS_PAGE else None
    return Page(found[:PERIODS_PAGE], str(last.position) if last else "", count)


def held_back(job: SyncJob) -> int:
    """How many records a stop would take back: read, and not sent yet."""
    return _totals(
        SyncWindow.objects.filter(job=job).exclude(state__in=[DONE, FAILED, CANCELLED])
    ).in_flight


def windows_of(job: SyncJob) -> list[SyncWindow]:
    """All periods of a fetch, newest first."""
    return list(SyncWindow.objects.filter(job=job).defer("bulk", "cursor").order_by("position"))


def _counted(jobs: QuerySet[SyncJob]) -> QuerySet[SyncJob]:
    def of(*states: WindowState) -> Count:
        return Count("windows", filter=Q(windows__state__in=states))

    return jobs.annotate(
        n_total=Count("windows"), n_done=of(DONE), n_failed=of(FAILED), n_cancelled=of(CANCELLED)
    )


def _fetch(job: Any) -> Fetch:
    return Fetch(job, Progress(job.n_total, job.n_done, job.n_failed, job.n_cancelled))


def _progress(states: Iterable[str]) -> Progress:
    found = list(states)
    return Progress(len(found), found.count(DONE), found.count(FAILED), found.count(CANCELLED))


def _totals(windows: Iterable[SyncWindow]) -> Totals:
    rows = list(windows)
    return Totals(*(sum(getattr(one, name) for one in rows) for name in COUNTS))


def _expected(windows: Iterable[SyncWindow]) -> int | None:
    counts = [one.expected for one in windows]
    return None if any(one is None for one in counts) else sum(one or 0 for one in counts)


def _paused_by(job: SyncJob) -> str:
    """Who paused it: the entry was written at the same moment."""
    if job.paused_at is None:
        return ""
    entries = AuditEntry.objects.filter(store=job.store_id, at=job.paused_at, action="job.paused")
    return entries.values_list("actor_name", flat=True).first() or ""
