"""What needs a person, grouped by cause."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.domain.causes import LABELS, CauseState
from integrations.domain.explanations import Explanation, explain
from integrations.domain.operations import Kind

from .accounts import KlaviyoAccount
from .events import Event
from .people import Merchant, User
from .stores import Store


class Cause(models.Model):
    """Dead letters that share platform, error, field and rule, and so one repair."""

    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="causes")
    platform = models.CharField(max_length=20)
    code = models.CharField(max_length=80)
    field = models.CharField(max_length=160, blank=True)
    rule = models.CharField(max_length=80, blank=True)
    # A part that was split off by hand: empty, or what sets it apart from the rest.
    part = models.CharField(max_length=120, blank=True, default="", db_default="")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    state = models.CharField(
        max_length=10,
        choices=list(LABELS.items()),
        default=CauseState.NEW,
        db_default=CauseState.NEW.value,
    )
    state_at = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=500, blank=True, default="", db_default="")
    # Parked until the first of these: a date, a number of open records, a growth in per cent of
    # what was open when it was parked.
    parked_until = models.DateTimeField(null=True, blank=True)
    parked_count = models.IntegerField(null=True, blank=True)
    parked_growth = models.IntegerField(null=True, blank=True)
    parked_at_count = models.IntegerField(null=True, blank=True)
    # When the last of its records was settled; what fails afterwards makes it come back.
    settled_at = models.DateTimeField(null=True, blank=True)
    # Shown as one with another group; new records of it are counted there.
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged"
    )
    # The group this one was split off; new records that match go to the part.
    split_from = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="parts"
    )
    split_store = models.ForeignKey(Store, models.CASCADE, null=True, blank=True, related_name="+")
    split_text = models.CharField(max_length=200, blank=True, default="", db_default="")
    # The last record that was looked at for this part; empty when all have been.
    split_seen = models.BigIntegerField(null=True, blank=True)

    # Worked out in the background, since counting people reads every record: as of `figures_at`.
    people = models.IntegerField(default=0, db_default=0)
    # Value of the orders that are touched, by currency: {"EUR": "120.50"}.
    amounts = models.JSONField(default=dict, db_default={}, blank=True)
    figures_at = models.DateTimeField(null=True, blank=True)
    # How many records waited then: with another number the figures are out of date.
    figures_of = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "platform", "code", "field", "rule", "part"], name="cause_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=list(CauseState)), name="cause_state_known"
            ),
        ]

    def __str__(self) -> str:
        named = [self.platform, self.code, self.field, self.rule, self.part]
        return " · ".join(filter(None, named))

    @property
    def words(self) -> Explanation:
        """Why its records failed and what to do, as a merchant reads it."""
        return explain(self.platform, self.code, field=self.field, rule=self.rule)


class CauseCount(models.Model):
    """How many records of a cause and store are in a state: kept by PostgreSQL itself.

    A trigger of `integrations_deadletter` counts every change in the same transaction, so that a
    list of a million records costs as much to count as one of ten.
    """

    cause = models.ForeignKey(Cause, models.CASCADE, related_name="counts", db_index=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="+")
    state = models.CharField(max_length=10)
    records = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "store", "state"], name="cause_count_once"),
        ]

    def __str__(self) -> str:
        return f"{self.cause_id} {self.state}: {self.records}"


class CauseDay(models.Model):
    """How many records of a cause failed on a day (UTC), first or again: kept by PostgreSQL."""

    cause = models.ForeignKey(Cause, models.CASCADE, related_name="days", db_index=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="+")
    day = models.DateField()
    failed = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "store", "day"], name="cause_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.cause_id} {self.day}: {self.failed}"


class DeadLetterState(models.TextChoices):
    """Whether somebody still has to decide."""

    OPEN = "open", "Needs a decision"
    SENDING = "sending", "On its way again"
    RESOLVED = "resolved", "Settled"
    BINNED = "binned", "In the bin"


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    """Dead letters, by who may see them."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else those of their merchants' stores."""
        return self if user.is_staff else self.filter(store__merchant__memberships__user=user)

    def open(self) -> Self:
        """Those that still need a decision."""
        return self.filter(state=DeadLetterState.OPEN)


