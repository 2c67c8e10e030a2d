"""Past orders, from the sandbox's Shopify to the sandbox's Klaviyo, with the deployed processes.

What is compared, and what is not:

- *With limits on*, the time is set against what the published limits alone impose on the calls
  that were needed: Klaviyo's requests of each endpoint a second and a minute, and the points that
  the shop's queries cost. Everything above that is ours, also the room that is left to live work
  on purpose (a lane's share of a budget) and the look once a minute at jobs is not in it.
- *With limits off*, the rates are of one worker as the Procfile starts it, on a machine it shares
  with PostgreSQL and both stand-ins; per processor second is what to compare between machines.
- *Live orders* are timed from their bytes to a Klaviyo that takes 100 ms, without and with past
  records waiting. Those are webhook bodies in the lane of past data: their parsing costs what a
  page's node costs, and nothing is read from a shop meanwhile.
- *dlt* reads the same pages and loads the same kinds of events in the same requests. It keeps no
  ledger, updates no profiles, checks no rules, retries no single record and does not resume; its
  files between the steps are its own way of being safe. Both are counted in orders per second of
  their own processor time, ours with PostgreSQL's included, since the ledger is a part of our way.

The orders are a thousand that the sandbox made up, shown many times over (`pastshop`). Each of the
three is a part of its own, so that none takes longer than a coffee; `--orders` says how many of
them the first two fetch, and how many wait in the third.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec

from benchmarks import backlog, latency, load, peer, shops
from benchmarks.figures import Spread, shares, spread
from benchmarks.ground import Ground
from benchmarks.processes import Failed, fetch, free_port, wait_for
from benchmarks.results import Figure
from benchmarks.watch import Watch

LONGEST = 7200.0
DAYS = 360
ORDERS, QUICK_ORDERS = 200_000, 5_000
WAITING, QUICK_WAITING = 65_000, 10_000
# Points a second and in the bucket, by plan (Shopify: API rate limits).
PLUS = (1000.0, 20_000.0)
# Requests a second and a minute, and items a request (Klaviyo: OpenAPI descriptions, 2026-07-15).
KLAVIYO = {
    "event-bulk-create-jobs": (10, 150, 1000),
    "profile-bulk-import-jobs": (10, 150, 10_000),
}
SIBLINGS = {"events": "event-bulk-create-jobs", "profile-import": "profile-bulk-import-jobs"}


class Filled(msgspec.Struct):
    """One job over past orders, from its start to its end."""

    orders: int
    seconds: float
    operations: dict[str, int]
    requests: dict[str, int]
    points: int
    cpu: dict[str, float]
    megabytes: dict[str, float]
    ways: list[str]
    states: dict[str, int]
    refused: int

    @property
    def sent(self) -> int:
        """All operations together."""
        return sum(self.operations.values())

    @property
    def own_cpu(self) -> float:
        """Processor time of the worker and of PostgreSQL."""
        return self.cpu.get("worker", 0.0) + self.cpu.get("PostgreSQL", 0.0)


def measure(ground: Ground, *, quick: bool, orders: int | None = None) -> list[Figure]:
    """The limits on: how much longer it takes than they impose."""
    one = _fill(ground, _number(orders, quick), plan="plus", limits=True)
    return [_over_limits(one), _memory(one)]


def measure_rates(ground: Ground, *, quick: bool, orders: int | None = None) -> list[Figure]:
    """The limits off, and dlt's way with the same."""
    one = _fill(ground, _number(orders, quick), plan="none", limits=False)
    return [_rates(one), _memory(one), _beside_dlt(ground, one)]


def measure_live(ground: Ground, *, quick: bool, orders: int | None = None) -> list[Figure]:
    """Live orders while past ones wait; `orders` are those."""
    return [_live(ground, orders or (QUICK_WAITING if quick else WAITING))]


def _number(orders: int | None, quick: bool) -> int:
    return orders or (QUICK_ORDERS if quick else ORDERS)


# --- filling --------------------------------------------------------------------------------------


def _fill(ground: Ground, orders: int, *, plan: str, limits: bool) -> Filled:
    ground.empty()
    with _stand_ins(ground, orders, plan=plan, limits=limits) as (shop, klaviyo):
        env = ground.console_env(klaviyo, SHOPIFY_BASE_URL=shop + "/{shop}")
        job = _plan(ground)
        ground.start_worker(env)
        roots = {
            "worker": ground.processes.pid("worker"),
            "klaviyo": ground.processes.pid("klaviyo"),
            "shopify": ground.processes.pid("shopify"),
            "PostgreSQL": ground.postmaster(),
        }
        # The worker's start is measured elsewhere.
        _until_alive(ground)
        with Watch(roots) as watch:
            began = time.time()
            _start(job)
            _until_done(ground, job)
            seconds = time.time() - began
        filled = Filled(
            orders=ground.one("SELECT sum(found) FROM integrations_syncwindow"),
            seconds=seconds,
            operations=_calls(ground, "sum(items)"),
            requests=_calls(ground, "count(*)"),
            points=fetch(f"{shop}/spent")["points"],
            cpu=watch.cpu_seconds(),
            megabytes=watch.megabytes(),
            ways=sorted(
                {way for (way,) in ground.query("SELECT way FROM integrations_syncwindow")}
            ),
            states=dict(
                ground.query("SELECT state, count(*) FROM integrations_event GROUP BY state")
            ),
            refused=sum(fetch(f"{klaviyo}/_sandbox/state")["refused"].values()),
        )
        ground.processes.stop("worker")
    rate = filled.orders / filled.seconds
    print(f"  backfill: limits {'on' if limits else 'off'}: {rate:,.0f} orders/s", flush=True)
    return filled


