"""The ledger: what Klaviyo has been told. It holds no payload."""

from django.db import models
from django.db.models import Q

from integrations.domain.lanes import Lane
from integrations.domain.operations import Kind

from .accounts import KlaviyoAccount
from .people import User
from .stores import Store


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Ledger rows, by who may see them."""

    def visible_to(self, user: User) -> "DeliveryQuerySet":
        """Staff see all; anyone else the rows of their merchants' stores."""
        return self if user.is_staff else self.filter(store__merchant__memberships__user=user)


class Delivery(models.Model):
    """One identity Klaviyo knows, in the version it was told last."""

    klaviyo_account = models.ForeignKey(
        KlaviyoAccount, models.CASCADE, related_name="deliveries", db_index=False
    )
    store = models.ForeignKey(Store, models.CASCADE, related_name="deliveries", db_index=False)
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in Kind])
    identity = models.CharField(max_length=160)
    source_id = models.CharField(max_length=64)
    # Whom the event was attached to, so that a refund finds the same person; erased on request.
    profile = models.CharField(max_length=120, blank=True)
    fingerprint = models.BinaryField()
    version = models.DateTimeField()
    present = models.BooleanField(default=True)
    accepted_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    origin = models.SmallIntegerField(default=Lane.LIVE)
    # Neither is constrained: events and calls are pruned long before the ledger.
    event = models.ForeignKey(
        "Event", models.DO_NOTHING, null=True, blank=True, db_constraint=False, db_index=False
    )
    call = models.ForeignKey(
        "Call", models.DO_NOTHING, null=True, blank=True, db_constraint=False, db_index=False
    )
    # The window that told it last, and whether Klaviyo had it only because of that window: what
    # a job can take back. Whatever is told later by others clears both.
    window = models.ForeignKey(
        "SyncWindow",
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="deliveries",
    )
    made = models.BooleanField(default=False, db_default=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["klaviyo_account", "identity"], name="delivery_told_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in Kind]), name="delivery_kind_known"
            ),
        ]
        indexes = [
            models.Index(fields=["store", "-id"], name="delivery_by_store"),
            models.Index(
                fields=["window", "kind", "id"],
                condition=Q(window__isnull=False),
                include=["made", "present"],
                name="delivery_of_window",
            ),
        ]

    def __str__(self) -> str:
        return self.identity
