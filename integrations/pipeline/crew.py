"""A crew: threads with a database connection each, and batches that need one only now and then.

While a batch waits for Klaviyo it belongs to nobody; once it is answered, whoever is free goes on
with it, before anything new is begun.
"""

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any

from django.db import connection

from integrations.models.lanes import Claim

from . import inbox, steps

log = logging.getLogger(__name__)

# What a body weighs before anybody has looked.
TYPICAL = 10_000

# Makes the batch of a claim; it tells what its bodies weigh once they are in hand.
Begin = Callable[[Claim, Callable[[int], None]], steps.Steps[int]]
# Where one thread finds what to do next; None ends it.
_Hand = SimpleQueue["_Batch | None"]


class _Batch:
    """One claimed lane on its way, and what it is to hear when it goes on."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.steps: steps.Steps[int] | None = None
        self.answers: list[Any] = []
        self.failed: BaseException | None = None
        self.bytes = min(claim.batch_limit * TYPICAL, inbox.MOST_BYTES)


class Crew:
    """Works off claimed lanes, several at a time."""

    def __init__(self, begin: Begin, *, threads: int, batches: int, niceness: int = 0) -> None:
        self.events = 0
        # Lanes in hand, and the bytes of their bodies.
        self.busy = 0
        self.bytes = 0
        self._begin, self._batches, self._niceness = begin, batches, niceness
        self._changed = threading.Condition()
        self._room_is_wanted = False
        self._answered: deque[_Batch] = deque()
        # Whoever was idle last goes first, so that a quiet drain uses few threads, few connections
        # to the database, and those whose statements are planned already.
        hands: list[_Hand] = [SimpleQueue() for _ in range(threads)]
        self._all, self._free = hands, list(hands)
        self._threads = [
            threading.Thread(target=self._work, args=(hand,), name=f"lane-{number}", daemon=True)
            for number, hand in enumerate(hands)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def idle(self) -> int:
        """How many more lanes it can begin with now."""
        return min(len(self._free), self._batches - self.busy)

    def give(self, claim: Claim) -> None:
        """Hand a lane to whoever is free."""
        batch = _Batch(claim)
        with self._changed:
            self.busy += 1
            self.bytes += batch.bytes
        self._go_on(batch)

    def wait(self, seconds: float, *, for_room: bool = False) -> None:
        """Wait until something is done, or weighs less, but not longer than this."""
        with self._changed:
            self._room_is_wanted = for_room
            self._changed.wait(seconds)

    def finish(self) -> None:
        """Let everything end that is in hand."""
        with self._changed:
            self._changed.wait_for(lambda: not self.busy)
        for hand in self._all:
            hand.put(None)
        for thread in self._threads:
            thread.join()

    def _go_on(self, batch: _Batch) -> None:
        with self._changed:
            if not self._free:
                self._answered.append(batch)
                return
            hand = self._free.pop()
        hand.put(batch)

    def _work(self, hand: _Hand) -> None:
        _step_back(self._niceness)
        try:
            while (batch := hand.get()) is not None:
                while batch is not None:
                    self._step(batch)
                    batch = self._next(hand)
        finally:
            connection.close()

    def _next(self, hand: _Hand) -> _Batch | None:
        with self._changed:
            if self._answered:
                return self._answered.popleft()
            self._free.append(hand)
            if self._room_is_wanted:
                self._changed.notify_all()
            return None

    def _step(self, batch: _Batch) -> None:
        """Go on with a batch until it wants to call somebody, or is done."""
        try:
            if batch.steps is None:
                batch.steps = self._begin(batch.claim, partial(self._weigh, batch))
                calls = next(batch.steps)
            elif batch.failed is not None:
                calls = batch.steps.throw(batch.failed)
            else:
                calls = batch.steps.send(batch.answers)
        except StopIteration as end:
            self._end(batch, end.value)
        except Exception:
            # The lease runs out and the next holder counts the try, as if this worker had died.
            # One lane in trouble must not take the others' threads down with it.
            log.exception("batch.broke", extra={"lane": batch.claim.pk})
            connection.close()
            self._end(batch, 0)
        else:
            steps.begin(calls, partial(self._hear, batch))

    def _hear(self, batch: _Batch, answers: list[Any], failed: BaseException | None) -> None:
        batch.answers, batch.failed = answers, failed
        self._go_on(batch)

    def _end(self, batch: _Batch, events: int) -> None:
        self._weigh(batch, 0)
        with self._changed:
            self.events += events
            self.busy -= 1
            self._changed.notify_all()

    def _weigh(self, batch: _Batch, actual: int) -> None:
        """Take over what a batch weighs, where only a guess was known."""
        with self._changed:
            self.bytes += actual - batch.bytes
            batch.bytes = actual
            if self._room_is_wanted:
                self._changed.notify_all()


def _step_back(niceness: int) -> None:
    """Let other processes go before this thread, where threads have a niceness of their own.

    It ends with its thread; a process could not take its own back.
    """
    if niceness and sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