@contextmanager
def _stand_ins(
    ground: Ground, orders: int, *, plan: str, limits: bool
) -> Iterator[tuple[str, str]]:
    port, stall = free_port(), ground.stalls[0]
    arguments = ("--port", str(port), "--orders", str(orders), "--plan", plan)
    ground.processes.module(
        "shopify", "pastshop", *arguments, "--domain", stall.domain, env=ground.env
    )
    shop = f"http://127.0.0.1:{port}"
    wait_for(f"{shop}/spent", 300.0)
    klaviyo = ground.start_stand_in(limits=limits)
    try:
        yield shop, klaviyo
    finally:
        ground.processes.stop("shopify", "klaviyo")


def _plan(ground: Ground) -> int:
    from integrations.domain.windows import Stretch
    from integrations.models import Store
    from integrations.pipeline import sync_jobs

    now = datetime.now(UTC)
    wish = sync_jobs.Wish(streams=("orders",), stretch=Stretch(now - timedelta(days=DAYS), now))
    store = Store.objects.get(pk=ground.stalls[0].pk)
    return sync_jobs.draft(store, wish, by=None, now=now).pk


def _start(pk: int) -> None:
    from integrations.models import SyncJob
    from integrations.pipeline import audit, sync_jobs

    job = SyncJob.objects.select_related("store").get(pk=pk)
    sync_jobs.start(job, by=audit.AUTOMATIC, now=datetime.now(UTC))


def _until_alive(ground: Ground) -> None:
    """Until the worker has done its first sweep."""
    deadline = time.monotonic() + 90
    while not ground.one("SELECT count(*) FROM integrations_heartbeat WHERE name = 'sweep'"):
        ground.processes.alive("worker")
        if time.monotonic() > deadline:
            raise Failed("The worker did not begin to work.")
        time.sleep(0.2)


def _until_done(ground: Ground, job: int) -> None:
    deadline = time.monotonic() + LONGEST
    while (
        state := ground.one(f"SELECT state FROM integrations_syncjob WHERE id = {job}")
    ) != "done":
        ground.processes.alive("worker")
        if state != "running" or time.monotonic() > deadline:
            raise Failed(f"The job did not end: it is {state}.")
        time.sleep(0.1)
    broken = ground.query(
        "SELECT last_error FROM integrations_syncwindow WHERE state <> 'done' LIMIT 1"
    )
    if broken:
        raise Failed(f"A period was not fetched: {broken[0][0]}")


def _calls(ground: Ground, what: str) -> dict[str, int]:
    return dict(
        ground.query(
            f"SELECT endpoint, {what} FROM integrations_call WHERE status BETWEEN 200 AND 299"
            " GROUP BY endpoint"
        )
    )


# --- what came of it ------------------------------------------------------------------------------


