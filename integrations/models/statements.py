"""Statements that run for every batch: planned once a connection, and several in one round trip.

Django's own cursor writes values into the text of a statement, so PostgreSQL plans it anew each
time; for the few statements that run hundreds of times a second that was most of their cost.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

Values = Sequence[Any] | Mapping[str, Any]


def run(statement: str, values: Values, *, binary: bool = False) -> psycopg.Cursor[Any]:
    """Run a statement on Django's connection, prepared; its text should never vary."""
    connection.ensure_connection()
    cursor = psycopg.Cursor(connection.connection)
    return cursor.execute(statement, values, prepare=True, binary=binary)


@contextmanager
def together() -> Iterator[None]:
    """Send what is run inside in one round trip; results are there when the block has ended.

    The first statement that fails raises, and those behind it have not been run.
    """
    connection.ensure_connection()
    with connection.connection.pipeline():
        yield
