"""Fixtures that every room of the tests may use."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database, dropped at the end even if a thread or process still has it open."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for _ in range(50):
            cursor.execute(f"SELECT count(pg_terminate_backend(pid)) {_OTHERS}")
            if not cursor.fetchone()[0]:
                break
            time.sleep(0.1)