def imposed(filled: Filled) -> tuple[float, str]:
    """The least time that the published limits leave for these operations, and whose they are.

    Each endpoint has a budget of its own and is used side by side with the others; a platform
    that takes in full requests at its limit would be done then.
    """
    items: dict[str, int] = {}
    for endpoint, number in filled.operations.items():
        name = SIBLINGS.get(endpoint, endpoint)
        items[name] = items.get(name, 0) + number
    bounds = {}
    for name, (burst, steady, most) in KLAVIYO.items():
        bounds[f"Klaviyo, {name}"] = _windows(-(-items.get(name, 0) // most), burst, steady)
    rate, bucket = PLUS
    bounds["Shopify, query points"] = max(0.0, filled.points - bucket) / rate
    whose = max(bounds, key=lambda name: bounds[name])
    return max(bounds[whose], 0.001), whose


def _windows(requests: int, burst: int, steady: int) -> float:
    """Seconds from the first to the last of so many requests in fixed windows."""
    if requests <= 1:
        return 0.0
    minutes, rest = divmod(requests - 1, steady)
    return minutes * 60.0 + rest // burst


def _over_limits(one: Filled) -> Figure:
    least, whose = imposed(one)
    ratio = one.seconds / least
    return Figure(
        f"{one.orders:,} past orders with limits on: time ÷ what the limits alone impose",
        f"{one.seconds:.0f} s ÷ {least:.1f} s = {ratio:.2f}",
        "≤ 1.05",
        met=ratio <= 1.05,
        note=f"{one.sent:,} operations in {one.requests}; {one.points:,} points. Read by "
        f"{', '.join(one.ways)}. 429 answers: {one.refused}. They ended {one.states}.",
        binds=f"of the limits, {whose}; cores in use: {shares(one.cpu, one.seconds)}",
    )


def _rates(one: Filled) -> Figure:
    return Figure(
        f"{one.orders:,} past orders with limits off",
        f"{one.sent / one.seconds:,.0f} operations/s; {one.sent / one.cpu['worker']:,.0f} per "
        f"CPU second of the worker, {one.sent / one.own_cpu:,.0f} with PostgreSQL's",
        "",
        note=f"{one.orders / one.seconds:,.0f} orders/s; {one.sent:,} operations in "
        f"{one.requests}. Read by {', '.join(one.ways)}. They ended {one.states}.",
        binds=f"cores in use: {shares(one.cpu, one.seconds)}",
    )


def _memory(one: Filled) -> Figure:
    worker = one.megabytes["worker"]
    return Figure(
        "The largest process of the worker while past orders are fetched",
        f"{worker:.0f} MB",
        "≤ 200 MB a process",
        met=worker <= 200,
        note=f"Each: {one.megabytes}.",
    )


def _beside_dlt(ground: Ground, ours: Filled) -> Figure:
    name = "Orders per second of processor time ÷ dlt's, same stand-ins, same run"
    until = datetime.now(UTC)
    since = until - timedelta(days=DAYS)
    search = (
        f"created_at:>='{since:%Y-%m-%dT%H:%M:%SZ}' AND created_at:<'{until:%Y-%m-%dT%H:%M:%SZ}'"
    )
    try:
        peer.python()
        with _stand_ins(ground, ours.orders, plan="none", limits=False) as (shop, klaviyo):
            told = peer.run(
                ground,
                shop=shop,
                domain=ground.stalls[0].domain,
                klaviyo=klaviyo,
                search=search,
            )
    except peer.NoPeer as exc:
        print(f"  backfill: no dlt here: {exc}", flush=True)
        return Figure(name, "not measured", "≥ 3", note=str(exc))
    theirs = told.orders / told.cpu
    ratio, alone = ours.orders / ours.own_cpu / theirs, ours.orders / ours.cpu["worker"] / theirs
    return Figure(
        name,
        f"{ratio:.2f} ({ours.orders / ours.own_cpu:,.0f} ÷ {theirs:,.0f})",
        "≥ 3",
        met=ratio >= 3,
        note=f"Without PostgreSQL's time: {alone:.2f}. dlt {peer.VERSION}: {told.orders:,} orders "
        f"and {told.events:,} events in {told.seconds:.1f} s, {told.cpu:.1f} CPU seconds, "
        f"{told.megabytes:.0f} MB; ours {ours.sent:,} operations in {ours.seconds:.1f} s, "
        f"{ours.own_cpu:.1f} CPU seconds.",
    )


# --- live orders meanwhile ------------------------------------------------------------------------


def _live(ground: Ground, waiting: int) -> Figure:
    rate, seconds = 20.0, 15.0 if waiting == QUICK_WAITING else 30.0
    ground.empty()
    url = ground.start_sink(delay=latency.DELAY)
    env = ground.console_env(url)
    ground.start_web(env)
    ground.start_worker(env)
    load.run(ground, rate=50, seconds=3.0)
    alone, _, _ = _timed(ground, url, rate, seconds)
    said = backlog.fill(ground, shops.life, waiting, seed=700, lane=2)
    meanwhile, lost, left = _timed(ground, url, rate, seconds)
    ground.processes.stop()
    print(f"  backfill: live alone {alone}, meanwhile {meanwhile}", flush=True)
    return Figure(
        f"A live order while {said.events:,} past records wait: p50 / p99 / max",
        f"{meanwhile} (without: {alone})",
        "p99 ≤ 170 ms",
        met=meanwhile.p99 <= 170 and not lost,
        note=f"{rate:.0f} live orders a second for {seconds:.0f} s; {latency.DELAY * 1000:.0f} ms "
        f"are the stand-in's. {meanwhile.count} arrived, {lost} did not. {left:,} past records "
        "still waited when the last live order was sent.",
    )


def _timed(ground: Ground, url: str, rate: float, seconds: float) -> tuple[Spread, int, int]:
    """Send live orders and wait for all of them: their times, how many are lost, what is left."""
    fetch(f"{url}/forget", {})
    work = load.Load(ground, rate=rate, seconds=seconds)
    work.start()
    seen = work.finish()
    left = ground.one(
        "SELECT count(*) FROM integrations_event WHERE state = 'waiting' AND lane = 2"
    )
    deadline = time.monotonic() + latency.SETTLE
    while True:
        first: dict[str, float] = {}
        for order, at in fetch(f"{url}/answered")["rows"]:
            first.setdefault(order, at)
        missing = seen.sent.keys() - first.keys()
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    times = [(first[order] - at) * 1000 for order, at in seen.sent.items() if order in first]
    return spread(times), len(missing), left
