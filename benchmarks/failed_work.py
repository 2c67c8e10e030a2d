"""What people decide about a hundred thousand failed records at once: how long they wait for the
page, and how long a worker takes for the rest."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from benchmarks import backlog, shops
from benchmarks.ground import Ground
from benchmarks.processes import Failed
from benchmarks.results import Figure

# Whoever confirms waits no longer than this, however many records it is.
PATIENCE = 1.0
LONGEST = 600.0


def measure(ground: Ground, *, many: int, told: int) -> list[Figure]:
    """Repair, bin, take out, and begin and cancel so many; then send some for real."""
    from integrations.models import Merchant, User

    helper = User.objects.get(email="helper@bench.test")
    merchant = Merchant.objects.order_by("pk").first()
    wanted = _selection(ground, many)
    return [
        *_repaired(helper, wanted),
        *_binned(ground, helper, wanted, many),
        *_begun(helper, merchant, wanted),
        _sent(ground, helper, merchant, told),
    ]


def _selection(ground: Ground, many: int, state: str = "open") -> Any:
    """The oldest records of a state, about as many as wanted."""
    from integrations.pipeline.failed_lists import FailedFilter

    until = ground.one(
        f"SELECT failed_at FROM integrations_deadletter WHERE state = '{state}' "
        f"ORDER BY failed_at OFFSET {many} LIMIT 1"
    )
    return FailedFilter(state=state, until=until)


def _repaired(helper: Any, wanted: Any) -> list[Figure]:
    from django.utils import timezone

    from integrations.domain.recipes import RECIPES
    from integrations.pipeline import audit, group_repairs

    recipe = RECIPES["drop_phone"]
    counting, seen = timed(lambda: group_repairs.preview(helper, wanted, recipe, ""))
    asked, made = timed(
        lambda: group_repairs.confirm(
            helper,
            wanted,
            recipe,
            "",
            confirmed=seen.count,
            by=audit.person(helper),
            key=uuid4(),
            now=timezone.now(),
        )
    )
    worked, _ = timed(lambda: _until(made, group_repairs.run))
    made.refresh_from_db()
    return [
        _waited(f"Repair of a group of {made.total:,}", asked, f"preview {counting:.2f} s"),
        _worked(f"Repair of a group of {made.total:,}", made.repaired, worked),
    ]


def _binned(ground: Ground, helper: Any, wanted: Any, many: int) -> list[Figure]:
    from django.utils import timezone

    from integrations.pipeline import audit, binning

    figures = []
    for inward, name in ((True, "Into the bin"), (False, "Out of the bin")):
        chosen = wanted if inward else _selection(ground, many, "binned")
        count = binning.count(helper, chosen, inward=inward)
        values: dict[str, Any] = {
            "reason": "Not needed.",
            "confirmed": count,
            "by": audit.person(helper),
            "now": timezone.now(),
        }
        decide: Callable[..., Any] = binning.put if inward else binning.take_out
        asked, made = timed(lambda do=decide, of=chosen, how=values: do(helper, of, **how))
        worked, _ = timed(lambda of=made: _until(of, binning.run))
        made.refresh_from_db()
        figures += [
            _waited(f"{name}, {made.total:,}", asked),
            _worked(f"{name}, {made.total:,}", made.moved, asked + worked),
        ]
    return figures


def _begun(helper: Any, merchant: Any, wanted: Any) -> list[Figure]:
    from django.utils import timezone

    from integrations.models import Replay
    from integrations.pipeline import audit, replaying, replays

    by = audit.person(helper, merchant)
    now = timezone.now()
    drafting, replay = timed(
        lambda: replays.draft(helper, wanted, merchant=merchant, by=by, key=uuid4(), now=now)
    )
    figures = [_waited(f"Draft of a replay of {replay.total:,}", drafting)]

    def begin() -> None:
        # The second person that so many need has been asked before.
        Replay.objects.filter(pk=replay.pk).update(state="awaiting", asked_by=None)
        replays.approve(replay, helper, by, now)

    def cancel() -> None:
        replays.cancel(replay, by=by, now=now)

    for name, verb, until in (("Beginning", begin, "running"), ("Cancelling", cancel, "cancelled")):
        asked, _ = timed(verb)
        worked, turns = timed(lambda state=until: _moved(replay, state, replaying.take_turn))
        figures += [
            _waited(f"{name} a replay of {replay.total:,}", asked),
            _worked(f"{name} a replay of {replay.total:,}", replay.total, worked, f"{turns} turns"),
        ]
        Replay.objects.filter(pk=replay.pk, state="running").update(state="paused")
    return figures


def _moved(replay: Any, state: str, take_turn: Callable[..., int]) -> int:
    from django.utils import timezone

    from integrations.models import Replay

    turns = 0
    while replay.state != state:
        claim = Replay.objects.claim(by="bench", now=timezone.now())
        if claim is None:
            raise Failed(f"The replay is {replay.state} and nobody's turn.")
        take_turn(claim, now=timezone.now())
        turns += 1
        replay.refresh_from_db()
    return turns


def _sent(ground: Ground, helper: Any, merchant: Any, told: int) -> Figure:
    """A replay from beginning to end, by a worker as deployed, within Klaviyo's real limits."""
    from django.utils import timezone

    from integrations.models import Replay
    from integrations.pipeline import audit, replays
    from integrations.pipeline.failed_lists import FailedFilter

    said = backlog.fill(ground, shops.orders, told, seed=77)
    ground.execute("UPDATE integrations_event SET state = 'dead', settled_at = now()"
                   " WHERE state = 'waiting'")  # fmt: skip
    ground.execute(_UNREAD)
    by = audit.person(helper, merchant)
    replay = replays.draft(
        helper,
        FailedFilter(kind="unreadable"),
        merchant=merchant,
        by=by,
        key=uuid4(),
        now=timezone.now(),
    )
    Replay.objects.filter(pk=replay.pk).update(rate=60_000, forecast_at=timezone.now())
    replays.start(replay, confirmed=replay.total, by=by, user=helper, now=timezone.now())
    began = time.monotonic()
    ground.start_worker(ground.console_env(ground.start_stand_in(limits=True)))
    while replay.state not in {"done", "stopped"} and time.monotonic() - began < LONGEST:
        time.sleep(0.5)
        replay.refresh_from_db()
    took = time.monotonic() - began
    ended = {state.value: n for state, n in replays.counts(replay).items() if n}
    calls = dict(ground.query("SELECT endpoint, count(*) FROM integrations_call GROUP BY endpoint"))
    refused = ground.one("SELECT count(*) FROM integrations_call WHERE status = 429")
    ground.processes.stop("worker", "klaviyo")
    return Figure(
        f"{replay.total:,} records sent again, worker as deployed (start included)",
        f"{took:.0f} s ({60 * ended.get('sent', 0) / took:,.0f} records a minute)",
        "within Klaviyo's limits, none refused for being too fast",
        refused == 0 and replay.state == "done",
        note=f"{said}. They ended {ended}; calls {calls}, 429 answers {refused}.",
    )


