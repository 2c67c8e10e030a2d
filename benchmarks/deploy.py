"""Deploy: SIGTERM to every process under load, new ones at once; what is lost, what is late."""

import subprocess
import threading
import time
from collections import Counter
from itertools import pairwise

import msgspec
import psutil

from benchmarks import load
from benchmarks.figures import spread
from benchmarks.ground import Ground
from benchmarks.latency import DELAY, arrived
from benchmarks.processes import fetch
from benchmarks.results import Figure

RATE = 100.0


class Ended(msgspec.Struct):
    """How an old process ended."""

    seconds: float
    code: int | None


def measure(ground: Ground, *, quick: bool) -> list[Figure]:
    """Deploy in the middle of a stretch of webhooks, several times."""
    times, seconds = (1, 10.0) if quick else (5, 20.0)
    ground.empty()
    url = ground.start_sink(delay=DELAY)
    env = ground.console_env(url)
    ground.start_web(env)
    ground.start_worker(env)
    load.run(ground, rate=50, seconds=3.0)
    arrived(url, 150)
    runs = [_once(ground, url, env, seconds) for _ in range(times)]
    ground.processes.stop()
    return [_figure(runs)]


class Run(msgspec.Struct):
    """One deploy."""

    sent: int
    refused: int
    again: int
    lost: int
    doubled: int
    gap: float
    slowest: float
    worker: Ended
    web: Ended


def _once(ground: Ground, url: str, env: dict[str, str], seconds: float) -> Run:
    work = load.Load(ground, rate=RATE, seconds=seconds)
    fetch(f"{url}/forget", {})
    start = work.start()
    time.sleep(max(0.0, start + seconds / 2 - time.monotonic()))
    ended = _replace(ground, env)
    seen = work.finish()
    rows, _ = arrived(url, len(seen.sent))
    for name in ("worker", "web"):
        ground.processes.alive(name)
    answers = sorted(at for _, at in rows)
    counted = Counter(order for order, _ in rows)
    first = dict(reversed(rows))
    run = Run(
        sent=len(seen.sent),
        refused=len(seen.sent) - len(seen.acknowledged),
        again=seen.again,
        lost=len(seen.acknowledged.keys() - counted.keys()),
        doubled=sum(n - 1 for n in counted.values()),
        gap=max((b - a for a, b in pairwise(answers)), default=float("inf")),
        slowest=spread(
            [(first[o] - at) * 1000 for o, at in seen.sent.items() if o in first]
        ).longest,
        worker=ended["worker"],
        web=ended["web"],
    )
    print(f"  deploy: gap {run.gap:.2f} s, lost {run.lost}, doubled {run.doubled}", flush=True)
    return run


def _replace(ground: Ground, env: dict[str, str]) -> dict[str, Ended]:
    """SIGTERM to all, new ones at once; returns how the old ones ended."""
    ended: dict[str, Ended] = {}
    watchers = []
    for name in ("worker", "web"):
        tree = ground.processes.terminate_all_of(name)
        ground.processes.hand_over(name, f"old {name}")
        watcher = threading.Thread(target=_see_it_end, args=(ground, name, tree, ended))
        watcher.start()
        watchers.append(watcher)
    ground.start_worker(env)
    ground.start_web(env)
    for watcher in watchers:
        watcher.join()
    ground.processes.stop("old worker", "old web")
    return ended


def _see_it_end(
    ground: Ground, name: str, tree: list[psutil.Process], ended: dict[str, Ended]
) -> None:
    began = time.monotonic()
    try:
        code = ground.processes.wait(f"old {name}", 40.0)
    except subprocess.TimeoutExpired:
        code = None  # it hangs, and that is the finding
    psutil.wait_procs(tree[1:], timeout=1.0)
    ended[name] = Ended(time.monotonic() - began, code)


def _figure(runs: list[Run]) -> Figure:
    lost, doubled = sum(one.lost for one in runs), sum(one.doubled for one in runs)
    gap = max(one.gap for one in runs)
    clean = all(one.worker.code == 0 and one.web.code == 0 for one in runs)
    return Figure(
        f"Deploy under {RATE:.0f}/s, {len(runs)} times: longest gap in delivery",
        f"{gap:.2f} s (each: {', '.join(f'{one.gap:.2f}' for one in runs)}); "
        f"lost {lost}, doubled {doubled}",
        "≤ 1.5 s, nothing lost, nothing doubled",
        met=gap <= 1.5 and not lost and not doubled and clean,
        note="Worker ended after "
        + ", ".join(f"{one.worker.seconds:.1f} s (code {one.worker.code})" for one in runs)
        + "; web after "
        + ", ".join(f"{one.web.seconds:.1f} s (code {one.web.code})" for one in runs)
        + f". Sent again because a connection was closed: {sum(one.again for one in runs)} of "
        f"{sum(one.sent for one in runs):,}; never acknowledged: "
        f"{sum(one.refused for one in runs)}. Slowest delivery "
        f"{max(one.slowest for one in runs):.0f} ms.",
        binds="the start of Python and Django in the new worker",
    )
