"""Reading past data: windows are claimed one after another, read page by page, and landed."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection

from integrations import queue
from integrations.domain import retries, scopes
from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.windows import Way, WindowState
from integrations.models import SyncJob, SyncWindow
from integrations.models.sync_jobs import WindowClaim

from . import bulk, health, landing, paged, points, sizing, ways, windows
from .turns import AHEAD, LIMITED, LOGIN, Clock, Turn, give_back

__all__ = ["AHEAD", "LIMITED", "LOGIN", "give_back", "read", "read_window", "wake"]

log = logging.getLogger(__name__)

# As a drain: below the task's own timeout, and gone soon after nothing is left.
LONGEST = 50.0
LINGER = 2.0
LOOK_EVERY = 0.25
BEAT_EVERY = 1.0
# Well within a lease, so that a moment's trouble of the database costs no window.
KEEP_EVERY = timedelta(seconds=4)
# Shops read side by side; each has one window at a time.
READERS = 4
# A login that does not work is found out by its own checks; the window looks again after this.
LOGIN_WAIT = timedelta(minutes=1)
# An answer that is not understood is asked for this often before the window is given up.
MOST_UNEXPECTED = 4


def read(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Read windows until nothing is due; returns how many records were landed.

    It ends after LONGEST seconds or when it is asked to stop, and asks for a successor if
    windows are left.
    """
    crew = _Readers(clock, stopping)
    crew.run()
    if not stopping() and SyncWindow.objects.due(clock()).exists():
        queue.ask_for(queue.READ)
    return crew.landed


def wake(*, now: datetime) -> bool:
    """Ask for a reader if windows are due and nobody reads; True if one was asked for."""
    is_missing = SyncWindow.objects.due(now).exists() and not health.alive(health.READER, now)
    if is_missing:
        queue.ask_for(queue.READ)
    return is_missing


class _Readers:
    """Threads that each read one window at a time, and one that keeps what they have in hand.

    A lease is shorter than a page may take: it is renewed while its process lives, so a window is
    free soon after its reader was killed, and never while it is read.
    """

    def __init__(self, clock: Clock, stopping: Callable[[], bool]) -> None:
        self.landed = 0
        self._clock, self._stopping = clock, stopping
        self._name = f"{health.READER}{socket.gethostname()}:{os.getpid()}"
        self._began = time.monotonic()
        self._busy_at = self._began
        self._lock = threading.Lock()
        self._in_hand: set[WindowClaim] = set()
        self._kept_at = clock()
        self._ended = threading.Semaphore(0)

    def run(self) -> None:
        """Read until nothing is due."""
        crew = [
            threading.Thread(target=self._work, name=f"window-{number}", daemon=True)
            for number in range(READERS)
        ]
        for one in crew:
            one.start()
        try:
            left = READERS
            while left:
                self._keep()
                if self._ended.acquire(timeout=BEAT_EVERY):
                    left -= 1
        finally:
            for one in crew:
                one.join()
            health.gone(self._name)

    def is_over(self) -> bool:
        """Whether to stop behind the page in hand."""
        return self._stopping() or time.monotonic() - self._began > LONGEST

    def _keep(self) -> None:
        """Leave a sign of life, and stay the holder of every window in hand."""
        now = self._clock()
        health.beat(self._name, now=now)
        if now - self._kept_at < KEEP_EVERY:
            return
        self._kept_at = now
        with self._lock:
            claims = list(self._in_hand)
        SyncWindow.objects.renew(claims, now=now)

    def _work(self) -> None:
        try:
            self._loop()
        finally:
            connection.close()
            self._ended.release()

    def _loop(self) -> None:
        while not self.is_over() and time.monotonic() - self._busy_at < LINGER:
            claim = SyncWindow.objects.claim(by=self._name, now=self._clock())
            if claim is None:
                time.sleep(LOOK_EVERY)
                continue
            self._note_life()
            self._one(claim)

    def _one(self, claim: WindowClaim) -> None:
        with self._lock:
            self._in_hand.add(claim)
        try:
            landed = read_window(
                claim, clock=self._clock, is_over=self.is_over, alive=self._note_life
            )
        except Exception:
            # The lease runs out and another reader goes on at the cursor.
            log.exception("window.broke", extra={"window": claim.pk})
            connection.close()
            return
        finally:
            with self._lock:
                self._in_hand.discard(claim)
        with self._lock:
            self.landed += landed

    def _note_life(self) -> None:
        self._busy_at = time.monotonic()


