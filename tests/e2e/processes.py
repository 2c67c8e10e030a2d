"""Starting the Procfile's processes for a test, and ending them in rude ways."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait for something to become true, or fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.1)
    raise AssertionError(f"after {seconds} s still not so: {what}")


def _tests_own() -> str:
    chosen = connection.settings_dict
    host = chosen["OPTIONS"].get("host") or chosen["HOST"]
    return f"postgres://postgres@/{chosen['NAME']}?host={host}"


class Console:
    """Web and worker as the Procfile starts them, on the test's database."""

    def __init__(self, logs: Path, *, klaviyo_url: str, secret: str, database: str = "") -> None:
        self.port = free_port()
        self.logs = logs
        self.web: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self.env = os.environ | {
            "DATABASE_URL": database or _tests_own(),
            "SECRET_KEY": "for-tests-" + "k" * 50,
            "FIELD_ENCRYPTION_KEYS": "b25seS1mb3ItZGV2ZWxvcG1lbnQtb25seS1mb3ItZGU=",
            "SHOPIFY_APP_SECRETS": secret,
            "KLAVIYO_API_URL": klaviyo_url,
            "DEBUG": "1",
            "HTTPS": "off",
            "LOG_LEVEL": "INFO",
            "PORT": str(self.port),
            "BIND": "127.0.0.1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_web(self) -> None:
        self.web = self._start("web")
        wait_until(self._answers, seconds=30, what="the web process answers")

    def start_worker(self, *options: str) -> None:
        self.worker = self._start("worker", *options)

    def _start(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        lines = (ROOT / "Procfile").read_text().splitlines()
        command = next(line.split(": ", 1)[1] for line in lines if line.startswith(f"{name}: "))
        with (self.logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command} {' '.join(options)}"],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def worker_processes(self) -> list[psutil.Process]:
        """The children of the worker's parent process, oldest first."""
        assert self.worker is not None
        found = psutil.Process(self.worker.pid).children(recursive=True)
        return sorted(found, key=lambda process: process.pid)

    def web_processes(self) -> list[psutil.Process]:
        assert self.web is not None
        return psutil.Process(self.web.pid).children()

    def kill_worker_tree(self) -> None:
        """What a lost machine does: everything is gone at once."""
        assert self.worker is not None
        for process in self.worker_processes():
            process.kill()
        self.worker.kill()
        self.worker.wait()

    def stop_worker(self) -> tuple[int, float]:
        """What a deploy does: SIGTERM to every process. Returns exit code and seconds."""
        assert self.worker is not None
        started = time.monotonic()
        os.killpg(self.worker.pid, signal.SIGTERM)
        code = self.worker.wait(timeout=30)
        return code, time.monotonic() - started

    def end(self) -> None:
        for process in (self.web, self.worker):
            if process is not None:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                process.wait()
