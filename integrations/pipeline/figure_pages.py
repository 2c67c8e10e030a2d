"""What the figures of one shop show: read-only, a fixed number of queries and bounded rows."""

from collections import defaultdict
from datetime import datetime, timedelta

import msgspec
from django.db.models import Max, Q, Sum

from integrations.domain import thresholds
from integrations.domain.data_types import DataType
from integrations.domain.histograms import LAG, LATENCY
from integrations.domain.resolutions import floor
from integrations.domain.thresholds import Verdict
from integrations.models import CallFigures, DepthFigures, LagFigures, RefusalCount, Store

from .figure_ranges import Range, Span, span


class Outcome(msgspec.Struct):
    """What became of messages that arrived together, and how quickly."""

    arrived: int = 0
    settled: int = 0
    delivered: int = 0
    failed: int = 0
    lag: list[int] = []

    def add(self, row: "Outcome") -> None:
        """Put another one's messages to these."""
        self.arrived += row.arrived
        self.settled += row.settled
        self.delivered += row.delivered
        self.failed += row.failed
        self.lag = LAG.merge([self.lag, row.lag])

    @property
    def skipped(self) -> int:
        """Of which Klaviyo needs nothing."""
        return self.settled - self.delivered - self.failed

    @property
    def waiting(self) -> int:
        """On their way when they were counted last."""
        return self.arrived - self.settled

    @property
    def half(self) -> float | None:
        """Half of what was delivered took this long at most."""
        return LAG.quantile(self.lag, 0.5)

    @property
    def most(self) -> float | None:
        """And 95 of 100."""
        return LAG.quantile(self.lag, 0.95)

    @property
    def nearly_all(self) -> float | None:
        """And 99 of 100."""
        return LAG.quantile(self.lag, 0.99)

    @property
    def verdict(self) -> Verdict:
        """How bad the share of failures is."""
        return thresholds.of_failures(self.failed, self.settled)

    @property
    def failed_share(self) -> float:
        """In per cent of what is settled."""
        return thresholds.share(self.failed, self.settled)


class Depth(msgspec.Struct):
    """The most that waited in a piece of time."""

    waiting: int = 0
    oldest_seconds: int = 0
    failed_open: int = 0


class Point(msgspec.Struct):
    """A piece of time in a chart."""

    since: datetime
    outcome: Outcome
    # None where nobody looked.
    depth: Depth | None = None


class Endpoint(msgspec.Struct):
    """The calls to one endpoint in a range."""

    endpoint: str
    calls: int
    throttled: int
    errors: int
    latency: list[int]
    allowed: int
    busiest: int

    @property
    def half(self) -> float | None:
        """Half of the calls took so many milliseconds at most."""
        return LATENCY.quantile(self.latency, 0.5)

    @property
    def most(self) -> float | None:
        """And 95 of 100."""
        return LATENCY.quantile(self.latency, 0.95)

    @property
    def verdict(self) -> Verdict:
        """How bad the share of calls is that came too fast."""
        return thresholds.of_refusals_for_speed(self.throttled, self.calls)


class StoreFigures(msgspec.Struct):
    """Everything the page of figures of one shop shows."""

    span: Span
    total: Outcome
    of_kinds: dict[DataType, Outcome]
    points: list[Point]
    of_account: list[Endpoint]
    of_shop: list[Endpoint]
    refused: int
    # Whether the calls of the whole range are still listed.
    lists_calls: bool

    @property
    def deepest(self) -> Point | None:
        """When most waited; None where nothing did."""
        looked = [one for one in self.points if one.depth and one.depth.waiting]
        return max(looked, key=lambda one: one.depth.waiting if one.depth else 0, default=None)


CALLS_LISTED = timedelta(days=1)


def of_store(store: Store, chosen: Range, *, now: datetime) -> StoreFigures:
    """Read the figures of one shop."""
    where = span(chosen, now)
    kinds, points = _outcomes(store, where)
    _add_depths(store, where, points)
    refused = RefusalCount.objects.filter(store=store, hour__gte=where.since)
    return StoreFigures(
        span=where,
        total=_together(list(kinds.values())),
        of_kinds={kind: kinds[kind] for kind in DataType if kind in kinds},
        points=list(points.values()),
        of_account=_endpoints(Q(klaviyo_account=store.klaviyo_account_id), where),
        of_shop=_endpoints(Q(store=store), where),
        refused=refused.aggregate(n=Sum("count"))["n"] or 0,
        lists_calls=now - where.since <= CALLS_LISTED,
    )


def _outcomes(store: Store, where: Span) -> tuple[dict[DataType, Outcome], dict[datetime, Point]]:
    """What became of messages, by kind of data and by piece of time."""
    kinds: dict[DataType, Outcome] = defaultdict(Outcome)
    points = {start: Point(start, Outcome()) for start in where.steps}
    rows = LagFigures.objects.filter(
        store=store, resolution=where.chosen.resolution, start__gte=where.since
    ).values_list("data_type", "start", "arrived", "settled", "delivered", "failed", "lag")
    for kind, start, arrived, settled, delivered, failed, lag in rows:
        one = Outcome(arrived, settled, delivered, failed, lag)
        kinds[DataType(kind)].add(one)
        point = points.get(floor(start, where.chosen.step))
        if point is not None:
            point.outcome.add(one)
    return kinds, points


def _together(many: list[Outcome]) -> Outcome:
    total = Outcome()
    for one in many:
        total.add(one)
    return total


def _add_depths(store: Store, where: Span, points: dict[datetime, Point]) -> None:
    rows = DepthFigures.objects.filter(
        Q(store=store) | Q(store=None),
        resolution=where.chosen.resolution,
        start__gte=where.since,
    ).values_list("store_id", "start", "waiting", "oldest_seconds", "failed_open")
    for store_id, start, waiting, oldest, failed in rows:
        point = points.get(floor(start, where.chosen.step))
        if point is None:
            continue
        depth = point.depth = point.depth or Depth()
        # The row without a shop says that somebody looked; its sums are not of this shop.
        if store_id is not None:
            depth.waiting = max(depth.waiting, waiting)
            depth.oldest_seconds = max(depth.oldest_seconds, oldest)
            depth.failed_open = max(depth.failed_open, failed)


def _endpoints(of: Q, where: Span) -> list[Endpoint]:
    """The calls of one account, or one shop, by endpoint, the busiest first."""
    found = CallFigures.objects.filter(
        of, resolution=where.chosen.resolution, start__gte=where.since
    )
    spread: dict[str, list[int]] = {}
    for endpoint, latency in found.values_list("endpoint", "latency"):
        spread[endpoint] = LATENCY.merge([spread.get(endpoint, []), latency])
    sums = (
        found.values("endpoint")
        .annotate(
            made=Sum("calls"),
            refused=Sum("throttled"),
            broken=Sum("errors"),
            most=Max("busiest"),
            limit=Max("allowed"),
        )
        .order_by("-made", "endpoint")
    )
    return [
        Endpoint(
            endpoint=row["endpoint"],
            calls=row["made"],
            throttled=row["refused"],
            errors=row["broken"],
            latency=spread[row["endpoint"]],
            allowed=row["limit"],
            busiest=row["most"],
        )
        for row in sums
    ]