class DeadLetter(models.Model):
    """An event, or one operation of it, that cannot go on without a person."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="dead_letters", db_index=False)
    klaviyo_account = models.ForeignKey(KlaviyoAccount, models.CASCADE, related_name="+")
    event = models.ForeignKey(Event, models.CASCADE, related_name="dead_letters")
    cause = models.ForeignKey(Cause, models.PROTECT, related_name="dead_letters", db_index=False)
    state = models.CharField(
        max_length=10, choices=DeadLetterState.choices, default=DeadLetterState.OPEN
    )
    # Empty when the event could not even be read.
    identity = models.CharField(max_length=160, blank=True)
    kind = models.CharField(max_length=20, blank=True)
    source_id = models.CharField(max_length=64, blank=True)
    payload = models.BinaryField(blank=True)
    message = models.CharField(max_length=500)
    pointer = models.CharField(max_length=300, blank=True)
    status = models.SmallIntegerField(null=True, blank=True)
    answer = models.TextField(blank=True)
    attempts = models.IntegerField(default=0)
    # When it failed first, and when it failed last.
    created_at = models.DateTimeField()
    failed_at = models.DateTimeField(db_default=Now())
    # How often it has failed; each failure before the last is a row of `DeadLetterTry`.
    times = models.IntegerField(default=1, db_default=1)
    # Whose and how much, for the figures of its cause: the ledger's name for the person, which
    # holds no personal data, and the value of an order.
    person = models.CharField(max_length=60, blank=True, default="", db_default="")
    amount = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    # When and how it was settled: sent, known, skipped, replaced (see `ItemState`).
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_as = models.CharField(max_length=12, blank=True, default="", db_default="")
    # Fetched from the store again: the message that now stands for it.
    replaced_by = models.ForeignKey(
        Event, models.SET_NULL, null=True, blank=True, related_name="replaces", db_index=False
    )
    binned_at = models.DateTimeField(null=True, blank=True)
    binned_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    bin_reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    # From then on it has no content any more: its term was over, or it was erased on request.
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "identity"], name="dead_letter_once"),
            models.CheckConstraint(
                condition=Q(state__in=DeadLetterState.values), name="dead_letter_state_known"
            ),
            # Each kind is a stretch of its own in the lists; one they do not know would be hidden.
            models.CheckConstraint(
                condition=Q(kind__in=["", *(kind.value for kind in Kind)]),
                name="dead_letter_kind_known",
            ),
        ]
        indexes = [
            # The lists: whatever is narrowed to is named in full, so that the newest failures are
            # the end of a stretch of the index, however many records there are.
            models.Index(
                fields=["cause", "store", "state", "kind", "failed_at", "id"],
                name="dead_letter_of_cause",
            ),
            models.Index(
                fields=["store", "state", "kind", "failed_at", "id"], name="dead_letter_of_store"
            ),
            models.Index(fields=["state", "kind", "failed_at", "id"], name="dead_letter_of_state"),
            models.Index(fields=["source_id", "-id"], name="dead_letter_by_record"),
            models.Index(
                fields=["replaced_by"],
                condition=Q(replaced_by__isnull=False),
                name="dead_letter_replaced",
            ),
            models.Index(
                fields=["binned_at"],
                condition=Q(state="binned", erased_at=None),
                name="dead_letter_in_bin",
            ),
            models.Index(
                fields=["created_at"], condition=Q(erased_at=None), name="dead_letter_to_erase"
            ),
        ]

    def __str__(self) -> str:
        return self.identity or f"unreadable event {self.event_id}"


class DeadLetterTry(models.Model):
    """One failure of a record before its last: what was said then, never changed afterwards."""

    dead_letter = models.ForeignKey(
        DeadLetter, models.CASCADE, related_name="tries", db_index=False
    )
    number = models.IntegerField()
    at = models.DateTimeField()
    cause = models.ForeignKey(Cause, models.PROTECT, related_name="+", db_index=False)
    message = models.CharField(max_length=500)
    pointer = models.CharField(max_length=300, blank=True)
    status = models.SmallIntegerField(null=True, blank=True)
    answer = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "dead letter tries"
        constraints = [
            models.UniqueConstraint(fields=["dead_letter", "number"], name="dead_letter_try_once"),
        ]

    def __str__(self) -> str:
        return f"{self.dead_letter_id} · {self.number}"
