"""Counts of what arrived and what became of it, per store and minute of arrival."""

from django.db import models

from .stores import Store


class Tally(models.Model):
    """The events that arrived in one minute, by how they ended. What is missing is on its way."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="tallies", db_index=False)
    minute = models.DateTimeField()
    delivered = models.IntegerField(default=0)
    skipped = models.IntegerField(default=0)
    dead = models.IntegerField(default=0)
    # Seconds from arrival to settling, summed over the delivered ones.
    lag_seconds = models.FloatField(default=0)

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [
            models.UniqueConstraint(fields=["store", "minute"], name="tally_once"),
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.minute:%Y-%m-%d %H:%M}"
