"""What profiles held before a job first wrote to them: read, encrypted, and kept for a term.

Only for jobs whose plan chose it (`SyncJob.keep_before`), since it costs a call for each fifty
people and keeps personal data. Without it nobody can say what a profile held before.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from integrations.domain.failures import FailureKind, PlatformError
from integrations.domain.lanes import Lane
from integrations.domain.operations import UpsertProfile
from integrations.domain.undo import WRITTEN, Kept
from integrations.models import Before, SyncWindow
from integrations.platforms.klaviyo import readback
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.klaviyo.endpoints import Endpoint

from . import budgets
from .destinations import Destination
from .items import Item, Outcome
from .reading import Reading

# After this nobody takes a job back any more, and what was kept is personal data.
KEPT_FOR = timedelta(days=30)

Clock = Callable[[], datetime]
Upsert = tuple[Item, UpsertProfile]


class NoBudget(Exception):
    """Klaviyo allows no more reading for now; `until` says when to ask again."""

    def __init__(self, until: datetime) -> None:
        super().__init__("Klaviyo's limit is used up for the moment.")
        self.until = until


def cost(people: int) -> int:
    """How many calls it takes to keep what so many profiles held."""
    return -(-people // readback.MOST_PROFILES)


def keep(
    destination: Destination,
    lane: Lane,
    readings: list[Reading],
    items: list[Item],
    *,
    clock: Clock,
) -> list[Item]:
    """Keep what profiles hold that are about to be written to; returns what may be sent now.

    Committed before anything is sent. A person whose profile cannot be read is not written to
    this time: their event waits, or is tried again.
    """
    jobs = _jobs(readings)
    wanted: dict[int, list[Upsert]] = {}
    read_by = {one.event.pk: one.event.window_id for one in readings}
    for item in items:
        job = jobs.get(read_by.get(item.event_id) or 0)
        if job is not None and isinstance(item.operation, UpsertProfile):
            wanted.setdefault(job, []).append((item, item.operation))
    for job, people in wanted.items():
        _keep(destination, lane, job, people, clock)
    return [item for item in items if item.outcome is Outcome.PENDING]


def read(
    client: Klaviyo, account_id: int, keys: list[str], *, lane: Lane, now: datetime
) -> dict[str, dict[str, object]]:
    """What profiles hold now, within the budget. Raises NoBudget, PlatformError."""
    found: dict[str, dict[str, object]] = {}
    for kind in ([k for k in keys if k.startswith("+")], [k for k in keys if k[:1] != "+"]):
        for start in range(0, len(kind), readback.MOST_PROFILES):
            grant = budgets.take(account_id, Endpoint.READ_PROFILES, wanted=1, lane=lane, now=now)
            if not grant.calls:
                raise NoBudget(grant.retry_at or now + timedelta(seconds=1))
            part = kind[start : start + readback.MOST_PROFILES]
            try:
                found |= readback.profiles(client, part)
            except PlatformError as exc:
                if exc.failure.kind is FailureKind.RATE_LIMITED and exc.failure.retry_after:
                    wait = exc.failure.retry_after
                    until = budgets.block(account_id, Endpoint.READ_PROFILES, wait=wait, now=now)
                    raise NoBudget(until) from exc
                raise
    return found


def prune_before(now: datetime) -> datetime:
    """What was kept before this moment has served its term."""
    return now - KEPT_FOR


def _jobs(readings: list[Reading]) -> dict[int, int]:
    """The jobs that keep, by their windows."""
    windows = {one.event.window_id for one in readings if one.event.window_id is not None}
    if not windows:
        return {}
    keeping = SyncWindow.objects.filter(pk__in=windows, job__keep_before=True)
    return dict(keeping.values_list("pk", "job_id"))


def _keep(
    destination: Destination, lane: Lane, job: int, people: list[Upsert], clock: Clock
) -> None:
    known = {
        row.identity: row
        for row in Before.objects.filter(job=job, identity__in=[one.identity for one, _ in people])
    }
    fresh = [one for one in people if one[0].identity not in known]
    held = _held(destination, lane, fresh, clock) if fresh else {}
    rows = []
    for item, operation in people:
        if item.outcome is not Outcome.PENDING:
            continue
        key = operation.profile.key
        row = known.get(item.identity)
        if row is None:
            row = Before(job_id=job, identity=item.identity, kept_at=clock())
            kept = Kept(key, held.get(key, {}), {}, existed=key in held)
        else:
            kept = read_kept(row)
        kept.wrote({n: value for n, value in operation.attributes.items() if n in WRITTEN})
        row.keep(msgspec.json.encode(kept).decode())
        rows.append(row)
    Before.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["job", "identity"], update_fields=["secret"]
    )


def read_kept(row: Before) -> Kept:
    """What a row keeps. Raises LostKey."""
    return msgspec.json.decode(row.reveal(), type=Kept)


def _held(
    destination: Destination, lane: Lane, fresh: list[Upsert], clock: Clock
) -> Mapping[str, dict[str, object]]:
    keys = [operation.profile.key for _, operation in fresh]
    account = destination.store.klaviyo_account_id
    try:
        return read(destination.client, account, keys, lane=lane, now=clock())
    except NoBudget as exc:
        for item, _ in fresh:
            item.wait_until = exc.until
            item.end(Outcome.WAIT)
    except PlatformError as exc:
        # A login that may not read profiles waits for another one, as any refused login does.
        for item, _ in fresh:
            item.end(Outcome.RETRY, exc.failure)
    return {}
