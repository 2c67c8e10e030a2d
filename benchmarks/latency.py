"""Latency: from the moment a webhook's bytes are sent to Klaviyo's 202 for what they said."""

import time
from collections import Counter

import msgspec

from benchmarks import load
from benchmarks.figures import Spread, shares, spread
from benchmarks.ground import Ground
from benchmarks.processes import fetch
from benchmarks.results import Figure
from benchmarks.watch import Watch

# Klaviyo's own time in these measurements.
DELAY = 0.1
# Longer than a lease and a sweep together, so that what is late is not called lost.
SETTLE = 100.0
# Targets at a rate: p50, p99.
TARGETS: dict[float, tuple[float | None, float]] = {100: (115, 220), 500: (None, 350)}


class Journey(msgspec.Struct):
    """What became of one stretch of webhooks."""

    sent: int
    arrived: int
    doubled: int
    delivered: Spread
    acknowledged: Spread
    late: Spread
    requests: int
    cpu: str
    megabytes: dict[str, float]


def measure(ground: Ground, *, quick: bool) -> list[Figure]:
    """Three rates against the sink, and one with Klaviyo's real limits."""
    stretches = (
        [(20.0, 5.0), (100.0, 5.0), (500.0, 6.0)]
        if quick
        else [(20.0, 30.0), (100.0, 30.0), (500.0, 60.0)]
    )
    ground.empty()
    url = ground.start_sink(delay=DELAY)
    _open(ground, url)
    figures = []
    for rate, seconds in stretches:
        figures += _figures(rate, seconds, travel(ground, url, rate=rate, seconds=seconds))
    ground.processes.stop()
    figures.append(_with_limits(ground, 20.0, 10.0 if quick else 60.0))
    return figures


def travel(ground: Ground, url: str, *, rate: float, seconds: float) -> Journey:
    """Send at a rate, wait for the last to arrive, and compare both ends."""
    work = load.Load(ground, rate=rate, seconds=seconds)
    fetch(f"{url}/forget", {})
    roots = {name: ground.processes.pid(name) for name in ("web", "worker", "klaviyo")}
    with Watch({**roots, **work.pids(), "PostgreSQL": ground.postmaster()}) as watch:
        began = time.monotonic()
        work.start()
        seen = work.finish()
        took = time.monotonic() - began
    rows, requests = arrived(url, len(seen.sent))
    times: dict[str, float] = {}
    for order, at in rows:
        times.setdefault(order, at)
    counted = Counter(order for order, _ in rows)
    return Journey(
        sent=len(seen.sent),
        arrived=len(times.keys() & seen.sent.keys()),
        doubled=sum(times_ - 1 for times_ in counted.values()),
        delivered=spread([(times[o] - at) * 1000 for o, at in seen.sent.items() if o in times]),
        acknowledged=spread(seen.milliseconds),
        late=spread(seen.late),
        requests=requests,
        cpu=shares(watch.cpu_seconds(), took),
        megabytes=watch.megabytes(),
    )


def arrived(url: str, expected: int) -> tuple[list[tuple[str, float]], int]:
    """What the far end has answered, once it has everything or nothing more comes."""
    deadline = time.monotonic() + SETTLE
    while True:
        told = fetch(f"{url}/answered")
        if len({order for order, _ in told["rows"]}) >= expected or time.monotonic() > deadline:
            return [(order, at) for order, at in told["rows"]], told["requests"]
        time.sleep(0.5)


def _open(ground: Ground, url: str) -> None:
    env = ground.console_env(url)
    ground.start_web(env)
    ground.start_worker(env)
    load.run(ground, rate=50, seconds=3.0)
    arrived(url, 150)


def _figures(rate: float, seconds: float, one: Journey) -> list[Figure]:
    middle, most = TARGETS.get(rate, (None, None))
    target = ""
    met = None
    if most is not None:
        target = f"p50 ≤ {middle:.0f} ms, p99 ≤ {most:.0f} ms" if middle else f"p99 ≤ {most:.0f} ms"
        target += ", all delivered"
        met = (
            one.delivered.p99 <= most
            and (middle is None or one.delivered.p50 <= middle)
            and one.arrived == one.sent
        )
    print(f"  latency: {rate:.0f}/s: {one.delivered}, {one.arrived} of {one.sent}", flush=True)
    return [
        Figure(
            f"Webhook to Klaviyo's 202 at {rate:.0f}/s for {seconds:.0f} s: p50 / p99 / max",
            f"{one.delivered}; {one.arrived:,} of {one.sent:,} delivered",
            target,
            met=met,
            note=f"Of this, {DELAY * 1000:.0f} ms are the stand-in's. Told twice: {one.doubled}. "
            f"Acknowledged {one.acknowledged}. {one.requests:,} requests. The sender itself was "
            f"late by {one.late.p99:.1f} ms at p99. Largest process in MB: {one.megabytes}.",
            binds=f"cores in use: {one.cpu}",
        ),
    ]


def _with_limits(ground: Ground, rate: float, seconds: float) -> Figure:
    ground.empty()
    url = ground.start_stand_in(delay=DELAY, limits=True)
    _open(ground, url)
    one = travel(ground, url, rate=rate, seconds=seconds)
    refused = fetch(f"{url}/_sandbox/state")
    ground.processes.stop()
    print(f"  latency, limits on: {one.delivered}, {one.arrived} of {one.sent}", flush=True)
    return Figure(
        f"The same at {rate:.0f}/s for {seconds:.0f} s with Klaviyo's real limits: p50 / p99 / max",
        f"{one.delivered}; {one.arrived:,} of {one.sent:,} delivered within {SETTLE:.0f} s "
        "of the last",
        "",
        note=f"429 answers: {sum(refused['refused'].values())}, of these after one that named "
        f"the wait: {sum(refused['violations'].values())}. {one.requests:,} requests.",
        binds="Klaviyo's allowance of bulk requests a minute and account, and then of single ones",
    )