def read_window(
    claim: WindowClaim,
    *,
    clock: Clock,
    is_over: Callable[[], bool],
    alive: Callable[[], None] = lambda: None,
) -> int:
    """Read one claimed window from its cursor, as far as it gets; returns how many were landed."""
    window = SyncWindow.objects.select_related("job__store__klaviyo_account").get(pk=claim.pk)
    turn = Turn(claim, window, clock, is_over, alive)
    try:
        if window.counted_at is None and not sizing.measure(turn):
            return 0
        if not window.way:
            ways.choose(turn)
        return bulk.read(turn) if window.way == Way.BULK else paged.read(turn)
    except landing.LostWindow:
        log.warning("window.lost_lease", extra={"window": claim.pk, "epoch": claim.epoch})
    except PlatformError as exc:
        _failed(claim, window, exc.failure, clock())
    return 0


def _failed(claim: WindowClaim, window: SyncWindow, failure: Failure, now: datetime) -> None:
    """Say what becomes of a window whose page could not be read: wait, try again, or give up."""
    failures = window.failures + 1
    match failure.kind:
        case FailureKind.AUTH if failure.code == scopes.REFUSED:
            # The login works for other things, and waiting gives it no permission.
            _give_up(claim, window, scopes.refused(window.stream, failure.message), failure, now)
            return
        case FailureKind.AUTH:
            give_back(claim, until=now + LOGIN_WAIT, reason=LOGIN)
            return
        case FailureKind.RATE_LIMITED:
            until = points.block(
                window.job.store_id, failure.retry_after or timedelta(seconds=2), now=now
            )
            give_back(claim, until=until, reason=LIMITED)
            return
        case FailureKind.TOO_LARGE if window.page_size > 1:
            SyncWindow.objects.owned(claim).update(page_size=max(1, window.page_size // 2))
            give_back(claim, until=now)
            return
    decision = retries.decide(failure, failures=failures, now=now)
    changes = {
        "failures": failures,
        "last_error": failure.message[:500],
        "error_code": failure.code[:60],
        "lease_until": None,
        "lease_by": "",
    }
    is_strange = failure.kind is FailureKind.UNEXPECTED and failures >= MOST_UNEXPECTED
    if isinstance(decision, retries.Retry) and not is_strange:
        # A page that timed out may be too long for the shop.
        smaller = max(1, window.page_size // 2) if failures % 2 == 0 else window.page_size
        SyncWindow.objects.owned(claim).update(
            **changes,
            next_attempt_at=decision.at,
            page_size=smaller,
            wait_reason=failure.message[:200],
        )
        return
    _give_up(claim, window, failure.message, failure, now)


def _give_up(
    claim: WindowClaim, window: SyncWindow, message: str, failure: Failure, now: datetime
) -> None:
    """End a window as failed by name; the job's others go on."""
    SyncWindow.objects.owned(claim).update(
        state=WindowState.FAILED,
        finished_at=now,
        failures=window.failures + 1,
        last_error=message[:500],
        error_code=failure.code[:60],
        wait_reason="",
        lease_until=None,
        lease_by="",
    )
    windows.finish_jobs(SyncJob.objects.filter(pk=window.job_id), now=now)
    log.warning("window.failed", extra={"window": window.pk, "code": failure.code})
