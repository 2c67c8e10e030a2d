"""What the pages about stores show: read-only, in a fixed number of queries."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)

from integrations.domain.lanes import Lane
from integrations.domain.storestates import (
    Diagnosis,
    Facts,
    Login,
    Reconnect,
    StoreState,
    Trouble,
    diagnose,
)
from integrations.domain.verdicts import CALLS_OVER, is_outage
from integrations.models import (
    Call,
    CauseCount,
    Credential,
    Event,
    Reconnection,
    RefusalCount,
    Store,
    StoreLane,
    Tally,
    User,
)
from integrations.models.dead_letters import DeadLetterState
from integrations.models.events import EventState
from integrations.platforms.shopify.webhooks import PATH_TEST

from . import allowance, breakers, figures, health
from .breakers import Guarded


class StoreRow(msgspec.Struct):
    """One store with all a list says about it."""

    store: Store
    diagnosis: Diagnosis
    last_received_at: datetime | None
    failed_records: int
    # Counted for those that are shown, by `count_today`.
    today: figures.Figures | None = None


class Home(msgspec.Struct):
    """The home page: stores by what they ask of a person."""

    outage: bool
    outage_since: datetime | None
    needs_you: list[StoreRow]
    working_on_it: list[StoreRow]
    others: list[StoreRow]
    failed_records: int

    @property
    def total(self) -> int:
        """All stores."""
        return len(self.needs_you) + len(self.working_on_it) + len(self.others)


def home(user: User, *, now: datetime) -> Home:
    """Sort every store a person may see by what it needs."""
    seen = health.workers_seen_at()
    rows = store_rows(Store.objects.visible_to(user), seen=seen, now=now)
    outage = is_outage(seen, now)
    of_state: dict[StoreState, list[StoreRow]] = {state: [] for state in StoreState}
    for row in rows:
        of_state[row.diagnosis.state].append(row)
    # While we are down ourselves, one banner says so instead of an alarm per store.
    held_back = of_state.pop(StoreState.WORKING_ON_IT) if outage else []
    return Home(
        outage=outage and bool(rows),
        outage_since=seen,
        needs_you=of_state.pop(StoreState.NEEDS_YOU),
        working_on_it=of_state.pop(StoreState.WORKING_ON_IT, []),
        others=sorted(
            [row for rows in of_state.values() for row in rows] + held_back,
            key=lambda row: row.store.name.lower(),
        ),
        failed_records=sum(row.failed_records for row in rows),
    )


def store_row(store: Store, *, now: datetime) -> StoreRow:
    """One store, as a list would show it."""
    row = store_rows(Store.objects.filter(pk=store.pk), seen=health.workers_seen_at(), now=now)[0]
    count_today([row], now=now)
    return row


def count_today(rows: Iterable[StoreRow], *, now: datetime) -> None:
    """Count what arrived in the last day, for stores that are shown: a day is many minutes."""
    shown = list(rows)
    today = figures.of_stores([row.store.pk for row in shown], figures.since("day", now))
    for row in shown:
        row.today = today[row.store.pk]


def store_rows(stores: QuerySet[Store], *, seen: datetime | None, now: datetime) -> list[StoreRow]:
    """Read what is known of some stores and decide the state of each."""
    found = list(_with_facts(stores).order_by("name", "id"))
    ids = [store.pk for store in found]
    lanes = {
        lane.store_id: lane for lane in StoreLane.objects.filter(store__in=ids, lane=Lane.LIVE)
    }
    logins, reconnects = _logins(found), _reconnects(found)
    waiting = CauseCount.objects.filter(store__in=ids, state=DeadLetterState.OPEN)
    failed = dict(waiting.values_list("store").annotate(n=Sum("records")))
    calls = calls_of_accounts(now)
    rows = []
    for store in found:
        facts = _facts(
            store,
            lanes.get(store.pk),
            logins,
            reconnects,
            failed.get(store.pk, 0),
            calls.get(store.klaviyo_account_id, (0, 0)),
            seen,
            now,
        )
        rows.append(
            StoreRow(
                store,
                diagnose(facts),
                facts.last_received_at,
                facts.failed_records,
            )
        )
    return rows


def _with_facts(stores: QuerySet[Store]) -> QuerySet[Store]:
    # A test of our own proves the way, but says nothing about the shop.
    events = (
        Event.objects.live()
        .filter(store=OuterRef("pk"))
        .exclude(topic=PATH_TEST)
        .order_by("-received_at", "-id")
    )
    minute = Tally.objects.filter(store=OuterRef("pk"), delivered__gt=0).order_by("-minute")
    in_that_minute = events.filter(
        state=EventState.DELIVERED,
        received_at__gte=OuterRef("delivered_minute"),
        received_at__lt=ExpressionWrapper(
            OuterRef("delivered_minute") + Value(timedelta(minutes=1), DurationField()),
            output_field=DateTimeField(),
        ),
    )
    waiting = Event.objects.waiting().filter(store=OuterRef("pk"), lane=Lane.LIVE)
    return (
        stores.select_related("klaviyo_account__breaker", "merchant", "breaker")
        .annotate(
            last_received_at=Subquery(events.values("received_at")[:1]),
            delivered_minute=Subquery(minute.values("minute")[:1]),
            oldest_waiting_at=Subquery(
                waiting.order_by("received_at", "id").values("received_at")[:1]
            ),
            due_at=Subquery(
                waiting.order_by("next_attempt_at", "id").values("next_attempt_at")[:1]
            ),
        )
        .annotate(last_delivered_at=Subquery(in_that_minute.values("settled_at")[:1]))
    )


def calls_of_accounts(now: datetime) -> dict[int, tuple[int, int]]:
    """Of each account the calls of the last minutes, and those refused as too many."""
    recent = Call.objects.filter(started_at__gte=now - CALLS_OVER, klaviyo_account__isnull=False)
    counted = recent.values_list("klaviyo_account").annotate(
        made=Count("pk"), throttled=Count("pk", filter=Q(status=429))
    )
    return {account: (made, throttled) for account, made, throttled in counted.order_by()}


# What a row is about: a shop or an account.
_Key = tuple[str, int | None]


def _logins(stores: Iterable[Store]) -> dict[_Key, Login]:
    """What is known of each login, by what it opens."""
    found = Credential.objects.filter(_of_these(stores)).defer("secret", "refresh_secret")
    return {_key(one): Login(one.state, one.failure_code, one.broken_since) for one in found}


def _reconnects(stores: Iterable[Store]) -> dict[_Key, Reconnect]:
    """The reconnects that are under way, by what is reconnected."""
    found = Reconnection.objects.open().filter(_of_these(stores)).select_related("begun_by")
    return {
        _key(one): Reconnect(
            one.begun_at,
            one.begun_by.email if one.begun_by else "somebody",
            of_account=one.store_id is None,
        )
        for one in found
    }


def _of_these(stores: Iterable[Store]) -> Q:
    return Q(store__in=[store.pk for store in stores]) | Q(
        klaviyo_account__in={store.klaviyo_account_id for store in stores}
    )


def _key(row: Credential | Reconnection) -> _Key:
    return ("store", row.store_id) if row.store_id else ("account", row.klaviyo_account_id)


def _facts(
    store: Store,
    lane: StoreLane | None,
    logins: dict[_Key, Login],
    reconnects: dict[_Key, Reconnect],
    failed: int,
    calls: tuple[int, int],
    seen: datetime | None,
    now: datetime,
) -> Facts:
    account = store.klaviyo_account
    own, of_account = ("store", store.pk), ("account", account.pk)
    return Facts(
        now=now,
        store_login=logins.get(own),
        account_login=logins.get(of_account),
        reconnect=reconnects.get(own) or reconnects.get(of_account),
        account_trouble=_trouble(account),
        store_trouble=_trouble(store),
        paused_at=store.paused_at,
        held_since=account.held_since,
        not_before=lane.not_before if lane else None,
        failures=lane.failures if lane else 0,
        lease_until=lane.lease_until if lane else None,
        last_received_at=store.last_received_at,  # type: ignore[attr-defined]
        last_delivered_at=store.last_delivered_at,  # type: ignore[attr-defined]
        oldest_waiting_at=store.oldest_waiting_at,  # type: ignore[attr-defined]
        due_at=store.due_at,  # type: ignore[attr-defined]
        last_progress_at=lane.progressed_at if lane else None,
        calls=calls[0],
        throttled=calls[1],
        failed_records=failed,
        workers_seen_at=seen,
    )


def _trouble(on: Guarded) -> Trouble | None:
    """What holds work back, if its platform has trouble."""
    if on.tripped_at is None:
        return None
    known = breakers.of(on)
    return Trouble(on.tripped_at, known.probe_at if known else None)


# --- one store -----------------------------------------------------------------------------------


class StorePage(msgspec.Struct):
    """Everything the page of one store shows to a merchant."""

    row: StoreRow
    ranges: dict[str, figures.Figures]
    chart: list[figures.Figures]
    login: Credential | None
    account_login: Credential | None
    refused: int
    latest: list[Event]
    outage: bool
    outage_since: datetime | None

    @property
    def busy(self) -> bool:
        """Whether something is on its way, so that looking again soon is worth it."""
        return any(one.waiting for one in self.ranges.values())


def store_page(store: Store, *, range_name: str, now: datetime) -> StorePage:
    """Read the page of one store."""
    seen = health.workers_seen_at()
    row = store_rows(Store.objects.filter(pk=store.pk), seen=seen, now=now)[0]
    starts = {name: figures.since(name, now) for name in figures.RANGES}
    counted = figures.of_store(store, list(starts.values()))
    logins = list(
        Credential.objects.filter(
            Q(store=store) | Q(klaviyo_account=store.klaviyo_account_id)
        ).defer("secret")
    )
    return StorePage(
        row=row,
        ranges=dict(zip(starts, counted, strict=True)),
        chart=figures.series(store, range_name, now),
        login=next((one for one in logins if one.store_id), None),
        account_login=next((one for one in logins if one.klaviyo_account_id), None),
        refused=refused_since(store, now - figures.RANGES["week"]),
        latest=list(
            Event.objects.live()
            .filter(store=store)
            .defer("body")
            .order_by("-received_at", "-id")[:10]
        ),
        outage=is_outage(seen, now),
        outage_since=seen,
    )


def refused_since(store: Store, start: datetime) -> int:
    """How many messages to this store's address were turned away as not genuine."""
    counted = RefusalCount.objects.filter(store=store, hour__gte=start).aggregate(n=Sum("count"))
    return counted["n"] or 0


class Support(msgspec.Struct):
    """The trade's view of one store, for staff."""

    lanes: list[StoreLane]
    allowances: list[allowance.Allowance]
    refusals: list[RefusalCount]
    calls: list[Call]


def support(store: Store, *, now: datetime) -> Support:
    """Read what support needs to know of a store's lanes and calls."""
    return Support(
        lanes=list(StoreLane.objects.filter(store=store).order_by("lane")),
        allowances=allowance.of_account(store.klaviyo_account_id, now=now),
        refusals=list(RefusalCount.objects.filter(store=store).order_by("-hour", "reason")[:10]),
        calls=list(
            Call.objects.filter(klaviyo_account=store.klaviyo_account_id).order_by("-id")[:5]
        ),
    )
