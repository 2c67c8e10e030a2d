"""Which records a forecast looks at, and what it notes of them."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b

from integrations.domain import audits
from integrations.domain.audits import Seen
from integrations.domain.forecast import (
    SMALL,
    Ends,
    Example,
    Forecast,
    Look,
    Memory,
    Reach,
    Sight,
    StreamAudit,
    WindowPlan,
)
from integrations.domain.masking import mask_key
from integrations.domain.metrics import MetricNames
from integrations.domain.operations import Kind, Operation, TrackEvent, UpsertProfile, identity_of
from integrations.domain.planning import Held
from integrations.models import Delivery, Store, SyncJob, SyncWindow
from integrations.platforms.klaviyo.endpoints import Endpoint
from integrations.platforms.shopify.pages import Page

from . import missing
from .dry_runs import DryRun, Imagined, run
from .routing import phases

# Pages of each sample; sizes grow from 25, so that these are some hundred records.
SAMPLE_PAGES = 3
# Klaviyo, help page 360017706091: without the history flag an event starts a flow only within four
# hours of its time, or within the flow's first delay where that is longer.
YOUNG = timedelta(hours=4)
YOUNG_PAGES = 6
EVENTS = (
    Kind.PLACED_ORDER,
    Kind.ORDERED_PRODUCT,
    Kind.FULFILLED_ORDER,
    Kind.CANCELLED_ORDER,
    Kind.REFUNDED_ORDER,
)
BITS = {kind: 1 << place for place, kind in enumerate(EVENTS)}
NO_LIMIT = 1_000_000


def looks(forecast: Forecast, *, now: datetime) -> list[Look]:
    """What to read: everything where that is little, else the newest, a middle and the oldest."""
    seen = [one for one in forecast.windows if one.sight is not Sight.NONE and one.count != 0]
    if forecast.total is not None and forecast.total <= SMALL:
        return [_look(one, one.since, NO_LIMIT) for one in seen]
    found: list[Look] = []
    for stream in dict.fromkeys(one.stream for one in seen):
        own = [one for one in seen if one.stream == stream]
        newest, middle, oldest = own[0], own[len(own) // 2], own[-1]
        # Pages come oldest first: of the newest window the end is wanted, of the middle its middle.
        starts = {
            oldest.position: (oldest, _part(oldest, 0.0)),
            middle.position: (middle, _part(middle, 0.5)),
            newest.position: (newest, _part(newest, 0.9)),
        }
        found += [_look(one, since, SAMPLE_PAGES) for one, since in starts.values()]
        if stream == "orders" and newest.until > now - YOUNG:
            since = max(newest.since, now - YOUNG)
            young = _look(newest, since.replace(microsecond=0), YOUNG_PAGES)
            young.only_young = True
            found.append(young)
    return found


def _part(window: WindowPlan, part: float) -> datetime:
    since = window.since + (window.until - window.since) * part
    return since.replace(microsecond=0)


def _look(window: WindowPlan, since: datetime, most: int) -> Look:
    return Look(
        stream=window.stream,
        since=since,
        until=window.until,
        position=window.position,
        pages_left=most,
    )


class Auditor:
    """One forecast's look at real records, a page at a time."""

    def __init__(self, job: SyncJob, forecast: Forecast) -> None:
        self._job, self._store, self._forecast = job, job.store, forecast
        told = forecast.memory.told
        self._imagined = Imagined(
            {key: Held("", bytes.fromhex(mark), at, True) for key, (at, mark) in told.items()}
        )

    def take(self, look: Look, page: Page, *, milliseconds: int, now: datetime) -> None:
        """Note what a page says, and move the look on."""
        if look.only_young:
            imagined = Imagined()
            found = run(self._store, look.stream, page.rows, imagined=imagined, now=now)
            _reach(self._forecast.memory, found, now=now, only_young=True)
        else:
            self._audit(look, page, milliseconds, now)
        look.pages_left -= 1
        look.cursor = page.cursor
        look.done = not page.cursor or look.pages_left <= 0

    def _audit(self, look: Look, page: Page, milliseconds: int, now: datetime) -> None:
        audit = _audit_of(self._forecast, look.stream)
        window = SyncWindow(job=self._job, stream=look.stream)
        rows = missing.only(window, page.rows) if self._job.only_missing else page.rows
        wanted = {row.source_id for row in rows}
        for row in page.rows:
            if row.source_id not in wanted:
                example = Example(row.source_id, "")
                audits.add(audit, Seen(Ends.LEFT_OUT, audits.ARRIVED, example))
        found = run(self._store, look.stream, rows, imagined=self._imagined, now=now)
        for one in found.seen:
            audits.add(audit, one)
        _measure(audit, page, milliseconds, look.size, found)
        _reach(self._forecast.memory, found, now=now)
        self._remember(found)
        for example in _known_elsewhere(self._store, self._forecast.memory, found):
            audits.remark(audit, audits.ELSEWHERE, example)

    def _remember(self, found: DryRun) -> None:
        for one in found.profiles:
            held = self._imagined.told[one.identity]
            mark = held.fingerprint.hex()
            self._forecast.memory.told[one.identity] = (held.version, mark)


