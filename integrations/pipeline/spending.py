"""Who is spending which limit: accounts' calls by lane and shop, and shops' query points.

The windows are those of the budgets, which count a call as it is granted. Whose they are is read
from the calls themselves, which are on record once their batch is settled; what is not yet, and
what others spent with another key, is shown as a rest.
"""

from collections import defaultdict
from datetime import datetime, timedelta

import msgspec
from django.db.models import Count, Q

from integrations.domain import budgets as domain
from integrations.domain.budgets import BURST_SLOTS, STEADY_SLOTS, Limits
from integrations.domain.lanes import Lane
from integrations.models import Budget, Call, KlaviyoAccount, ShopBudget, Store, User
from integrations.platforms.klaviyo.endpoints import FACTS, Endpoint

from . import budgets, points

MINUTE = timedelta(minutes=1)
PAGE = 20
# Endpoints nobody used for so long are left out.
RECENT = timedelta(minutes=10)


class Spender(msgspec.Struct, frozen=True):
    """What one lane of one shop spent of an endpoint in the last minute and second."""

    lane: Lane | None
    store: Store | None
    minute: int
    second: int


class Limit(msgspec.Struct):
    """One endpoint of one account."""

    endpoint: str
    burst: int
    steady: int
    # Whether the account's own answers named another limit than the published one.
    is_learned: bool
    burst_used: int
    steady_used: int
    # What past data leaves to live work.
    kept: Limits
    blocked_until: datetime | None
    spenders: list[Spender]

    @property
    def rest(self) -> int:
        """Calls of the last minute that are on their way, or were made by somebody else."""
        return max(0, self.steady_used - sum(one.minute for one in self.spenders))

    @property
    def free(self) -> int:
        """What past data may still spend in this minute."""
        return max(0, self.steady - self.kept.steady - self.steady_used)


class Points(msgspec.Struct, frozen=True):
    """The query points of one shop."""

    store: Store
    available: int
    maximum: int
    restore_rate: int
    kept: int
    blocked_until: datetime | None


class AccountUse(msgspec.Struct):
    """What is spent for one account and by the shops that feed it."""

    account: KlaviyoAccount
    limits: list[Limit]
    points: list[Points]


class Use(msgspec.Struct):
    """A page of accounts, and where the next one begins."""

    accounts: list[AccountUse]
    since: datetime
    following: int | None


def use(user: User, *, start: int = 0, now: datetime) -> Use:
    """Who is spending what, of every account somebody may see, the busiest lately first."""
    rows = KlaviyoAccount.objects.visible_to(user).select_related("merchant")
    found = list(rows.order_by("name", "id")[start : start + PAGE + 1])
    following = start + PAGE if len(found) > PAGE else None
    return Use(_of(found[:PAGE], now), now - MINUTE, following)


def of_account(account: KlaviyoAccount, *, now: datetime) -> Use:
    """Who is spending what of one account."""
    return Use(_of([account], now), now - MINUTE, None)


def _of(accounts: list[KlaviyoAccount], now: datetime) -> list[AccountUse]:
    keys = [account.pk for account in accounts]
    stores = {store.pk: store for store in Store.objects.filter(klaviyo_account__in=keys)}
    spenders = _spenders(keys, stores, now)
    limits: dict[int, list[Limit]] = defaultdict(list)
    used = Budget.objects.filter(klaviyo_account__in=keys, updated_at__gt=now - RECENT)
    for row in used.order_by("endpoint"):
        mine = spenders.get((row.klaviyo_account_id, row.endpoint), [])
        limits[row.klaviyo_account_id].append(_limit(row, mine, now))
    buckets: dict[int, list[Points]] = defaultdict(list)
    for bucket in ShopBudget.objects.filter(store__in=list(stores)).order_by("store__name"):
        store = stores[bucket.store_id]
        buckets[store.klaviyo_account_id].append(_points(bucket, store, now))
    return [AccountUse(one, limits[one.pk], buckets[one.pk]) for one in accounts]


