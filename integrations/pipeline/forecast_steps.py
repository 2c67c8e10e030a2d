"""A forecast, one small step after another: how much there is, what is in it, and who listens.

A step makes a call or two, and what it found out is in the forecast when it returns; so a forecast
is shown while it grows, and goes on behind its last step after a crash or a deploy.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.forecast import (
    Forecast,
    Look,
    Memory,
    Sight,
    Stage,
    Trouble,
    WindowPlan,
    covered,
)
from integrations.domain.lanes import Lane
from integrations.domain.scopes import READS, held
from integrations.domain.windows import JobKind, Stretch, WindowState, shown
from integrations.models import SyncJob, SyncWindow
from integrations.platforms.shopify import counts, health, pages
from integrations.platforms.shopify.client import Shopify

from . import forecast_load, listeners, logins, paged, points
from .forecast_audit import EVENTS, Auditor, finish, looks
from .listeners import MustWait

T = TypeVar("T")

Clock = Callable[[], datetime]

HEALTH_POINTS = 10.0
# An answer that did not come is asked for this often before the plan says that it is missing.
TRIES = 3
PAUSE = timedelta(seconds=3)
# A wait for points in the middle of a page that is sat out.
PATIENCE = timedelta(seconds=10)


class Piece(NamedTuple):
    """One thing to find out; what it is about, doing it, and doing without it."""

    about: str
    do: Callable[[], None]
    do_without: Callable[[Failure], None]


class Maker:
    """Makes one job's forecast. `forecast` always holds what is known so far."""

    def __init__(self, job: SyncJob, forecast: Forecast, *, clock: Clock) -> None:
        self.job, self.forecast, self._clock = job, forecast, clock
        self._auditor = Auditor(job, forecast)
        self._failures = 0

    def step(self) -> datetime | None:
        """Find out the next thing; returns until when to wait if it cannot be asked for now."""
        piece = self._next()
        try:
            piece.do()
        except MustWait as exc:
            return exc.until
        except PlatformError as exc:
            return self._trouble(piece, exc.failure)
        self._failures = 0
        self.forecast.updated_at = self._clock()
        return None

    def _next(self) -> Piece:
        forecast = self.forecast
        if forecast.scopes is None:
            return Piece("shop", self._meet, self._no_shop)
        if not forecast.windows:
            return Piece("periods", self._lay_out, self._skip_nothing)
        if forecast.stage is Stage.COUNTS:
            window = next((one for one in forecast.windows if not one.counted), None)
            return (
                self._count_piece(window) if window else Piece("", self._plan, self._skip_nothing)
            )
        if forecast.stage is Stage.AUDIT:
            look = next((one for one in forecast.looks if not one.done), None)
            return self._look_piece(look) if look else Piece("", self._sum_up, self._skip_nothing)
        return Piece("klaviyo", self._listen, self._no_klaviyo)

    def _trouble(self, piece: Piece, failure: Failure) -> datetime | None:
        """Wait, try again, or go on without; what is missing then stands in the forecast."""
        now = self._clock()
        if failure.kind is FailureKind.RATE_LIMITED:
            wait = failure.retry_after or timedelta(seconds=2)
            return points.block(self.job.store_id, wait, now=now)
        self._failures += 1
        if failure.kind is FailureKind.TRANSIENT and self._failures < TRIES:
            return now + PAUSE
        self._failures = 0
        self.forecast.troubles.append(Trouble(piece.about, failure.code, failure.message[:300]))
        piece.do_without(failure)
        self.forecast.updated_at = now
        return None

    # --- the shop ---------------------------------------------------------------------------------

    def _meet(self) -> None:
        found = self._ask(health.check, HEALTH_POINTS)
        self.forecast.scopes = sorted(held(found.scopes))

    def _no_shop(self, _: Failure) -> None:
        self.forecast.scopes = []

    def _lay_out(self) -> None:
        """Write down the job's windows, which of them were fetched before, and what is hidden."""
        job, forecast = self.job, self.forecast
        is_met = not any(one.about == "shop" for one in forecast.troubles)
        done = _done_before(job)
        rows = SyncWindow.objects.filter(job=job).order_by("position")
        for row in rows:
            plan = WindowPlan(
                stream=row.stream, since=row.since, until=row.until, position=row.position
            )
            plan.complete_since = _complete(row, done)
            if is_met:
                self._see(plan)
            else:
                plan.counted = True
            forecast.windows.append(plan)

    def _see(self, plan: WindowPlan) -> None:
        scopes = set(self.forecast.scopes or ())
        if (scope := READS[plan.stream]) not in scopes:
            plan.sight, plan.counted, plan.count = Sight.NONE, True, 0
            trouble = Trouble(plan.stream, "missing_scope", scope)
            if trouble not in self.forecast.troubles:
                self.forecast.troubles.append(trouble)
            return
        if plan.stream != "orders" or self.job.kind != JobKind.BACKFILL:
            return
        seen = shown(Stretch(plan.since, plan.until), scopes, now=self._clock())
        if seen is None:
            plan.sight, plan.counted, plan.count = Sight.NONE, True, 0
        elif seen.since > plan.since:
            plan.sight, plan.shown_since = Sight.PART, seen.since

    def _count_piece(self, window: WindowPlan) -> Piece:
        def do() -> None:
            stretch = Stretch(window.since, window.until)
            changed = self.job.kind == JobKind.CATCH_UP
            found = self._ask(
                lambda shop: counts.count(shop, window.stream, stretch, changed=changed),
                counts.POINTS,
            )
            window.count, window.exact, window.counted = found.number, found.exact, True

        def without(_: Failure) -> None:
            window.counted = True

        return Piece(f"count:{window.stream}:{window.position}", do, without)

    # --- real records -----------------------------------------------------------------------------

    def _plan(self) -> None:
        is_met = not any(one.about == "shop" for one in self.forecast.troubles)
        forecast_load.choose_ways(self.job, self.forecast)
        self.forecast.looks = looks(self.forecast, now=self._clock()) if is_met else []
        self.forecast.stage = Stage.AUDIT

    def _look_piece(self, look: Look) -> Piece:
        def do() -> None:
            began = time.monotonic()
            page = self._page(look)
            points.learn(self.job.store_id, page.cost, now=self._clock())
            took = int((time.monotonic() - began) * 1000)
            self._auditor.take(look, page, milliseconds=took, now=self._clock())
            look.size = pages.next_size(look.size, page.cost)
            look.price = page.cost.requested * 1.3 if page.cost else look.price

        def without(failure: Failure) -> None:
            if failure.kind is FailureKind.TOO_LARGE and look.size > 1:
                self.forecast.troubles.pop()
                look.size //= 2
            else:
                # The cursor stays, which says that there is more than was read.
                look.cursor, look.done = look.cursor or "broken", True

        return Piece(f"look:{look.stream}:{look.position}", do, without)

    def _page(self, look: Look) -> pages.Page:
        return self._ask(
            lambda shop: pages.read(
                shop,
                look.stream,
                Stretch(look.since, look.until),
                cursor=look.cursor,
                size=look.size,
                changed=self.job.kind == JobKind.CATCH_UP,
                pay=self._pay,
            ),
            look.price or self._usual_price(look.stream),
        )

    def _pay(self, price: float) -> None:
        """Take points for one more call in the middle of a page. Raises MustWait.

        The page would have to be read again, so a wait is sat out if it ends well within the lease.
        """
        began = self._clock()
        while (until := self._take(price)) is not None:
            if until - began > PATIENCE:
                raise MustWait(until)
            time.sleep(max(0.05, (until - self._clock()).total_seconds()))

    def _usual_price(self, stream: str) -> float:
        """What a first page of this stream cost in an earlier look."""
        others = (one.price for one in self.forecast.looks if one.stream == stream and one.price)
        return next(others, paged.FIRST_POINTS)

    def _sum_up(self) -> None:
        names = self.job.store.translation.metrics
        finish(self.forecast, streams=self.job.streams, names=names)
        self.forecast.stage = Stage.KLAVIYO

    # --- Klaviyo ----------------------------------------------------------------------------------

    def _listen(self) -> None:
        if "orders" in self.job.streams:
            listeners.look(self.job.store, self.forecast, EVENTS, clock=self._clock)
        self._close()

    def _no_klaviyo(self, _: Failure) -> None:
        self._close()

    def _close(self) -> None:
        forecast = self.forecast
        forecast.estimate = forecast_load.expect(self.job, forecast, now=self._clock())
        # What was needed between steps holds hashes of people; nobody needs it any more.
        forecast.memory, forecast.looks = Memory(), []
        forecast.stage = Stage.READY

    def _skip_nothing(self, failure: Failure) -> None:
        """Such a piece asks nobody, so there is nothing it could do without."""
        raise PlatformError(failure)

    def _ask(self, question: Callable[[Shopify], T], price: float) -> T:
        """Ask the shop within its points, which live look-ups go before. Raises MustWait."""
        wait = self._take(price)
        if wait is not None:
            raise MustWait(wait)
        return logins.ask_shop(self.job.store, question, now=self._clock())

    def _take(self, price: float) -> datetime | None:
        return points.take(self.job.store_id, price, lane=Lane.REPORT, now=self._clock())


Done = dict[str, list[SyncWindow]]


def _done_before(job: SyncJob) -> Done:
    """Windows of the store's earlier jobs that are done, by stream."""
    found: Done = {}
    done = SyncWindow.objects.filter(
        job__store=job.store_id,
        job__kind=job.kind,
        state=WindowState.DONE,
        stream__in=job.streams,
        since__lt=job.until,
        until__gt=job.since,
    ).exclude(job=job)
    for one in done:
        found.setdefault(one.stream, []).append(one)
    return found


def _complete(window: SyncWindow, done: Done) -> datetime | None:
    """Since when all of a window has been fetched; None when a part of it never was."""
    own = [
        one
        for one in done.get(window.stream, [])
        if one.since < window.until and one.until > window.since
    ]
    if not own or not covered(window.since, window.until, [(one.since, one.until) for one in own]):
        return None
    return max((one.finished_at for one in own if one.finished_at), default=None)