def finish(forecast: Forecast, *, streams: Iterable[str], names: MetricNames) -> None:
    """Say of everything what was seen of the part that was read."""
    for stream in streams:
        audit = _audit_of(forecast, stream)
        own = [one for one in forecast.windows if one.stream == stream]
        seen = [one for one in own if one.sight is not Sight.NONE]
        read = [one for one in forecast.looks if one.stream == stream and not one.only_young]
        audit.whole = all(one.count == 0 or _was_read(one, read) for one in seen)
        counts = [one.count for one in seen]
        audits.scale(audit, None if None in counts else sum(filter(None, counts)))
    orders = next((one for one in forecast.audits if one.stream == "orders"), None)
    young = [one for one in forecast.looks if one.only_young]
    forecast.young_is_whole = all(not one.cursor for one in young)
    forecast.reach = _reached(forecast.memory, orders, names)
    people = sum(1 for bits, _ in forecast.memory.people.values() if bits)
    forecast.people = _for_all(people, orders) if orders else people


def _was_read(window: WindowPlan, read: list[Look]) -> bool:
    return any(
        one.position == window.position
        and one.since <= window.since
        and one.done
        # A cursor that is left says that there is more.
        and not one.cursor
        for one in read
    )


def _audit_of(forecast: Forecast, stream: str) -> StreamAudit:
    audit = forecast.audit(stream)
    if audit is None:
        audit = StreamAudit(stream=stream)
        forecast.audits.append(audit)
    return audit


def _measure(audit: StreamAudit, page: Page, milliseconds: int, size: int, found: DryRun) -> None:
    audit.pages += 1
    audit.milliseconds += milliseconds
    audit.points += page.cost.actual if page.cost else 0
    audit.page_size = max(audit.page_size, size)
    audit.body_bytes += sum(len(row.body) for row in page.rows)
    counts, sizes = Counter(audit.operations), Counter(audit.sent_bytes)
    for phase in phases(found.items):
        for endpoint, items in phase:
            # A few people go one by one; many pages of them do not.
            name = Endpoint.PROFILES if endpoint is Endpoint.PROFILE else endpoint
            counts[name.value] += len(items)
            sizes[name.value] += sum(item.content.size + 300 for item in items)
    audit.operations, audit.sent_bytes = dict(counts), dict(sizes)


def _reach(memory: Memory, found: DryRun, *, now: datetime, only_young: bool = False) -> None:
    for event in found.events:
        bit = BITS.get(event.kind, 0)
        young = bit if event.occurred_at > now - YOUNG else 0
        if only_young and not young:
            continue
        name = blake2b(event.profile.key.encode(), digest_size=8).hexdigest()
        known = memory.people.get(name, (0, 0))
        memory.people[name] = (known[0] | (0 if only_young else bit), known[1] | young)


def _known_elsewhere(store: Store, memory: Memory, found: DryRun) -> Iterable[Example]:
    """People whom another shop of the same Klaviyo account told Klaviyo about, each once."""
    people: dict[str, Operation] = {
        identity_of(one.profile): one
        for one in (*found.profiles, *found.events)
        if isinstance(one, TrackEvent | UpsertProfile)
    }
    unknown = [one for one in people if one not in memory.elsewhere]
    if not unknown:
        return
    told = Delivery.objects.filter(
        klaviyo_account=store.klaviyo_account_id, identity__in=unknown
    ).exclude(store=store)
    elsewhere = set(told.values_list("identity", flat=True))
    for identity in unknown:
        memory.elsewhere[identity] = identity in elsewhere
        if identity in elsewhere:
            one = people[identity]
            assert isinstance(one, TrackEvent | UpsertProfile)  # noqa: S101 - chosen above
            source = one.source_id if isinstance(one, TrackEvent) else ""
            yield Example(source, "", mask_key(one.profile.key))


def _reached(memory: Memory, orders: StreamAudit | None, names: MetricNames) -> list[Reach]:
    if orders is None:
        return []
    found = []
    for kind, bit in BITS.items():
        people = sum(1 for bits, _ in memory.people.values() if bits & bit)
        young = sum(1 for _, bits in memory.people.values() if bits & bit)
        if people or young:
            everyone = max(young, _for_all(people, orders))
            name = str(getattr(names, kind))
            found.append(Reach(metric=name, kind=kind.value, people=everyone, young=young))
    return found


def _for_all(people: int, audit: StreamAudit) -> int:
    total = audit.looked if audit.total is None else audit.total
    return audits.scaled(people, audit.looked, total)
