"""Requests to erase what we keep of a customer or of a whole shop, and how far each is."""

from django.db import models
from django.db.models import Q

from .events import Event
from .stores import Store


class Erasure(models.Model):
    """One request of a shop. Whom it is about stands in its message alone, which goes last."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="erasures")
    event = models.OneToOneField(Event, models.CASCADE, related_name="erasure")
    # Of one customer, or of everything.
    whole_shop = models.BooleanField(default=False)
    asked_at = models.DateTimeField()
    # Where to go on: the part that is gone through, and the last row that was looked at.
    part = models.CharField(max_length=20, blank=True)
    after_at = models.DateTimeField(null=True, blank=True)
    after_id = models.BigIntegerField(default=0)
    next_turn_at = models.DateTimeField()
    # How much was erased, by what it was: {"events": 3, "dead_letters": 1}.
    counts = models.JSONField(default=dict, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_turn_at"], condition=Q(finished_at=None), name="erasure_unfinished"
            )
        ]

    def __str__(self) -> str:
        return f"{'All' if self.whole_shop else 'A customer'} of {self.store}"
