"""The pipeline: events a second from the inbox to the ledger."""

import json
import os
import subprocess
import time
from statistics import median

import msgspec
import psutil

from benchmarks import backlog, shops
from benchmarks.figures import shares
from benchmarks.ground import Ground
from benchmarks.processes import Failed
from benchmarks.results import Figure
from benchmarks.watch import Watch

WORKER_CORE = 0
LONGEST = 1800.0


class Drained(msgspec.Struct):
    """One backlog, worked off."""

    events: int
    seconds: float
    cpu: float
    told: int
    megabytes: float
    others: dict[str, float]
    states: dict[str, int]

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def measure(ground: Ground, *, quick: bool) -> list[Figure]:
    """Two mixes against two stand-ins on one core, then a large backlog as deployed."""
    events, times, many = (6_000, 1, 10_000) if quick else (40_000, 3, 100_000)
    figures = []
    for mix, lives in (("a shop's life", shops.life), ("orders/create only", shops.orders)):
        for target in ("sink", "stand-in"):
            figures += _pinned(ground, mix, lives, target, events, times)
    figures.append(_as_deployed(ground, many))
    return figures


def _pinned(
    ground: Ground, mix: str, lives: backlog.Lives, target: str, events: int, times: int
) -> list[Figure]:
    runs, said = [], None
    for number in range(times):
        ground.empty()
        url = ground.start_sink() if target == "sink" else ground.start_stand_in()
        said = backlog.fill(ground, lives, events, seed=100 + number)
        runs.append(_drain(ground, url))
        ground.processes.stop("klaviyo")
        print(f"  pipeline: {mix}, {target}: {runs[-1].rate:,.0f}/s", flush=True)
    rates = [one.rate for one in runs]
    per_cpu = median(one.events / one.cpu for one in runs)
    told = median(one.told / one.seconds for one in runs)
    last = runs[-1]
    spread = f" ({min(rates):,.0f}–{max(rates):,.0f})" if times > 1 else ""
    return [
        Figure(
            f"Pipeline on one core, {mix}, to the {target}",
            f"{median(rates):,.0f} events/s{spread}; {per_cpu:,.0f} events per CPU second; "
            f"{told:,.0f} operations/s sent",
            "≥ 5,000 events/s",
            met=median(rates) >= 5000,
            note=f"{last.events:,} events, {said}. They ended {last.states}. "
            f"Largest {max(one.megabytes for one in runs):.0f} MB.",
            binds=f"cores in use: worker {last.cpu / last.seconds:.2f}, "
            f"{shares(last.others, last.seconds)}",
        )
    ]


def _drain(ground: Ground, url: str) -> Drained:
    others = {"PostgreSQL": ground.postmaster(), "far end": ground.processes.pid("klaviyo")}
    core = _keep_off(list(others.values()))
    arguments = [] if core is None else ["--core", str(core)]
    with Watch(others) as watch:
        process = ground.processes.module(
            "drainer", "drainer", *arguments, env=ground.console_env(url), stdout=subprocess.PIPE
        )
        out, _ = process.communicate(timeout=LONGEST)
    if process.returncode:
        raise Failed(f"The drain failed:\n{ground.processes.last_words('drainer')}")
    ground.processes.stop("drainer")
    _everywhere(list(others.values()))
    took = json.loads(out.strip().splitlines()[-1])
    ended, last = ground.query(
        "SELECT count(*), extract(epoch FROM max(settled_at)) FROM integrations_event "
        "WHERE state <> 'waiting'"
    )[0]
    return Drained(
        events=ended,
        seconds=float(last) - took["began"],
        cpu=took["cpu"],
        told=ground.one("SELECT coalesce(sum(items), 0) FROM integrations_call"),
        megabytes=took["megabytes"],
        others=watch.cpu_seconds(),
        states=dict(ground.query("SELECT state, count(*) FROM integrations_event GROUP BY state")),
    )


def _keep_off(roots: list[int]) -> int | None:
    """Leave one core to the worker; None where the system cannot, or has only one."""
    if not hasattr(os, "sched_setaffinity") or psutil.cpu_count() == 1:
        return None
    rest = [core for core in range(psutil.cpu_count() or 1) if core != WORKER_CORE]
    _pin(roots, rest)
    return WORKER_CORE


def _everywhere(roots: list[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        _pin(roots, list(range(psutil.cpu_count() or 1)))


def _pin(roots: list[int], cores: list[int]) -> None:
    for root in roots:
        tree = psutil.Process(root)
        for process in [tree, *tree.children(recursive=True)]:
            try:
                for thread in process.threads():
                    os.sched_setaffinity(thread.id, cores)
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue


def _as_deployed(ground: Ground, events: int) -> Figure:
    ground.empty()
    url = ground.start_sink()
    said = backlog.fill(ground, shops.life, events, seed=900)
    env = ground.console_env(url)
    began = time.time()
    ground.start_worker(env)
    roots = {name: ground.processes.pid(name) for name in ("worker", "klaviyo")}
    with Watch({**roots, "PostgreSQL": ground.postmaster()}) as watch:
        _until_settled(ground)
    ended, last = ground.query(
        "SELECT count(*), extract(epoch FROM max(settled_at)) FROM integrations_event "
        "WHERE state <> 'waiting'"
    )[0]
    ground.processes.stop("worker", "klaviyo")
    seconds = float(last) - began
    memory = watch.megabytes()
    return Figure(
        f"{said.events:,} waiting events, worker as deployed (start included), to the sink",
        f"{seconds:.1f} s ({ended / seconds:,.0f} events/s); largest worker process "
        f"{memory['worker']} MB",
        "≤ 200 MB a process",
        met=memory["worker"] <= 200,
        note=f"{said}.",
        binds=f"cores in use: {shares(watch.cpu_seconds(), seconds)}",
    )


def _until_settled(ground: Ground) -> None:
    deadline = time.monotonic() + LONGEST
    waiting = (
        "SELECT EXISTS (SELECT 1 FROM integrations_event WHERE state = 'waiting' AND failures = 0)"
    )
    while ground.one(waiting):
        ground.processes.alive("worker")
        if time.monotonic() > deadline:
            raise Failed("The backlog was not worked off in time.")
        time.sleep(0.25)
