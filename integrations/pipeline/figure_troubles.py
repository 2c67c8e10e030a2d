"""Every shop and account by its figures, the greatest trouble first."""

from collections import defaultdict
from datetime import datetime, timedelta

import msgspec
from django.db import connection
from django.db.models import Case, F, FloatField, Max, Sum, When
from django.db.models.functions import Cast

from integrations.domain import thresholds
from integrations.domain.histograms import LAG, LATENCY
from integrations.domain.resolutions import Resolution
from integrations.domain.thresholds import Verdict
from integrations.models import CallFigures, DepthFigures, KlaviyoAccount, RefusalCount, Store

from . import measuring_sql
from .figure_pages import Depth, Outcome
from .figure_ranges import Range, Span, span

A_DAY = timedelta(days=1)


class Calls(msgspec.Struct):
    """The calls of one account, or to one shop."""

    calls: int = 0
    throttled: int = 0
    errors: int = 0
    # The busiest minute in per cent of what a minute allowed.
    use: float = 0
    # Read for the rows of a page only.
    latency: list[int] = []

    @property
    def verdict(self) -> Verdict:
        """How bad the share of calls is that came too fast."""
        return thresholds.of_refusals_for_speed(self.throttled, self.calls)

    @property
    def throttled_share(self) -> float:
        """In per cent of all calls."""
        return thresholds.share(self.throttled, self.calls)

    @property
    def half(self) -> float | None:
        """Half of the calls took so many milliseconds at most."""
        return LATENCY.quantile(self.latency, 0.5)

    @property
    def most(self) -> float | None:
        """And 95 of 100."""
        return LATENCY.quantile(self.latency, 0.95)


class Shop(msgspec.Struct):
    """One shop in the list."""

    pk: int
    name: str
    public_id: str
    outcome: Outcome
    calls: Calls
    depth: Depth
    # How many more failed records there are than a day ago; None where nobody looked then.
    growth: int | None
    refused: int

    @property
    def accepted_share(self) -> float:
        """In per cent of what came to its address."""
        return 100 - thresholds.share(self.refused, self.outcome.arrived + self.refused)

    @property
    def verdict(self) -> Verdict:
        """The worst that can be said of it."""
        return thresholds.worst(
            self.outcome.verdict,
            self.calls.verdict,
            thresholds.of_lag(self.outcome.most),
            thresholds.of_lag(self.depth.oldest_seconds if self.depth.waiting else None),
            thresholds.of_failures(self.refused, self.outcome.arrived + self.refused),
        )


class Account(msgspec.Struct):
    """One account in the list."""

    pk: int
    name: str
    public_id: str
    calls: Calls


class Troubles(msgspec.Struct):
    """A page of shops and a page of accounts, and how many there are that need a look."""

    span: Span
    shops: list[Shop]
    accounts: list[Account]
    troubled_shops: int
    troubled_accounts: int
    more_shops: bool
    more_accounts: bool
    # All shops together; None where nobody looked lately.
    depth: Depth | None


PAGE = 50
TROUBLE = {Verdict.WARNING, Verdict.CRITICAL}


def of_all(chosen: Range, *, shops: int, accounts: int, now: datetime) -> Troubles:
    """Read everybody's figures; the pages of shops and of accounts begin at places of their own."""
    where = span(chosen, now)
    calls = _calls(where)
    depths, depth = _depths(now)
    all_shops = sorted(_shops(where, calls, depths, now), key=_shop_order)
    all_accounts = sorted(_accounts(calls), key=_account_order)
    shown = all_accounts[accounts : accounts + PAGE]
    _add_latency(shown, where)
    return Troubles(
        span=where,
        shops=all_shops[shops : shops + PAGE],
        accounts=shown,
        troubled_shops=sum(one.verdict in TROUBLE for one in all_shops),
        troubled_accounts=sum(one.calls.verdict in TROUBLE for one in all_accounts),
        more_shops=len(all_shops) > shops + PAGE,
        more_accounts=len(all_accounts) > accounts + PAGE,
        depth=depth,
    )


def _shop_order(one: Shop) -> tuple[int, float, float, float, str]:
    worst = list(Verdict).index(one.verdict)
    shares = one.calls.throttled_share, one.outcome.failed_share
    return worst, -max(shares), -(one.outcome.most or 0), -one.depth.waiting, one.name.lower()


def _account_order(one: Account) -> tuple[int, float, float, str]:
    worst = list(Verdict).index(one.calls.verdict)
    return worst, -one.calls.throttled_share, -one.calls.use, one.name.lower()


