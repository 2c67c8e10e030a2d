"""Figures by the minute, rolled up to hours and days; see docs/adr/0025."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from integrations.domain.data_types import WORDS
from integrations.domain.resolutions import Resolution

from .accounts import KlaviyoAccount
from .stores import Store

RESOLUTIONS = [(one.value, one.name.lower()) for one in Resolution]


class CallFigures(models.Model):
    """The calls to one endpoint in one minute, hour or day: of an account, or of a shop."""

    klaviyo_account = models.ForeignKey(
        KlaviyoAccount, models.CASCADE, null=True, related_name="+", db_index=False
    )
    store = models.ForeignKey(Store, models.CASCADE, null=True, related_name="+", db_index=False)
    endpoint = models.CharField(max_length=80)
    resolution = models.SmallIntegerField(choices=RESOLUTIONS)
    start = models.DateTimeField()
    calls = models.IntegerField()
    # Answered with 429: too fast.
    throttled = models.IntegerField()
    # Answered with another status from 400 on, or not at all.
    errors = models.IntegerField()
    milliseconds = models.BigIntegerField()
    # By the buckets of `histograms.LATENCY`.
    latency = ArrayField(models.IntegerField())
    # The calls a minute allowed then, and the busiest minute; nought where no limit is known.
    allowed = models.IntegerField(default=0)
    busiest = models.IntegerField(default=0)

    class Meta:
        verbose_name_plural = "call figures"
        constraints = [
            # Begins with the time: pages about everybody and the pruning ask so.
            models.UniqueConstraint(
                fields=["resolution", "start", "klaviyo_account", "store", "endpoint"],
                name="call_figures_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(klaviyo_account=None) ^ Q(store=None), name="call_figures_of_one"
            ),
        ]
        indexes = [
            models.Index(
                fields=["klaviyo_account", "resolution", "start"],
                condition=Q(klaviyo_account__isnull=False),
                name="call_figures_of_account",
            ),
            models.Index(
                fields=["store", "resolution", "start"],
                condition=Q(store__isnull=False),
                name="call_figures_of_store",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.start:%Y-%m-%d %H:%M}: {self.calls}"


class LagFigures(models.Model):
    """What became of the messages that arrived in one minute, hour or day, and how quickly."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="+", db_index=False)
    data_type = models.CharField(max_length=10, choices=list(WORDS.items()))
    resolution = models.SmallIntegerField(choices=RESOLUTIONS)
    start = models.DateTimeField()
    # Of which `delivered` and `failed`; the rest was skipped by a rule, or is on its way.
    arrived = models.IntegerField()
    settled = models.IntegerField()
    delivered = models.IntegerField()
    failed = models.IntegerField()
    # Of the delivered ones, by the buckets of `histograms.LAG`.
    lag = ArrayField(models.IntegerField())

    class Meta:
        verbose_name_plural = "lag figures"
        constraints = [
            models.UniqueConstraint(
                fields=["resolution", "start", "store", "data_type"], name="lag_figures_once"
            )
        ]
        indexes = [
            models.Index(fields=["store", "resolution", "start"], name="lag_figures_of_store")
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.data_type} {self.start:%Y-%m-%d %H:%M}"


class DepthFigures(models.Model):
    """What waited in one minute, or at most in one hour or day.

    A shop for which nothing waits and nothing has failed has no row; one row without a shop says
    that somebody looked, and holds the sums.
    """

    store = models.ForeignKey(Store, models.CASCADE, null=True, related_name="+", db_index=False)
    resolution = models.SmallIntegerField(choices=RESOLUTIONS)
    start = models.DateTimeField()
    waiting = models.IntegerField()
    oldest_seconds = models.IntegerField()
    failed_open = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "depth figures"
        constraints = [
            models.UniqueConstraint(
                fields=["resolution", "start", "store"],
                name="depth_figures_once",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["store", "resolution", "start"], name="depth_figures_of_store")
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.start:%Y-%m-%d %H:%M}: {self.waiting}"


class UnfinishedMinute(models.Model):
    """A minute of which messages were on their way when it was counted: to be counted again."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="+", db_index=False)
    minute = models.DateTimeField()
    # What its tally came to then; with another number there is something new to count.
    tallied = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "minute"], name="unfinished_minute_once")
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.minute:%Y-%m-%d %H:%M}"


class FigureMark(models.Model):
    """How far figures are counted; whoever counts holds its row."""

    name = models.CharField(max_length=20, primary_key=True)
    counted_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class ScheduleRun(models.Model):
    """One run of a schedule: when, how long, and whether it failed."""

    name = models.CharField(max_length=80)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    # The class of the error; its text might name somebody.
    error = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes = [models.Index(fields=["name", "-began_at"], name="schedule_run_latest")]

    def __str__(self) -> str:
        return f"{self.name} {self.began_at:%Y-%m-%d %H:%M:%S}"
