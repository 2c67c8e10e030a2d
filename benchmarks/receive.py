"""Receive: how close the webhook endpoint comes to the database's own speed."""

from statistics import median
from typing import Any

import psutil

from benchmarks import closed, load, tools
from benchmarks.figures import shares, spread
from benchmarks.ground import Ground
from benchmarks.results import Figure
from benchmarks.watch import Watch

# wrk's place is taken by our own sender where it is missing, at a rate nothing here reaches.
NO_FLOOR = "pgbench is missing, so there is nothing to compare with"


def measure(ground: Ground, *, quick: bool) -> list[Figure]:
    """Requests a second beside pgbench, then answer times with and without the pipeline."""
    rounds, seconds = (2, 2.0) if quick else (7, 4.0)
    env = ground.console_env("http://127.0.0.1:9")
    ground.empty()
    ground.start_web(env)
    figures, reached = _ratio(ground, rounds, seconds)
    rate = reached / 2
    figures.append(_half_load(ground, rate, 4.0 if quick else 20.0))
    ground.processes.stop("web")
    figures.append(_with_pipeline(ground, 500, 5.0 if quick else 30.0))
    return figures


def _ratio(ground: Ground, rounds: int, seconds: float) -> tuple[list[Figure], float]:
    wrk, pgbench = tools.wrk(), tools.pgbench()
    if wrk is None:
        return [Figure("Receive: requests/s", "not measured: wrk is missing", "")], 1000.0
    web = closed.Web(ground, wrk)
    floor = closed.Database(ground, pgbench) if pgbench else None
    idle = 100 - psutil.cpu_percent(interval=1.0)
    web.round(seconds)
    if floor:
        ground.empty()
        floor.round(seconds)
    pairs: list[tuple[float, float]] = []
    with Watch({"web": ground.processes.pid("web"), "PostgreSQL": ground.postmaster()}) as watch:
        for _ in range(rounds):
            ground.empty()
            ours = web.round(seconds)
            stored = ground.one("SELECT count(*) FROM integrations_event")
            assert stored >= ours * seconds * 0.9, "answered with 200 but not stored"
            ground.empty()
            pairs.append((ours, floor.round(seconds) if floor else 0.0))
            print(f"  receive: web {pairs[-1][0]:.0f}/s, pgbench {pairs[-1][1]:.0f}/s", flush=True)
    return _ratio_figures(pairs, watch, idle), median(ours for ours, _ in pairs)


def _ratio_figures(pairs: list[tuple[float, float]], watch: Watch, idle: float) -> list[Figure]:
    ours = [one for one, _ in pairs]
    figures = [
        Figure(
            "Receive: requests/s, one web dyno",
            f"{median(ours):,.0f}/s ({min(ours):,.0f}–{max(ours):,.0f})",
            "",
            note=f"Before it began, {idle:.0f} % of the processors were idle; largest web process "
            f"{watch.megabytes().get('web', 0)} MB.",
        )
    ]
    if not all(floor for _, floor in pairs):
        return [*figures, Figure("Receive ÷ pgbench", NO_FLOOR, "≥ 0.40")]
    ratios = [one / floor for one, floor in pairs]
    floors = [floor for _, floor in pairs]
    figures.append(
        Figure(
            "Receive ÷ pgbench doing the same INSERT, same round",
            f"{median(ratios):.2f} (rounds: {', '.join(f'{one:.2f}' for one in ratios)})",
            "≥ 0.40",
            met=median(ratios) >= 0.40,
            note=f"pgbench: {median(floors):,.0f}/s ({min(floors):,.0f}–{max(floors):,.0f}).",
            binds="the processors: parsing HTTP, checking the signature and the thread hand-over "
            "to the writer, while pgbench spends almost nothing outside PostgreSQL",
        )
    )
    return figures


def _half_load(ground: Ground, rate: float, seconds: float) -> Figure:
    ground.empty()
    load.run(ground, rate=rate / 2, seconds=2.0)
    ground.empty()
    seen = load.run(ground, rate=rate, seconds=seconds)
    times = spread(seen.milliseconds)
    return Figure(
        f"Receive at half that load ({rate:.0f}/s, open loop): p50 / p99 / max",
        str(times),
        "",
        note=_honesty(seen),
    )


def _with_pipeline(ground: Ground, rate: float, seconds: float) -> Figure:
    ground.empty()
    url = ground.start_stand_in(delay=0.1, limits=False)
    env = ground.console_env(url)
    ground.start_web(env)
    ground.start_worker(env)
    load.run(ground, rate=100, seconds=4.0)
    work = load.Load(ground, rate=rate, seconds=seconds)
    pids = {name: ground.processes.pid(name) for name in ("web", "worker", "klaviyo")}
    with Watch({**pids, **work.pids(), "PostgreSQL": ground.postmaster()}) as watch:
        work.start()
        seen = work.finish()
    settled = ground.one("SELECT count(*) FROM integrations_event WHERE state <> 'waiting'")
    ground.processes.stop("web", "worker", "klaviyo")
    times = spread(seen.milliseconds)
    return Figure(
        f"Receive at {rate:.0f}/s while the pipeline delivers to the stand-in: p50 / p99 / max",
        str(times),
        "p99 ≤ 50 ms",
        met=times.p99 <= 50,
        note=f"{_honesty(seen)} {settled:,} events settled by the time of the last answer. "
        f"Largest process: {watch.megabytes()}.",
        binds=f"cores in use: {shares(watch.cpu_seconds(), seconds)}",
    )


def _honesty(seen: Any) -> str:
    late = spread(seen.late)
    return (
        f"{len(seen.milliseconds):,} answered with 200 of {len(seen.sent):,} sent; "
        f"the sender itself was late by {late.p99:.1f} ms at p99."
    )
