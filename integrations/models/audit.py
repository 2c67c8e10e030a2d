"""Who did what, when and why. PostgreSQL itself refuses to change or remove an entry."""

from typing import Self

from django.db import models
from django.db.models import Q

from .accounts import KlaviyoAccount
from .people import Merchant, User
from .stores import Store


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Entries, by who may read them."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else what happened to the merchants they belong to."""
        return self if user.is_staff else self.filter(merchant__memberships__user=user)


class AuditEntry(models.Model):
    """One action of a person, or one decision the console took by itself.

    It points to rows without holding them: it must outlive them, and cannot be changed when
    they go. So what they were called is written down as well.
    """

    at = models.DateTimeField()
    actor = models.ForeignKey(
        User, models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    # An address, or the name of the part of the console that decided.
    actor_name = models.CharField(max_length=254)
    role = models.CharField(max_length=20)
    # A code such as `credential.broken`; templates have its sentence.
    action = models.CharField(max_length=60)
    merchant = models.ForeignKey(
        Merchant, models.DO_NOTHING, null=True, db_constraint=False, related_name="audit_entries"
    )
    store = models.ForeignKey(
        Store, models.DO_NOTHING, null=True, db_constraint=False, related_name="audit_entries"
    )
    klaviyo_account = models.ForeignKey(
        KlaviyoAccount,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="audit_entries",
    )
    # What it was done to, in words: a shop's name, an address, a record's number.
    subject = models.CharField(max_length=200, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["store", "-at", "-id"], name="audit_of_store"),
            models.Index(fields=["merchant", "-at", "-id"], name="audit_of_merchant"),
            # What was decided about one reason of failed records.
            models.Index(
                fields=["merchant", "subject", "-at", "-id"],
                condition=Q(action__startswith="cause."),
                name="audit_of_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name}: {self.action}"
