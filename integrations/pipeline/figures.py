"""How much arrived and what became of it, in numbers that add up.

These are questions about now: what was read of the past is counted by its windows instead.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Count, DateTimeField, F, Func, Q, Sum, Value

from integrations.models import Event, Store, Tally

RANGES: dict[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
ENDS = ("delivered", "skipped", "dead")
# How much time one bar of a chart stands for.
BARS: dict[str, timedelta] = {
    "hour": timedelta(minutes=2),
    "day": timedelta(minutes=30),
    "week": timedelta(hours=4),
}


class Figures(msgspec.Struct):
    """What arrived in one span of time, by what became of it."""

    since: datetime
    delivered: int = 0
    skipped: int = 0
    dead: int = 0
    waiting: int = 0
    lag_seconds: float = 0

    @property
    def arrived(self) -> int:
        """Everything; the four parts always add up to it."""
        return self.delivered + self.skipped + self.dead + self.waiting

    @property
    def mean_lag(self) -> float | None:
        """How long the delivered ones took from arrival, in seconds."""
        return self.lag_seconds / self.delivered if self.delivered else None

    def of(self, state: str) -> int:
        """The number of one state, or of all."""
        return int(getattr(self, state)) if state else self.arrived


def since(range_name: str, now: datetime) -> datetime:
    """The start of a range: a whole minute, because arrivals are counted by the minute."""
    return now.replace(second=0, microsecond=0) - RANGES[range_name]


def of_store(store: Store, starts: Sequence[datetime]) -> list[Figures]:
    """Count what one store sent since each of several moments, in two queries."""
    ended = Tally.objects.filter(store=store, minute__gte=min(starts)).aggregate(
        **{
            f"{name}_{number}": Sum(name, filter=Q(minute__gte=start), default=0)
            for number, start in enumerate(starts)
            for name in (*ENDS, "lag_seconds")
        }
    )
    on_its_way = (
        Event.objects.live()
        .waiting()
        .filter(store=store, received_at__gte=min(starts))
        .aggregate(
            **{
                f"waiting_{number}": Count("pk", filter=Q(received_at__gte=start))
                for number, start in enumerate(starts)
            }
        )
    )
    counts = ended | on_its_way
    return [
        Figures(
            start,
            **{name: counts[f"{name}_{number}"] for name in (*ENDS, "lag_seconds", "waiting")},
        )
        for number, start in enumerate(starts)
    ]


def of_stores(store_ids: Sequence[int], start: datetime) -> dict[int, Figures]:
    """Count what several stores sent since one moment, in two queries."""
    found = {pk: Figures(start) for pk in store_ids}
    ended = (
        Tally.objects.filter(store_id__in=store_ids, minute__gte=start)
        .values("store_id")
        .annotate(Sum("delivered"), Sum("skipped"), Sum("dead"))
    )
    for row in ended:
        one = found[row["store_id"]]
        one.delivered, one.skipped, one.dead = (
            row["delivered__sum"],
            row["skipped__sum"],
            row["dead__sum"],
        )
    on_its_way = (
        Event.objects.live()
        .waiting()
        .filter(store_id__in=store_ids, received_at__gte=start)
        .values_list("store_id")
        .annotate(n=Count("pk"))
    )
    for pk, n in on_its_way:
        found[pk].waiting = n
    return found


class _Bin(Func):
    """The start of the piece of time a moment falls into."""

    function = "date_bin"
    template = "%(function)s(%(expressions)s)"


def series(store: Store, range_name: str, now: datetime) -> list[Figures]:
    """Count one range in equal pieces, oldest first, empty ones included."""
    step, start = BARS[range_name], since(range_name, now)
    first = _floor(start, step)
    # The first and the last piece may be cut, so that the pieces add up to the range's figures.
    pieces = int((now - first) / step) + 1
    bars = {first + number * step: Figures(first + number * step) for number in range(pieces)}
    ended = _binned(Tally.objects.filter(store=store, minute__gte=start), "minute", step)
    for row in ended.annotate(Sum("delivered"), Sum("skipped"), Sum("dead")):
        bar = bars.setdefault(row["bin"], Figures(row["bin"]))
        bar.delivered, bar.skipped, bar.dead = (
            row["delivered__sum"],
            row["skipped__sum"],
            row["dead__sum"],
        )
    waiting = Event.objects.live().waiting().filter(store=store, received_at__gte=start)
    for row in _binned(waiting, "received_at", step).annotate(n=Count("pk")):
        bars.setdefault(row["bin"], Figures(row["bin"])).waiting = row["n"]
    return list(bars.values())


_EPOCH = datetime.fromisoformat("2020-01-01T00:00:00+00:00")


def _binned(rows: Any, field: str, step: timedelta) -> Any:
    return rows.values(
        bin=_Bin(Value(step), F(field), Value(_EPOCH), output_field=DateTimeField())
    ).order_by("bin")


def _floor(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % step


def count(store: Store, *, state: str, start: datetime) -> int:
    """The number of events of one state, or of all, since a whole minute."""
    return of_store(store, [start])[0].of(state)