# --- shops ---------------------------------------------------------------------------------------

_LAGS = f"""
SELECT store_id, sum(arrived)::int, sum(settled)::int, sum(delivered)::int, sum(failed)::int,
  {measuring_sql.merged("lag", LAG)}
FROM integrations_lagfigures WHERE resolution = %s AND start >= %s GROUP BY store_id
"""


def _shops(
    where: Span, calls: dict[tuple[str, int], Calls], depths: dict[int, Depth], now: datetime
) -> list[Shop]:
    outcomes, refused, before = _outcomes(where), _refused(where), _failed_before(now)
    rows = Store.objects.values_list("pk", "name", "public_id")
    return [
        Shop(
            pk=pk,
            name=name,
            public_id=str(public_id),
            outcome=outcomes.get(pk) or Outcome(),
            calls=calls.get(("shop", pk)) or Calls(),
            depth=(depth := depths.get(pk) or Depth()),
            growth=depth.failed_open - before.get(pk, 0) if before is not None else None,
            refused=refused.get(pk, 0),
        )
        for pk, name, public_id in rows
    ]


def _outcomes(where: Span) -> dict[int, Outcome]:
    with connection.cursor() as cursor:
        cursor.execute(_LAGS, [int(where.chosen.resolution), where.since])
        return {pk: Outcome(*numbers) for pk, *numbers in cursor.fetchall()}


def _refused(where: Span) -> dict[int, int]:
    rows = RefusalCount.objects.filter(hour__gte=where.since, store__isnull=False)
    return dict(rows.values_list("store_id").annotate(n=Sum("count")).values_list("store_id", "n"))


def _depths(now: datetime) -> tuple[dict[int, Depth], Depth | None]:
    """What waited of each shop when somebody looked last, and of all together."""
    looked = DepthFigures.objects.filter(resolution=Resolution.MINUTE, start__gte=now - A_DAY)
    last = looked.filter(store=None).order_by("-start").values_list("start", flat=True).first()
    if last is None:
        return {}, None
    rows = DepthFigures.objects.filter(resolution=Resolution.MINUTE, start=last)
    found = {
        row[0]: Depth(*row[1:])
        for row in rows.values_list("store_id", "waiting", "oldest_seconds", "failed_open")
    }
    together = found.pop(None, None)  # type: ignore[call-overload]
    return found, together


def _failed_before(now: datetime) -> dict[int, int] | None:
    """How many failed records there were a day ago; None where nobody looked."""
    hour = Resolution.HOUR.floor(now - A_DAY)
    rows = DepthFigures.objects.filter(resolution=Resolution.HOUR, start=hour)
    found = dict(rows.values_list("store_id", "failed_open"))
    return found if None in found else None  # type: ignore[comparison-overlap,return-value]


# --- calls ---------------------------------------------------------------------------------------


def _calls(where: Span) -> dict[tuple[str, int], Calls]:
    """The calls of everybody, by whose they are."""
    use = Case(
        When(allowed__gt=0, then=Cast(F("busiest"), FloatField()) * 100 / F("allowed")), default=0.0
    )
    rows = (
        CallFigures.objects.filter(resolution=where.chosen.resolution, start__gte=where.since)
        .values("klaviyo_account_id", "store_id")
        .annotate(made=Sum("calls"), refused=Sum("throttled"), broken=Sum("errors"), use=Max(use))
    )
    return {
        ("account", row["klaviyo_account_id"])
        if row["klaviyo_account_id"]
        else ("shop", row["store_id"]): Calls(
            row["made"], row["refused"], row["broken"], row["use"]
        )
        for row in rows
    }


def _accounts(calls: dict[tuple[str, int], Calls]) -> list[Account]:
    rows = KlaviyoAccount.objects.values_list("pk", "name", "public_id")
    return [
        Account(pk, name, str(public_id), calls.get(("account", pk)) or Calls())
        for pk, name, public_id in rows
    ]


def _add_latency(accounts: list[Account], where: Span) -> None:
    rows = CallFigures.objects.filter(
        klaviyo_account__in=[one.pk for one in accounts],
        resolution=where.chosen.resolution,
        start__gte=where.since,
    )
    spread: dict[int | None, list[list[int]]] = defaultdict(list)
    for pk, latency in rows.values_list("klaviyo_account_id", "latency"):
        spread[pk].append(latency)
    for one in accounts:
        one.calls.latency = LATENCY.merge(spread[one.pk])
