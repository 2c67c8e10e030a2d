"""Repairing many failed records by one rule: a saved decision, and what became of each record."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from .dead_letters import DeadLetter
from .people import Merchant, User


class RepairResult(models.TextChoices):
    """What became of one record; the value is kept, the label is on pages."""

    WAITING = "waiting", "Waits for its turn"
    REPAIRED = "repaired", "Changed"
    UNFIT = "unfit", "The rule did not apply"
    CLOSED = "closed", "No longer open"


class GroupRepairQuerySet(models.QuerySet["GroupRepair"]):
    """Decisions, by who may see them and whether they are carried out."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else those of their merchants."""
        return self if user.is_staff else self.filter(merchant__memberships__user=user)

    def unfinished(self) -> Self:
        """Those of which some records still wait for their turn."""
        return self.filter(finished_at=None)


class GroupRepair(models.Model):
    """One decision to change many failed records by one rule."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="group_repairs")
    # Given by the form, so that a second click finds what the first made.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    recipe = models.CharField(max_length=60)
    # What the rule was told, such as a currency.
    value = models.CharField(max_length=120, blank=True)
    words = models.CharField(max_length=300, blank=True)
    # How many were frozen; the three below add up to it in the end.
    total = models.IntegerField(default=0)
    repaired = models.IntegerField(default=0)
    unfit = models.IntegerField(default=0)
    closed = models.IntegerField(default=0)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = GroupRepairQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(finished_at=None), name="group_repair_open")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    total__gte=models.F("repaired") + models.F("unfit") + models.F("closed")
                ),
                name="group_repair_adds_up",
            )
        ]

    def __str__(self) -> str:
        return f"{self.recipe} on {self.total}: {self.words}"

    @property
    def dealt_with(self) -> int:
        """How many have had their turn."""
        return self.repaired + self.unfit + self.closed


class GroupRepairItem(models.Model):
    """One frozen record of a group, and what became of it."""

    group = models.ForeignKey(GroupRepair, models.CASCADE, related_name="items", db_index=False)
    # Copied from the records themselves by one statement: PostgreSQL need not look each up again.
    dead_letter = models.ForeignKey(
        DeadLetter, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    result = models.CharField(
        max_length=10, choices=RepairResult.choices, default=RepairResult.WAITING
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "dead_letter"], name="group_repair_item_once"),
            models.CheckConstraint(
                condition=Q(result__in=RepairResult.values), name="group_repair_result_known"
            ),
        ]
        indexes = [
            models.Index(fields=["group", "result", "dead_letter"], name="group_repair_by_result"),
            models.Index(fields=["dead_letter"], name="group_repair_of_letter"),
        ]

    def __str__(self) -> str:
        return f"{self.group_id} · {self.dead_letter_id}: {self.result}"
