"""Starting the console's processes as its Procfile does, and ending every one of them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
# The worker gives its work back in 20 s at most, and the web server drains for 25.
PATIENCE = 30.0


class Failed(Exception):
    """Something did not start or end; the message says what, and shows its last words."""


class Processes:
    """Named process trees, each in a group of its own, so that Ctrl-C reaches only us."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[str]] = {}

    def run(
        self, name: str, command: str | list[str], env: dict[str, str], **pipes: Any
    ) -> subprocess.Popen[str]:
        """Start one; a string is a line of the Procfile."""
        arguments = ["/bin/sh", "-c", f"exec {command}"] if isinstance(command, str) else command
        with (self._logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                arguments,
                cwd=ROOT,
                env=env,
                text=True,
                start_new_session=True,
                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log} | pipes,
            )
        self._running[name] = process
        return process

    def module(
        self, name: str, module: str, *arguments: str, env: dict[str, str], **pipes: Any
    ) -> subprocess.Popen[str]:
        """Start a module of this package."""
        command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
        return self.run(name, command, env, **pipes)

    def pid(self, name: str) -> int:
        """The root of a tree."""
        return self._running[name].pid

    def alive(self, name: str) -> None:
        """Raise when a process has ended by itself."""
        if self._running[name].poll() is not None:
            raise Failed(f"{name} ended by itself:\n{self.last_words(name)}")

    def last_words(self, name: str) -> str:
        """The end of a process's log."""
        path = self._logs / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def stop(self, *names: str) -> None:
        """End these, or everything: politely first, then for certain."""
        chosen = {name: self._running.pop(name) for name in names or list(self._running)}
        for process in chosen.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        for process in chosen.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                print(f"  a process did not stop within {PATIENCE:.0f} s and was ended")
            _signal_group(process, signal.SIGKILL)

    def hand_over(self, name: str, to: str) -> None:
        """Rename a running tree, so that a new one can start under its name."""
        self._running[to] = self._running.pop(name)

    def terminate_all_of(self, name: str) -> list[psutil.Process]:
        """SIGTERM to each process of a tree, as a platform does at a deploy."""
        root = psutil.Process(self.pid(name))
        tree = [root, *root.children(recursive=True)]
        for process in tree:
            try:
                process.send_signal(signal.SIGTERM)
            except psutil.NoSuchProcess:
                continue
        return tree

    def wait(self, name: str, seconds: float) -> int:
        """The exit code of a tree's root."""
        return self._running[name].wait(seconds)


def procfile() -> dict[str, str]:
    """The commands of the Procfile, so that what is measured is what is deployed."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, body: Any = None) -> Any:
    """Call one of the stand-ins' back doors."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=60) as response:
        text = response.read()
    return json.loads(text) if text else None


def wait_for(url: str, seconds: float = 30.0) -> None:
    """Until something answers there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise Failed(f"Nothing answers at {url}")


def _signal_group(process: subprocess.Popen[str], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
