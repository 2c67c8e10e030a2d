"""Jobs that Klaviyo works on after it has taken them, and that we ask about until they end."""

from typing import Self

from django.db import models

from .accounts import KlaviyoAccount


class JobState(models.TextChoices):
    """Whether the platform is still at it."""

    OPEN = "open", "Being worked on"
    DONE = "done", "Done"
    LOST = "lost", "Nothing more is known"


class RemoteJobQuerySet(models.QuerySet["RemoteJob"]):
    """Jobs, by what is to be done."""

    def due(self, now: object) -> Self:
        """Those to ask about now, longest waiting first."""
        return self.filter(state=JobState.OPEN, next_poll_at__lte=now).order_by("next_poll_at")


class RemoteJob(models.Model):
    """A bulk job of Klaviyo with the operations in it, in the order they were sent."""

    klaviyo_account = models.ForeignKey(KlaviyoAccount, models.CASCADE, related_name="jobs")
    endpoint = models.CharField(max_length=60)
    remote_id = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.OPEN)
    # [[identity, event id], …] in sending order: errors name items by position.
    items = models.JSONField()
    submitted_at = models.DateTimeField()
    next_poll_at = models.DateTimeField()
    polls = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    # Set when it takes something back; its results then are those of the undo's items.
    undo = models.ForeignKey(
        "Undo", models.CASCADE, null=True, blank=True, db_index=False, related_name="remote_jobs"
    )

    objects = RemoteJobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["klaviyo_account", "endpoint", "remote_id"], name="remote_job_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_poll_at"], condition=models.Q(state="open"), name="remote_job_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.remote_id}"