def _spenders(
    accounts: list[int], stores: dict[int, Store], now: datetime
) -> dict[tuple[int, str], list[Spender]]:
    """One query over the calls of the last minute, by their time."""
    rows = (
        Call.objects.filter(klaviyo_account__in=accounts, started_at__gte=now - MINUTE)
        .values("klaviyo_account", "endpoint", "lane", "store")
        .annotate(
            minute=Count("pk"),
            second=Count("pk", filter=Q(started_at__gte=now - timedelta(seconds=1))),
        )
        .order_by("lane", "-minute")
    )
    found: dict[tuple[int, str], list[Spender]] = defaultdict(list)
    for row in rows:
        lane = Lane(row["lane"]) if row["lane"] is not None else None
        found[row["klaviyo_account"], row["endpoint"]].append(
            Spender(lane, stores.get(row["store"]), row["minute"], row["second"])
        )
    return found


def _limit(row: Budget, spenders: list[Spender], now: datetime) -> Limit:
    usage = budgets.usage_of(row)
    published = FACTS[Endpoint(row.endpoint)].limits if row.endpoint in set(Endpoint) else None
    blocked = row.blocked_until if row.blocked_until and row.blocked_until > now else None
    return Limit(
        endpoint=row.endpoint,
        burst=row.burst,
        steady=row.steady,
        is_learned=published is not None and published != Limits(row.burst, row.steady),
        burst_used=min(usage.spent(now, BURST_SLOTS), row.burst),
        steady_used=min(usage.spent(now, STEADY_SLOTS), row.steady),
        kept=domain.reserve(usage, budgets.limits_of(row), lane=Lane.BACKFILL, now=now),
        blocked_until=blocked,
        spenders=spenders,
    )


def _points(row: ShopBudget, store: Store, now: datetime) -> Points:
    blocked = row.blocked_until if row.blocked_until and row.blocked_until > now else None
    return Points(
        store=store,
        available=int(points.available(row, now)),
        maximum=int(row.maximum),
        restore_rate=int(row.restore_rate),
        kept=int(points.reserve(row, now)),
        blocked_until=blocked,
    )


# --- the calls themselves ------------------------------------------------------------------------

CALLS = 50
COUNT_LIMIT = 1000
LONGEST = timedelta(days=1)


class CallFilter(msgspec.Struct, frozen=True):
    """What a list of calls is narrowed to; empty parts do not narrow."""

    endpoint: str = ""
    lane: Lane | None = None
    store: str = ""
    since: datetime | None = None
    until: datetime | None = None
    # "throttled": too fast (429); "errors": any other failure.
    outcome: str = ""


OUTCOMES = {
    "throttled": Q(status=429),
    "errors": (Q(status=None) | Q(status__gte=400)) & ~Q(status=429),
}


class CallPage(msgspec.Struct):
    """One page of calls, newest first."""

    rows: list[Call]
    since: datetime
    count: int
    more_than_counted: bool
    after: str


def calls(of: KlaviyoAccount | Store, wanted: CallFilter, *, after: str, now: datetime) -> CallPage:
    """The calls to an account, or to a shop, of a day at most; an index has them by their time."""
    since = max(wanted.since or now - LONGEST, now - LONGEST)
    rows = Call.objects.filter(started_at__gte=since)
    if isinstance(of, Store):
        # Calls to Klaviyo for this shop are its account's.
        rows = rows.filter(store=of, klaviyo_account=None)
    else:
        rows = rows.filter(klaviyo_account=of)
    if wanted.until:
        rows = rows.filter(started_at__lt=wanted.until)
    if wanted.outcome:
        rows = rows.filter(OUTCOMES[wanted.outcome])
    if wanted.endpoint:
        rows = rows.filter(endpoint=wanted.endpoint)
    if wanted.lane is not None:
        rows = rows.filter(lane=wanted.lane)
    if wanted.store:
        rows = rows.filter(store__public_id=wanted.store)
    count = rows.order_by()[: COUNT_LIMIT + 1].count()
    moment, _, pk = after.partition("-")
    if moment.isdigit() and pk.isdigit():
        at = datetime.fromtimestamp(int(moment[:17]) / 1_000_000, tz=now.tzinfo)
        rows = rows.filter(started_at__lte=at).filter(
            Q(started_at__lt=at) | Q(started_at=at, pk__lt=int(pk[:18]))
        )
    found = list(rows.select_related("store").order_by("-started_at", "-id")[: CALLS + 1])
    last = found[CALLS - 1] if len(found) > CALLS else None
    following = f"{round(last.started_at.timestamp() * 1_000_000)}-{last.pk}" if last else ""
    return CallPage(found[:CALLS], since, min(count, COUNT_LIMIT), count > COUNT_LIMIT, following)
