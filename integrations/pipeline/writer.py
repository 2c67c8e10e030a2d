"""Writing many webhooks with one commit: requests that arrive together share it.

Each request still waits for the commit that holds its own row, so a 200 means what it says.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg
from django.db import DatabaseError, connection, connections

from . import intake
from .intake import Row

log = logging.getLogger(__name__)

# More would make the first of them wait for the last; a commit costs about as much as ten rows.
MOST_ROWS = 64
# Beyond this the sender has given up: Shopify waits five seconds.
PATIENCE = 4.5


class Unwritten(Exception):
    """The row is not in the database, and may be sent again."""


class StoreGone(Exception):
    """The store was deleted between the look-up and the insert."""


class _Ticket:
    """A row, and the request that waits for it."""

    __slots__ = ("_done", "error", "row")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.error: Exception | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def finish(self, error: Exception | None = None) -> None:
        self.error = error
        self._done.release()

    def wait(self) -> None:
        if not self._done.acquire(timeout=PATIENCE):
            raise Unwritten("The database did not answer in time.")
        if self.error is not None:
            raise self.error


class Writer:
    """One thread and one connection per process that write for all its requests."""

    def __init__(self) -> None:
        self._waiting: deque[_Ticket] = deque()
        self._some = threading.Semaphore(0)
        self._start = threading.Lock()
        self._pid = 0
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def keep(self, row: Row) -> bool:
        """Write a row and return once it is committed. Raises Unwritten or StoreGone."""
        if self._pid != os.getpid():
            self._begin()
        ticket = _Ticket(row)
        self._waiting.append(ticket)
        self._some.release()
        ticket.wait()
        return True

    def _begin(self) -> None:
        """Start the thread, in this process and not in the one that forked it."""
        with self._start:
            if self._pid != os.getpid():
                self._connection = None
                threading.Thread(target=self._run, name="webhook-writer", daemon=True).start()
                self._pid = os.getpid()

    def _run(self) -> None:
        while True:
            self._some.acquire()
            tickets = [self._waiting.popleft()]
            while len(tickets) < MOST_ROWS and self._some.acquire(blocking=False):
                tickets.append(self._waiting.popleft())
            self._write_together(tickets)

    def _write_together(self, tickets: list[_Ticket]) -> None:
        try:
            self._write([ticket.row for ticket in tickets])
        except psycopg.Error as exc:
            if self._connection is None or len(tickets) == 1:
                # The connection is gone, or this very row is the trouble.
                for ticket in tickets:
                    ticket.finish(_meaning(exc))
            else:
                for ticket in tickets:
                    self._write_together([ticket])
            return
        for ticket in tickets:
            ticket.finish()
        _nudge()

    def _write(self, rows: Sequence[Row]) -> None:
        """Insert and commit; a connection that broke since the last time is renewed once."""
        if self._connection is not None:
            try:
                self._insert(self._connection, rows)
            except psycopg.OperationalError:
                self._drop()
            else:
                return
        self._connection = _connect()
        try:
            self._insert(self._connection, rows)
        except psycopg.OperationalError:
            self._drop()
            raise

    @staticmethod
    def _insert(database: psycopg.Connection[tuple[object, ...]], rows: Sequence[Row]) -> None:
        with database.cursor() as cursor:
            intake.insert_many(cursor, rows)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _connect() -> psycopg.Connection[tuple[object, ...]]:
    wrapper = connections["default"]
    wanted = wrapper.get_connection_params()
    keep = {"host", "port", "user", "password", "dbname", "options", "connect_timeout", "sslmode"}
    chosen = {name: value for name, value in wanted.items() if name in keep}
    return psycopg.connect(**chosen, autocommit=True)


def _meaning(exc: psycopg.Error) -> Exception:
    if isinstance(exc, psycopg.errors.ForeignKeyViolation):
        return StoreGone()
    return Unwritten(str(exc))


def _nudge() -> None:
    try:
        intake.nudge(now=datetime.now(UTC))
    except DatabaseError:
        # The rows are safe; the sweep finds what no nudge announced.
        log.warning("intake.nudge_failed")
        connection.close()