_UNREAD = """
INSERT INTO integrations_deadletter (public_id, store_id, klaviyo_account_id, event_id, cause_id,
  state, identity, kind, source_id, payload, message, pointer, answer, attempts, created_at,
  failed_at)
SELECT gen_random_uuid(), event.store_id, store.klaviyo_account_id, event.id,
  (SELECT max(id) FROM integrations_cause), 'open', '', '', '', '', 'It could not be read.', '', '',
  1, now(), now()
FROM integrations_event event JOIN integrations_store store ON store.id = event.store_id
WHERE event.state = 'dead' AND event.body <> '{}'
"""


def _until(made: Any, run: Callable[..., int]) -> None:
    from django.utils import timezone

    began = time.monotonic()
    while made.finished_at is None:
        run(clock=timezone.now, stopping=lambda: False)
        made.refresh_from_db()
        if time.monotonic() - began > LONGEST:
            raise Failed("A decision was not carried out in time.")


def _waited(name: str, seconds: float, note: str = "") -> Figure:
    return Figure(
        f"{name}: in the request",
        f"{seconds:.2f} s",
        f"at most {PATIENCE} s",
        seconds <= PATIENCE,
        note=note,
    )


def _worked(name: str, records: int, seconds: float, note: str = "") -> Figure:
    rate = records / seconds if seconds else 0
    return Figure(f"{name}: by a worker", f"{seconds:.1f} s ({rate:,.0f} records/s)", "", note=note)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long something takes, and what it comes to."""
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found
