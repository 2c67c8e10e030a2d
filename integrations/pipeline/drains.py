"""A drain: one claimer, and a crew that works off what it claims, until nothing is due."""

import gc
import os
import socket
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

from integrations import queue
from integrations.domain.lanes import Lane
from integrations.models import StoreLane
from integrations.models.lanes import Claim

from . import health, inbox
from .crew import Crew
from .steps import Steps

Clock = Callable[[], datetime]

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
# Room that only live work may take besides: what is sent again must not keep it waiting.
LIVE_IN_HAND = 6_000_000
# How long a thread computes before another gets its turn. A live batch waits for the database
# some fifteen times, and each time for its turn behind a thread that translates a large one.
TURN = 0.0005
# Each so many claims, whoever waited longest goes first, whatever the lane.
FAIR_EVERY = 16
# Work that has been due for this long is more than one drain can do.
LATE = timedelta(seconds=1)
HELP_EVERY = 5.0
# Threads kept free of anything below the live lane: what is sent again must not fill the crew.
LIVE_ONLY = 2
# Lanes on their way for each thread. A batch waits for Klaviyo most of its time, and needs a thread
# with its connection for a fifth of it.
LANES_A_THREAD = 6


class Part(NamedTuple):
    """The lanes that one drain is for, and how it goes about them."""

    # What its signs of life begin with, and the task that brings another.
    sign: str
    task: str
    highest: Lane
    lowest: Lane
    # Of DRAIN_THREADS, it takes one in so many.
    share: int
    # Of its threads, and in bytes: what only its highest lane may take.
    kept_free: int
    more_in_hand: int
    look_every: float
    niceness: int


# A thread that translates past data keeps every other of its process waiting, so past data is sent
# by a process of its own, which the processors serve after all others (docs/adr/0024).
LIVE = Part(
    sign=health.DRAIN,
    task=queue.DRAIN,
    highest=Lane.LIVE,
    lowest=Lane.REPLAY,
    share=1,
    kept_free=LIVE_ONLY,
    more_in_hand=LIVE_IN_HAND,
    look_every=LOOK_EVERY,
    niceness=0,
)
PAST = Part(
    sign=health.PAST,
    task=queue.PAST,
    highest=Lane.BACKFILL,
    lowest=Lane.REPORT,
    share=2,
    kept_free=0,
    more_in_hand=0,
    look_every=0.05,
    niceness=10,
)


def drain(
    *,
    of: Part = LIVE,
    clock: Clock,
    stopping: Callable[[], bool],
    leaving: Callable[[], bool] = lambda: False,
) -> int:
    """Work off what is due of some lanes; returns how many events were settled or put back.

    It ends after LONGEST seconds, when nothing was due for LINGER seconds and no long work could
    take its worker meanwhile, or when it must stop, and then asks for a successor if work is left.
    While it is `leaving` it stays until it must stop, in case its successor is not there yet. One
    drain of past data is enough.
    """
    if of is PAST and health.alive(health.PAST, clock()):
        return 0
    _settle_interpreter()

    def begin(claim: Claim, weigh: Callable[[int], None]) -> Steps[int]:
        return inbox.batch(claim, clock=clock, stopping=stopping, weigh=weigh)

    threads = -(-settings.DRAIN_THREADS // of.share)
    batches = threads * LANES_A_THREAD
    crew = Crew(begin, threads=threads, batches=batches, niceness=of.niceness)
    name = f"{of.sign}{socket.gethostname()}:{os.getpid()}"
    try:
        _claim_until_idle(of, crew, name, clock, stopping, leaving)
    finally:
        crew.finish()
        health.gone(name)
    if stopping():
        return crew.events
    is_due = StoreLane.objects.any_due(clock(), highest=of.highest, lowest=of.lowest)
    if is_due or keeps_its_place(of, clock()):
        # Something arrived after the last look and saw a drain alive, so it sent no nudge.
        queue.ask_for(of.task)
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


def keeps_its_place(of: Part, now: datetime) -> bool:
    """Whether an idle drain stays: long work could take every worker before an order arrives."""
    return of is LIVE and health.is_long_work(now)


def _claim_until_idle(
    of: Part,
    crew: Crew,
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
        if crew.idle <= 0 or crew.bytes > MOST_IN_HAND + of.more_in_hand:
            crew.wait(0.05, for_room=True)
            continue
        has_room = crew.idle > of.kept_free and crew.bytes <= MOST_IN_HAND
        claim = StoreLane.objects.claim(
            by=name,
            now=clock(),
            highest=of.highest,
            lowest=of.lowest if has_room else of.highest,
            fair=claims % FAIR_EVERY == FAIR_EVERY - 1,
        )
        if claim is not None:
            claims += 1
            busy_at = moment
            crew.give(claim)
            is_late = of is LIVE and clock() - claim.due_since > LATE
            if is_late and moment - help_at > HELP_EVERY:
                help_at = moment
                health.ask_for_help(now=clock())
        elif crew.busy:
            busy_at = moment
            # On a busy machine a look takes longer, and is worth less: most lanes are in hand.
            crew.wait(max(of.look_every, LOOK_SHARE * (time.monotonic() - moment)))
        elif moment - busy_at > LINGER and not leaving():
            if not keeps_its_place(of, clock()):
                return
            busy_at = moment
        else:
            time.sleep(of.look_every)
