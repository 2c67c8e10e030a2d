"""Writing many webhooks with one commit: requests that arrive together share it.

Each request still waits for the commit that holds its own row, so a 200 means what it says.
"""

import logging
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
    """A row, and the request that waits for it: until it is written, or is its turn to write."""

    __slots__ = ("_woken", "error", "is_done", "leads", "row")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.error: Exception | None = None
        self.is_done = self.leads = False
        self._woken = threading.Lock()
        self._woken.acquire()

    def finish(self, error: Exception | None = None) -> None:
        self.error, self.is_done = error, True
        self._wake()

    def lead(self) -> None:
        self.leads = True
        self._wake()

    def _wake(self) -> None:
        # It is open already for whoever gave up in the moment of being made leader: nobody waits.
        if self._woken.locked():
            self._woken.release()

    def wait(self) -> bool:
        return self._woken.acquire(timeout=PATIENCE)


class Writer:
    """One connection per process, and whoever comes first writes for all who came with them."""

    def __init__(self) -> None:
        self._waiting: deque[_Ticket] = deque()
        self._guard = threading.Lock()
        self._is_led = False
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def keep(self, row: Row) -> bool:
        """Write a row and return once it is committed. Raises Unwritten or StoreGone."""
        ticket = _Ticket(row)
        with self._guard:
            self._waiting.append(ticket)
            ticket.leads, self._is_led = not self._is_led, True
        if not ticket.leads and not ticket.wait() and self._gives_up(ticket):
            raise Unwritten("The database did not answer in time.")
        if ticket.leads:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        return True

    def _gives_up(self, ticket: _Ticket) -> bool:
        """Step out of the queue, unless it was written or made leader in this very moment."""
        with self._guard:
            if ticket in self._waiting and not ticket.leads:
                self._waiting.remove(ticket)
            return not (ticket.leads or ticket.is_done)

    def _lead(self) -> None:
        """Write what waits, one's own row first, and hand on to whoever came meanwhile."""
        with self._guard:
            most = min(MOST_ROWS, len(self._waiting))
            tickets = [self._waiting.popleft() for _ in range(most)]
        try:
            self._write_together(tickets)
        finally:
            with self._guard:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].lead()

    def _write_together(self, tickets: list[_Ticket]) -> None:
        try:
            self._write([ticket.row for ticket in tickets])
        except psycopg.Error as exc:
            if isinstance(exc, psycopg.OperationalError) or len(tickets) == 1:
                # The database is away or too slow, or this very row is the trouble.
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
            except psycopg.errors.QueryCanceled:
                raise
            except psycopg.OperationalError:
                self.close()
            else:
                return
        self._connection = _connect()
        try:
            self._insert(self._connection, rows)
        except psycopg.OperationalError:
            self.close()
            raise

    @staticmethod
    def _insert(database: psycopg.Connection[tuple[object, ...]], rows: Sequence[Row]) -> None:
        with database.cursor() as cursor:
            intake.insert_many(cursor, rows)

    def close(self) -> None:
        """Let go of the connection; the next row opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _connect() -> psycopg.Connection[tuple[object, ...]]:
    wrapper = connections["default"]
    wanted = wrapper.get_connection_params()
    keep = {"host", "port", "user", "password", "dbname", "options", "connect_timeout", "sslmode"}
    chosen = {name: value for name, value in wanted.items() if name in keep}
    # Nobody waits for longer, so PostgreSQL need not try for longer either.
    chosen["options"] += f" -c statement_timeout={int(PATIENCE * 1000)}"
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
