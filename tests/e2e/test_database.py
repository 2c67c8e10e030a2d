"""PostgreSQL itself goes away under load: what was promised stays promised."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sandbox.klaviyo import Klaviyo
from syncconsole import embedded
from tests import factories
from tests.e2e.processes import ROOT, Console, wait_until
from tests.e2e.test_processes import Shop, klaviyo, placed

__all__ = ["klaviyo"]
pytestmark = pytest.mark.e2e

# Makes what the tests' factories would, in a database that is not the tests' own.
PREPARE = """
from tests import factories
store = factories.a_store(token="")
print(store.public_id, store.domain)
"""


class Place:
    """Where a store lives, for whoever only sends to it."""

    def __init__(self, public_id: str, domain: str) -> None:
        self.public_id, self.domain = public_id, domain


class Database:
    """A PostgreSQL of this test alone, which can be made to fall over."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.url = embedded.url(data)

    @property
    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def fall_over(self) -> None:
        """End at once and without a checkpoint, as when the machine is gone, and come back."""
        pid = self.pid
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: not alive(pid), seconds=20, what="PostgreSQL is gone")

    def come_back(self) -> None:
        embedded.start_again(self.data)

    def one(self, statement: str) -> Any:
        with psycopg.connect(self.url.replace("postgres://", "postgresql://")) as connection:
            row = connection.execute(statement).fetchone()
            assert row is not None
            return row[0]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    # The embedded server has a user of its own when we are root, who must get through to it.
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    made = Database(tmp_path / "pg")
    yield made
    embedded.stop(made.data)


@pytest.fixture
def console(database: Database, tmp_path: Path, klaviyo: Klaviyo) -> Iterator[Console]:
    running = Console(
        tmp_path, klaviyo_url=klaviyo.url, secret=factories.SECRET, database=database.url
    )
    yield running
    running.end()


def managed(console: Console, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=console.env,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def test_a_database_that_falls_over_under_load_loses_nothing_and_counts_nothing_twice(
    console,
    database,
    klaviyo,
):
    managed(console, "migrate", "-v", "0")
    store = Place(*managed(console, "shell", "-v", "0", "-c", PREPARE).split())
    klaviyo.script.delay = 0.05
    console.start_web()
    console.start_worker()
    shop = Shop(console, store, rate=60)
    shop.open()
    wait_until(lambda: len(placed(klaviyo)) > 50, seconds=40, what="orders arrive at Klaviyo")

    for _ in range(2):
        database.fall_over()
        time.sleep(1.5)
        database.come_back()
        before = len(placed(klaviyo))
        # What was in hand is free again when its lease of 30 s has run out; new news goes at once
        # where the lane is free, and the worker process may have to be born again.
        wait_until(
            lambda before=before: len(placed(klaviyo)) > before + 30,
            seconds=90,
            what="orders arrive again",
        )
    shop.close()
    waiting = "SELECT count(*) FROM integrations_event WHERE state = 'waiting'"
    wait_until(lambda: database.one(waiting) == 0, seconds=100, what="every event has ended")

    # What was in hand is sent once more, under the same ids, and Klaviyo counts it once.
    arrived = placed(klaviyo)
    assert len(arrived) == len(set(arrived))
    assert set(arrived) == shop.accepted
    assert set(shop.refused) <= {503}
