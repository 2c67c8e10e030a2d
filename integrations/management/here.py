"""Reading and sending in this process, for whoever has no worker running."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from django.db import connection

from integrations.pipeline import backfill, drains, jobs

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
# Between two looks when nothing was due.
PAUSE = 0.5


class Here:
    """Threads beside the command: they read windows, send what is landed, and what is live.

    Like any worker they take whatever is due, of whichever store; leaving them loses nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._again, args=(verb,), name=verb.__name__, daemon=True)
            for verb in (self._read, self._send, self._send_live)
        ]

    def __enter__(self) -> "Here":
        """Begin."""
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Finish the page and the batch in hand, and end."""
        self._over.set()
        for one in self._threads:
            one.join()

    def _read(self) -> None:
        backfill.read(clock=self._clock, stopping=self._over.is_set)

    def _send(self) -> None:
        drains.drain(of=drains.PAST, clock=self._clock, stopping=self._over.is_set)
        jobs.follow_due(clock=self._clock, stopping=self._over.is_set)

    def _send_live(self) -> None:
        drains.drain(clock=self._clock, stopping=self._over.is_set)

    def _again(self, verb: Callable[[], None]) -> None:
        try:
            while not self._over.is_set():
                try:
                    verb()
                except Exception:
                    # As a worker's task: the rows say what is left, and the next round takes it.
                    log.exception("backfill.here_broke")
                    connection.close()
                self._over.wait(PAUSE)
        finally:
            connection.close()
