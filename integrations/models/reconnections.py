"""A soft reconnect under way, and the hours that were missed."""

import uuid

from django.db import models
from django.db.models import Q

from integrations.domain import missed

from .accounts import KlaviyoAccount
from .people import User
from .stores import Store
from .sync_jobs import SyncJob


class ReconnectionQuerySet(models.QuerySet["Reconnection"]):
    """Reconnects, by whether they are over."""

    def open(self) -> "ReconnectionQuerySet":
        """Those that were begun and neither finished nor given up."""
        return self.filter(finished_at=None, cancelled_at=None)


class Reconnection(models.Model):
    """The reconnect of one store or account; each time says which step is behind it.

    It can be left at any moment and taken up again by whoever may.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    store = models.ForeignKey(
        Store, models.CASCADE, null=True, blank=True, related_name="reconnections"
    )
    klaviyo_account = models.ForeignKey(
        KlaviyoAccount, models.CASCADE, null=True, blank=True, related_name="reconnections"
    )
    begun_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    begun_at = models.DateTimeField()
    broken_since = models.DateTimeField(null=True, blank=True)
    # Whether work was already paused by somebody before, and must stay so afterwards.
    was_paused = models.BooleanField(default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    # The old login is let go of; the rest ends at `rest_until`.
    disconnected_at = models.DateTimeField(null=True, blank=True)
    rest_until = models.DateTimeField(null=True, blank=True)
    authorized_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    subscribed_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    # What was let go on: the messages that had arrived from the one time until the other.
    waiting_since = models.DateTimeField(null=True, blank=True)
    released_count = models.IntegerField(default=0)
    caught_up_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    # What stopped the last step, for whoever takes it up again.
    trouble = models.CharField(max_length=500, blank=True)

    objects = ReconnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(store=None) ^ Q(klaviyo_account=None), name="reconnection_of_one"
            ),
            models.UniqueConstraint(
                fields=["store"],
                condition=Q(finished_at=None, cancelled_at=None, store__isnull=False),
                name="reconnection_of_store_once",
            ),
            models.UniqueConstraint(
                fields=["klaviyo_account"],
                condition=Q(finished_at=None, cancelled_at=None, klaviyo_account__isnull=False),
                name="reconnection_of_account_once",
            ),
        ]

    def __str__(self) -> str:
        return f"Reconnect of {self.store or self.klaviyo_account}"


class Gap(models.Model):
    """Hours in which a store's news may not have reached us."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="gaps")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    # Which topics; empty means all.
    topics = models.JSONField(default=list, blank=True)
    cause = models.CharField(max_length=200)
    noticed_at = models.DateTimeField()
    # Somebody, or we ourselves, asked for it to be fetched, and the job that does so.
    asked_at = models.DateTimeField(null=True, blank=True)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    job = models.ForeignKey(SyncJob, models.SET_NULL, null=True, blank=True, related_name="gaps")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["store", "since"], name="gap_open", condition=Q(closed_at=None))
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=models.F("since")), name="gap_half_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.store}: {self.since:%Y-%m-%d %H:%M} to {self.until or 'now'}"

    @property
    def lost_topics(self) -> list[str]:
        """The kinds of message among those named that cannot be made up for."""
        return missed.lost(self.topics)
