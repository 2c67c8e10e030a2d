"""Bulk operations: a query that runs by itself and leaves a file behind, as Shopify does it.

Source: shopify.dev, API usage, bulk operations, and the types named BulkOperation. Decided here,
since it is not published: how long a run takes (a setting), that it reads the shop as it stands
when it starts, that the five-at-a-time limit is answered with LIMIT_REACHED, and what storage says
to a link that is no longer good.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.shopify.bulk_export import Export, export
from sandbox.shopify.bulk_links import signed
from sandbox.shopify.bulk_rules import Refused, check
from sandbox.shopify.notices import bulk_finished
from sandbox.shopify.store import Store

# Since API version 2026-01; it was one before.
AT_ONCE = 5
KEPT = 7 * 24 * 3600.0
FIRST_ID = 5_500_000_000_001
RUNNING = {"CREATED", "RUNNING", "CANCELING"}
# How long a question waits for a file that is late by the clock; a large one stays RUNNING.
PATIENCE = 2.0


@dataclass
class BulkScript:
    """How the runs of a stand-in go, and what goes wrong with them."""

    seconds: float = 1.0
    # Whether `bulk_operations/finish` is sent; Shopify does not promise it.
    tells: bool = True
    # Runs of other programs that hold a place.
    others: int = 0
    # What becomes of the next submissions: LIMIT_REACHED or OPERATION_IN_PROGRESS.
    refuse: list[str] = field(default_factory=list)
    # What becomes of the next runs: an error code, or CANCELED for one that Shopify gave up.
    fail: list[str] = field(default_factory=list)
    # What becomes of the next downloads: cut (the file ends early), drop (the connection
    # breaks in the middle), html, refuse (the link is no longer good).
    downloads: list[str] = field(default_factory=list)
    ranges: bool = True

    def load(self, settings: dict[str, Any]) -> None:
        """Take what a script names."""
        for name, value in settings.items():
            if name not in self.__dataclass_fields__:
                raise ValueError(f"bulk operations have no setting {name}")
            setattr(self, name, value)


@dataclass
class Run:
    """One bulk operation."""

    id: int
    query: str
    created: float
    due: float
    file: Path
    status: str = "CREATED"
    error: str | None = None
    ended: float | None = None
    fate: str = ""
    export: Export = field(default_factory=Export)
    worker: threading.Thread | None = None

    @property
    def gid(self) -> str:
        """Its global id."""
        return f"gid://shopify/BulkOperation/{self.id}"

    @property
    def is_partial(self) -> bool:
        """Whether it ended early with something in its file."""
        return self.status in {"FAILED", "CANCELED"} and bool(self.export.roots)


class Bulk:
    """The bulk operations of one shop."""

    def __init__(self, store: Store, script: BulkScript, *, address: Callable[[], str]) -> None:
        self.store, self.script, self._address = store, script, address
        self.runs: dict[int, Run] = {}
        self._ids = itertools.count(FIRST_ID)
        self._folder: Path | None = None
        self._lock = threading.RLock()

    def submit(self, schema: Any, query: str) -> Run:
        """Begin a run. Raises Refused; the code is its second argument."""
        if self.script.refuse:
            raise Refused(*_busy(self.script.refuse.pop(0)))
        root = check(schema, query)
        now = self.store.present()
        self.advance(now)
        if self.running() + self.script.others >= AT_ONCE:
            raise Refused(*_busy("LIMIT_REACHED"))
        number = next(self._ids)
        file = self._files() / f"{number}.jsonl"
        run = Run(number, query, now, now + self.script.seconds, file)
        run.fate = self.script.fail.pop(0) if self.script.fail else ""
        self.runs[number] = run
        run.worker = threading.Thread(
            target=export, args=(self.store, schema, root, run.file, run.export), daemon=True
        )
        run.worker.start()
        return run

    def _files(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="bulk-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def running(self) -> int:
        """How many runs hold a place."""
        return sum(run.status in RUNNING for run in self.runs.values())

    def find(self, gid: str) -> Run | None:
        """A run by its global id, as it stands now."""
        number = gid.rpartition("/")[2]
        self.advance(self.store.present())
        return self.runs.get(int(number)) if number.isdigit() else None

    def link(self, run: Run) -> str:
        """Where its file can be fetched, by whoever has the link, for seven days."""
        path = f"/bulk-operation-outputs/{self.store.domain}/{run.id}.jsonl"
        return self._address() + signed(path, int((run.ended or 0) + KEPT))

    def cancel(self, run: Run) -> None:
        """Begin to stop a run; it is stopped at the next look."""
        run.export.stop.set()
        run.status = "CANCELING"

    def wait(self, now: float) -> None:
        """Wait a little for files that are late by the clock; without the shop's lock."""
        for run in list(self.runs.values()):
            if run.status in RUNNING and now >= run.due and run.worker:
                run.worker.join(PATIENCE)

    def advance(self, now: float) -> None:
        """Let time pass for every run."""
        with self._lock:
            for run in self.runs.values():
                self._advance(run, now)

    def _advance(self, run: Run, now: float) -> None:
        if run.status == "CANCELING":
            self._end(run, "CANCELED", now)
        elif run.status in RUNNING:
            run.status = "RUNNING"
            if now >= run.due and run.worker and not run.worker.is_alive():
                self._finish(run, now)
        elif run.status == "COMPLETED" and now >= (run.ended or now) + KEPT:
            run.status = "EXPIRED"

    def _finish(self, run: Run, now: float) -> None:
        error = run.export.error or ("" if run.fate == "CANCELED" else run.fate)
        if error:
            run.error = error
            self._end(run, "FAILED", now)
        else:
            self._end(run, run.fate or "COMPLETED", now)

    def _end(self, run: Run, status: str, now: float) -> None:
        run.status, run.ended = status, now
        if status != "COMPLETED" and run.export.roots:
            run.export.halve(run.file)
        if self.script.tells:
            self.store.emit(bulk_finished(self.store, run))

    def forget(self) -> None:
        """Drop all runs."""
        with self._lock:
            for run in self.runs.values():
                run.export.stop.set()
            self.runs.clear()


def _busy(code: str) -> tuple[str, str]:
    words = {
        "LIMIT_REACHED": "Bulk operations limit reached. Please try again later.",
        "OPERATION_IN_PROGRESS": "A bulk query operation for this app and shop is already in progress.",  # noqa: E501
    }
    return words[code], code
