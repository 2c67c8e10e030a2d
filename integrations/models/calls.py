"""Proof: each call we made to a platform, and each try of an event that failed."""

from django.db import models

from integrations.domain.lanes import Lane

from .accounts import KlaviyoAccount
from .events import Event
from .stores import Store


class Call(models.Model):
    """One HTTP call to a platform. Ids and figures only, no content."""

    klaviyo_account = models.ForeignKey(
        KlaviyoAccount, models.CASCADE, null=True, blank=True, related_name="calls", db_index=False
    )
    store = models.ForeignKey(
        Store, models.CASCADE, null=True, blank=True, related_name="calls", db_index=False
    )
    endpoint = models.CharField(max_length=80)
    # Whose work it was; none where it was nobody's.
    lane = models.SmallIntegerField(
        null=True, blank=True, choices=[(lane.value, lane.name.lower()) for lane in Lane]
    )
    started_at = models.DateTimeField()
    milliseconds = models.IntegerField()
    status = models.SmallIntegerField(null=True, blank=True)
    items = models.IntegerField()
    sent_bytes = models.IntegerField()
    error = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["klaviyo_account", "-id"], name="call_by_account"),
            models.Index(fields=["store", "-id"], name="call_by_store"),
            models.Index(fields=["started_at"], name="call_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.status or self.error}"


class Attempt(models.Model):
    """One try of an event that did not end it, and what came of it."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="tries")
    number = models.IntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    message = models.CharField(max_length=500)
    status = models.SmallIntegerField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    # Kept even when the call's own row has been pruned.
    call = models.ForeignKey(
        Call, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    def __str__(self) -> str:
        return f"try {self.number}: {self.message}"
