"""Open-loop load on the web process: senders started, fed and read."""

import itertools
import os
import subprocess
import time
from collections import Counter

import msgspec

from benchmarks.ground import SECRET, Ground
from benchmarks.processes import Failed
from benchmarks.sender import Seen, Spec

# One sender makes this many a second with time to spare.
PER_SENDER = 500
_seeds = itertools.count(1000)


class Load:
    """Webhooks at a fixed rate for some seconds, each about an order of its own."""

    def __init__(self, ground: Ground, *, rate: float, seconds: float) -> None:
        self.rate, self.seconds = rate, seconds
        self._ground = ground
        self._of = max(1, -(-int(rate) // PER_SENDER))
        seed = next(_seeds)
        self._paths = []
        self._senders = []
        for part in range(self._of):
            path = ground.directory / f"load-{seed}-{part}.json"
            spec = Spec(
                port=ground.web_port,
                rate=rate,
                count=int(rate * seconds) // self._of,
                part=part,
                of=self._of,
                seed=seed,
                secret=SECRET,
                stalls=ground.stalls,
            )
            path.write_bytes(msgspec.json.encode(spec))
            self._paths.append(path)
            self._senders.append(
                ground.processes.module(
                    f"sender-{part}",
                    "sender",
                    str(path),
                    env=dict(os.environ),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
        self._await_ready()

    @property
    def count(self) -> int:
        """How many webhooks that makes."""
        return self._of * (int(self.rate * self.seconds) // self._of)

    def _await_ready(self) -> None:
        for number, sender in enumerate(self._senders):
            if sender.stdout is None or sender.stdout.readline() != "ready\n":
                words = self._ground.processes.last_words(f"sender-{number}")
                raise Failed(f"A sender did not start:\n{words}")

    def start(self) -> float:
        """Begin in a moment; returns when."""
        start = time.monotonic() + 0.2
        for sender in self._senders:
            assert sender.stdin is not None
            sender.stdin.write(f"{start}\n")
            sender.stdin.flush()
        return start

    def pids(self) -> dict[str, int]:
        """The senders, to be watched."""
        return {f"load {number}": sender.pid for number, sender in enumerate(self._senders)}

    def finish(self) -> Seen:
        """Wait for the last answer and put together what all senders saw."""
        whole, statuses = Seen(), Counter[int]()
        for number, (path, sender) in enumerate(zip(self._paths, self._senders, strict=True)):
            sender.wait(self.seconds + 60)
            seen = msgspec.json.decode(path.with_suffix(".seen").read_bytes(), type=Seen)
            self._ground.processes.stop(f"sender-{number}")
            whole.sent |= seen.sent
            whole.acknowledged |= seen.acknowledged
            whole.milliseconds += seen.milliseconds
            whole.late += seen.late
            whole.again += seen.again
            statuses.update(seen.statuses)
        whole.statuses = dict(statuses)
        return whole


def run(ground: Ground, *, rate: float, seconds: float) -> Seen:
    """Send, and wait for all answers."""
    load = Load(ground, rate=rate, seconds=seconds)
    load.start()
    return load.finish()
