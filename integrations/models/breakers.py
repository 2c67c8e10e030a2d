"""The switch that holds work back while a platform has trouble, and each time it did."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from integrations.domain.breaking import BreakerState

from .accounts import KlaviyoAccount
from .stores import Store


class BreakerQuerySet(models.QuerySet["Breaker"]):
    """Breakers, by what is to be done."""

    def due(self, now: datetime) -> Self:
        """Those whose probe should be made now, and that nobody is making."""
        return self.troubled().filter(
            Q(probing_until=None) | Q(probing_until__lt=now), probe_at__lte=now
        )

    def troubled(self) -> Self:
        """Those that are open, or may be soon."""
        return self.exclude(state=BreakerState.CLOSED)

    def claim(self, pk: int, *, until: datetime, now: datetime) -> bool:
        """Take a probe that is due; True for exactly one caller."""
        return bool(self.due(now).filter(pk=pk).update(probing_until=until))


class Breaker(models.Model):
    """What is known of an account's side of Klaviyo, or of a shop's side of its platform.

    While it is open, `tripped_at` of the account or store is set: the statements that claim work
    read that row anyway, so holding work costs them nothing. A row is made at the first failure.
    """

    klaviyo_account = models.OneToOneField(
        KlaviyoAccount, models.CASCADE, null=True, blank=True, related_name="breaker"
    )
    store = models.OneToOneField(
        Store, models.CASCADE, null=True, blank=True, related_name="breaker"
    )
    state = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in BreakerState],
        default=BreakerState.CLOSED,
    )
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    probes = models.IntegerField(default=0)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    probe_at = models.DateTimeField(null=True, blank=True)
    probing_until = models.DateTimeField(null=True, blank=True)

    objects = BreakerQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["probe_at"],
                condition=~Q(state=BreakerState.CLOSED),
                name="breaker_to_probe",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(klaviyo_account__isnull=False) ^ Q(store__isnull=False),
                name="breaker_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(state__in=list(BreakerState)), name="breaker_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state=BreakerState.CLOSED, probe_at=None)
                | (~Q(state=BreakerState.CLOSED) & Q(probe_at__isnull=False)),
                name="breaker_probed_unless_closed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.guards}: {self.state}"

    @property
    def guards(self) -> KlaviyoAccount | Store:
        """The account or store whose work it holds."""
        found = self.klaviyo_account or self.store
        assert found is not None  # noqa: S101 - the database sees to it
        return found


class Opening(models.Model):
    """One time that work was held back, from the first probe that failed to the answer."""

    breaker = models.ForeignKey(Breaker, models.CASCADE, related_name="openings")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500)
    code = models.CharField(max_length=60, blank=True)
    # Probes that failed, the one that opened it among them.
    probes = models.IntegerField(default=1)

    class Meta:
        indexes = [models.Index(fields=["breaker", "-id"], name="opening_by_breaker")]
        constraints = [
            models.UniqueConstraint(
                fields=["breaker"], condition=Q(closed_at=None), name="opening_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.opened_at:%Y-%m-%d %H:%M} {self.reason}"
