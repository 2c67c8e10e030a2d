"""A drain: one claimer and a crew of threads that work off lanes until nothing is due."""

import gc
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from queue import SimpleQueue

from django.conf import settings
from django.db import connection

from integrations import queue
from integrations.domain.lanes import Lane
from integrations.models import StoreLane
from integrations.models.lanes import Claim

from . import health, inbox

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
# Where one thread finds its next lane; None ends it.
_Hand = SimpleQueue[Claim | None]

# Below the task's own timeout, with room for the last batch.
LONGEST = 50.0
# Longer than the time between two nudges, so that no event falls between two drains.
LINGER = 1.0
# How often an idle drain looks; it is most of what an event waits on a quiet day.
LOOK_EVERY = 0.012
# While batches are in hand, it waits between looks for so many times what one took.
LOOK_SHARE = 4
BEAT_EVERY = 1.0
# Bodies in hand together before the next lane is claimed, so that memory is bounded whatever the
# number of threads; what a body weighs is guessed until they have been taken.
MOST_IN_HAND = 6_000_000
# Room that only live work may take besides: past data in hand must not keep it waiting.
LIVE_IN_HAND = 6_000_000
TYPICAL = 10_000
# How long a thread computes before another gets its turn. A live batch waits for the database
# some fifteen times, and each time for its turn behind a thread that translates past data.
TURN = 0.0005
# Each so many claims, whoever waited longest goes first, whatever the lane.
FAIR_EVERY = 16
# Work that has been due for this long is more than one drain can do.
LATE = timedelta(seconds=1)
HELP_EVERY = 5.0
# Threads kept free of anything below the live lane, so that a backfill cannot fill the crew.
LIVE_ONLY = 2


def drain(
    *,
    clock: Clock,
    stopping: Callable[[], bool],
    leaving: Callable[[], bool] = lambda: False,
) -> int:
    """Work off everything that is due; returns how many events were settled or put back.

    It ends after LONGEST seconds, when nothing was due for LINGER seconds, or when it must stop,
    and then asks for a successor if work is left. While it is `leaving` it stays until it must
    stop, in case its successor is not there yet.
    """
    _settle_interpreter()
    crew = _Crew(settings.DRAIN_THREADS, clock, stopping)
    name = f"{health.DRAIN}{socket.gethostname()}:{os.getpid()}"
    try:
        _claim_until_idle(crew, name, clock, stopping, leaving)
    finally:
        crew.finish()
        health.gone(name)
    if not stopping() and StoreLane.objects.any_due(clock()):
        # Something arrived after the last look and saw a drain alive, so it sent no nudge.
        queue.ask_for(queue.DRAIN)
    return crew.events


@lru_cache(maxsize=1)
def _settle_interpreter() -> None:
    """Let the garbage collector look at new objects less often, and at loaded code never.

    And let threads take turns more often, for the sake of those with little to do.

    A batch makes many small objects and drops them all; a sixth of its time went into looking
    at them, and at everything that was imported, for cycles that are not there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(TURN)


def _claim_until_idle(
    crew: "_Crew",
    name: str,
    clock: Clock,
    stopping: Callable[[], bool],
    leaving: Callable[[], bool],
) -> None:
    started = busy_at = time.monotonic()
    beat_at, help_at, claims = 0.0, 0.0, 0
    while not stopping() and time.monotonic() - started < LONGEST:
        moment = time.monotonic()
        if moment - beat_at >= BEAT_EVERY:
            health.beat(name, now=clock())
            beat_at = moment
        if crew.idle == 0 or crew.bytes > MOST_IN_HAND + LIVE_IN_HAND:
            crew.wait(0.05, for_room=True)
            continue
        has_room = crew.idle > LIVE_ONLY and crew.bytes <= MOST_IN_HAND
        lowest = Lane.REPORT if has_room else Lane.LIVE
        claim = StoreLane.objects.claim(
            by=name, now=clock(), lowest=lowest, fair=claims % FAIR_EVERY == FAIR_EVERY - 1
        )
        if claim is not None:
            claims += 1
            busy_at = moment
            crew.give(claim)
            if moment - help_at > HELP_EVERY and clock() - claim.due_since > LATE:
                help_at = moment
                health.ask_for_help(now=clock())
        elif crew.busy:
            busy_at = moment
            # On a busy machine a look takes longer, and is worth less: most lanes are in hand.
            crew.wait(max(LOOK_EVERY, LOOK_SHARE * (time.monotonic() - moment)))
        elif moment - busy_at > LINGER and not leaving():
            return
        else:
            time.sleep(LOOK_EVERY)


class _Crew:
    """Threads that each work off one lane at a time, with a database connection of their own."""

    def __init__(self, size: int, clock: Clock, stopping: Callable[[], bool]) -> None:
        self.events = 0
        self.busy = 0
        self.bytes = 0
        self._size, self._clock, self._stopping = size, clock, stopping
        self._changed = threading.Condition()
        self._room_is_wanted = False
        # Whoever was idle last goes first, so that a quiet drain uses few threads, few connections
        # to the database, and those whose statements are planned already.
        hands: list[_Hand] = [SimpleQueue() for _ in range(size)]
        self._all, self._free = hands, list(hands)
        self._threads = [
            threading.Thread(target=self._work, args=(hand,), name=f"lane-{number}", daemon=True)
            for number, hand in enumerate(hands)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def idle(self) -> int:
        """How many threads have nothing to do."""
        return self._size - self.busy

    def give(self, claim: Claim) -> None:
        """Hand a lane to whoever is free."""
        with self._changed:
            self.busy += 1
            self.bytes += _guess(claim)
            hand = self._free.pop()
        hand.put(claim)

    def wait(self, seconds: float, *, for_room: bool = False) -> None:
        """Wait until a thread is done, or something weighs less, but not longer than this."""
        with self._changed:
            self._room_is_wanted = for_room
            self._changed.wait(seconds)

    def finish(self) -> None:
        """Let everyone end what they have in hand."""
        for hand in self._all:
            hand.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, hand: "_Hand") -> None:
        try:
            while (claim := hand.get()) is not None:
                weight = _Weight(_guess(claim), self._weigh)
                events = self._one(claim, weight)
                weight.set(0)
                with self._changed:
                    self.events += events
                    self.busy -= 1
                    self._free.append(hand)
                    self._changed.notify_all()
        finally:
            connection.close()

    def _weigh(self, difference: int) -> None:
        with self._changed:
            self.bytes += difference
            if self._room_is_wanted:
                self._changed.notify_all()

    def _one(self, claim: Claim, weight: "_Weight") -> int:
        try:
            return inbox.work_off(
                claim, clock=self._clock, stopping=self._stopping, weigh=weight.set
            )
        except Exception:
            # The lease runs out and the next holder counts the try, as if this worker had died.
            # One lane in trouble must not take the others' threads down with it.
            log.exception("batch.broke", extra={"lane": claim.pk})
            connection.close()
            return 0


class _Weight:
    """What one batch weighs, and telling the crew when that turns out to be something else."""

    def __init__(self, guess: int, tell: Callable[[int], None]) -> None:
        self._bytes, self._tell = guess, tell

    def set(self, actual: int) -> None:
        """Take over what it really is."""
        difference, self._bytes = actual - self._bytes, actual
        self._tell(difference)


def _guess(claim: Claim) -> int:
    return min(claim.batch_limit * TYPICAL, inbox.MOST_BYTES)
