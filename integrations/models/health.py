"""Signs of life, and counts of what was turned away."""

from django.db import models

from .stores import Store


class Heartbeat(models.Model):
    """When one of our own parts was last seen at work."""

    name = models.CharField(max_length=80, primary_key=True)
    beat_at = models.DateTimeField()
    detail = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name


class RefusalCount(models.Model):
    """Webhooks turned away in one hour, by reason. Their bodies are not kept."""

    store = models.ForeignKey(Store, models.CASCADE, null=True, blank=True, related_name="refusals")
    reason = models.CharField(max_length=20)
    hour = models.DateTimeField()
    count = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["store", "reason", "hour"],
                name="refusal_count_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.hour:%Y-%m-%d %H}: {self.count}"
