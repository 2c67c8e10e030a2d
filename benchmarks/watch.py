"""What each process took while something ran: peak memory and processor time."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil

EVERY = 0.25


class Watch:
    """Looks at named process trees a few times a second."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peaks: dict[str, dict[int, float]] = defaultdict(dict)
        self._began: dict[tuple[int, float], float] = {}
        self._cpu: dict[str, dict[tuple[int, float], float]] = defaultdict(dict)

    def __enter__(self) -> Self:
        for name, pid in self._roots.items():
            for process in _tree(pid):
                self._look(name, process)
        self._began = {key: cpu for group in self._cpu.values() for key, cpu in group.items()}
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        self._round()

    def add(self, name: str, pid: int) -> None:
        """Watch one more tree."""
        self._roots[name] = pid

    def megabytes(self) -> dict[str, float]:
        """The largest process of each tree."""
        return {name: round(max(of.values())) for name, of in self.peaks.items() if of}

    def cpu_seconds(self) -> dict[str, float]:
        """What each tree spent since the watch began."""
        return {
            name: round(sum(cpu - self._began.get(key, 0.0) for key, cpu in of.items()), 2)
            for name, of in self._cpu.items()
        }

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self._round()

    def _round(self) -> None:
        for name, pid in list(self._roots.items()):
            for process in _tree(pid):
                self._look(name, process)

    def _look(self, name: str, process: psutil.Process) -> None:
        try:
            times = process.cpu_times()
            key = (process.pid, process.create_time())
            self._cpu[name][key] = times.user + times.system
            self.peaks[name][process.pid] = _peak(process)
        except (psutil.Error, OSError):
            return


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _peak(process: psutil.Process) -> float:
    """The most memory a process ever held, in MB, as far as the system tells."""
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1000
    return process.memory_info().rss / 1_000_000
