"""Putting failed records into the bin and taking them out: a saved decision over frozen records."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from .dead_letters import DeadLetter
from .people import Merchant, User


class BinningQuerySet(models.QuerySet["Binning"]):
    """Decisions, by who may see them and whether they are carried out."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else those of their merchants."""
        return self if user.is_staff else self.filter(merchant__memberships__user=user)

    def unfinished(self) -> Self:
        """Those of which some records still wait for their turn."""
        return self.filter(finished_at=None)


class Binning(models.Model):
    """One decision to put failed records into the bin, or to take them out of it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="binnings")
    # Given by the form, so that a second click finds what the first made.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # Into the bin, or out of it.
    inward = models.BooleanField(default=True)
    reason = models.CharField(max_length=500, blank=True)
    # The filter of the list, as its address wrote it, and in words.
    selection = models.JSONField(default=dict, blank=True)
    words = models.CharField(max_length=300, blank=True)
    # How many were frozen; what was moved and what was left out add up to it in the end.
    total = models.IntegerField(default=0)
    moved = models.IntegerField(default=0)
    left_out = models.IntegerField(default=0)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = BinningQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(finished_at=None), name="binning_unfinished"),
            models.Index(fields=["merchant", "-id"], name="binning_by_merchant"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(total__gte=models.F("moved") + models.F("left_out")),
                name="binning_adds_up",
            )
        ]

    def __str__(self) -> str:
        return f"{self.total} {'into' if self.inward else 'out of'} the bin: {self.words}"


class BinningItem(models.Model):
    """A frozen record whose turn is still to come; it goes when it is dealt with."""

    binning = models.ForeignKey(Binning, models.CASCADE, related_name="items", db_index=False)
    # Copied from the records themselves by one statement: PostgreSQL need not look each up again.
    dead_letter = models.ForeignKey(
        DeadLetter, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["binning", "dead_letter"], name="binning_item_once")
        ]
        indexes = [models.Index(fields=["dead_letter"], name="binning_item_of_letter")]

    def __str__(self) -> str:
        return f"{self.binning_id} · {self.dead_letter_id}"
