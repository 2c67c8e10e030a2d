"""Alerts: what is wrong, since when, who was told of it and how."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from integrations.domain.alerting import AlertState, Course, Severity, Told
from integrations.secrets import decrypt, encrypt

from .accounts import KlaviyoAccount
from .people import Merchant, User
from .stores import Store


class AlertQuerySet(models.QuerySet["Alert"]):
    """Alerts, by who may see them and whether they are over."""

    def visible_to(self, user: User) -> Self:
        """Staff see all, also those of the console itself; anyone else their merchants'."""
        return self if user.is_staff else self.filter(merchant__memberships__user=user)

    def open(self) -> Self:
        """Those that are not over, told or not told yet."""
        return self.exclude(state=AlertState.OVER)

    def told(self) -> Self:
        """Those that lasted long enough to be told."""
        return self.exclude(state=AlertState.PENDING)


class Alert(models.Model):
    """One trouble of one thing, from its first sight to its end."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # The rule and what it is about; at most one alert of a key is open.
    key = models.CharField(max_length=120)
    rule = models.CharField(max_length=30)
    # None of the three: it is about the console itself.
    merchant = models.ForeignKey(
        Merchant, models.CASCADE, null=True, blank=True, related_name="alerts", db_index=False
    )
    store = models.ForeignKey(Store, models.CASCADE, null=True, blank=True, related_name="alerts")
    klaviyo_account = models.ForeignKey(
        KlaviyoAccount, models.CASCADE, null=True, blank=True, related_name="alerts"
    )
    state = models.CharField(max_length=10, choices=[(one.value, one.value) for one in AlertState])
    severity = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Severity])
    value = models.FloatField(default=0)
    # What was seen last, in a sentence.
    words = models.CharField(max_length=300, blank=True)
    bad_since = models.DateTimeField()
    seen_at = models.DateTimeField()
    good_since = models.DateTimeField(null=True, blank=True)
    fired_at = models.DateTimeField(null=True, blank=True)
    over_at = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    escalated_at = models.DateTimeField(null=True, blank=True)
    again = models.IntegerField(default=0)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=~Q(state="over"), name="alert_open_once"
            ),
            models.CheckConstraint(
                condition=Q(state="over") ^ Q(over_at__isnull=True), name="alert_over_has_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="pending") ^ Q(fired_at__isnull=False), name="alert_fired_has_one"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="alert_by_merchant"),
            models.Index(fields=["key", "-over_at"], name="alert_by_key"),
            models.Index(fields=["over_at"], name="alert_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"

    @property
    def course(self) -> Course:
        """The alert as its rule sees it."""
        return Course(
            state=AlertState(self.state),
            severity=Severity(self.severity),
            bad_since=self.bad_since,
            seen_at=self.seen_at,
            good_since=self.good_since,
            fired_at=self.fired_at,
            over_at=self.over_at,
            taken_at=self.taken_at,
            escalated_at=self.escalated_at,
            again=self.again,
        )

    def follow(self, course: Course) -> None:
        """Take over how it goes on; the row still has to be saved. Who took it on stays."""
        for name in COURSE:
            setattr(self, name, getattr(course, name))


# What a look at an alert may change.
COURSE = (
    "state", "severity", "bad_since", "seen_at", "good_since", "fired_at", "over_at",
    "escalated_at", "again",
)  # fmt: skip


class AlertLimit(models.Model):
    """Other numbers for a rule than its own: of one business, or of all where it names none."""

    merchant = models.ForeignKey(
        Merchant, models.CASCADE, null=True, blank=True, related_name="alert_limits"
    )
    rule = models.CharField(max_length=30)
    warning = models.FloatField(null=True, blank=True)
    critical = models.FloatField(null=True, blank=True)
    lasting_minutes = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "rule"], name="alert_limit_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(lasting_minutes__gte=0) & Q(lasting_minutes__lte=1440),
                name="alert_limit_lasting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.warning} / {self.critical}"


class AlertChannelQuerySet(models.QuerySet["AlertChannel"]):
    """Ways out, by who may see them."""

    def visible_to(self, user: User) -> Self:
        """Staff see all; anyone else those of their merchants."""
        return self if user.is_staff else self.filter(merchant__memberships__user=user)


class AlertChannel(models.Model):
    """One way to somebody who should know: an address of Apprise, which is a secret."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # None: of the operators, who hear of everything.
    merchant = models.ForeignKey(
        Merchant, models.CASCADE, null=True, blank=True, related_name="alert_channels"
    )
    name = models.CharField(max_length=120)
    secret = models.BinaryField()
    # Only what is at least this bad.
    least = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in Severity],
        default=Severity.WARNING,
    )
    # Warnings wait from one hour of the day to the other; what is critical never does.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField()
    last_sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)

    objects = AlertChannelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="alert_channel_quiet_whole",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def keep(self, address: str) -> None:
        """Set the address, encrypted; the row still has to be saved."""
        self.secret = encrypt(address)

    def address(self) -> str:
        """The address in clear, for sending and for nothing else. Raises LostKey."""
        return decrypt(bytes(self.secret))


TOLD = [
    (Told.BEGUN.value, "that it began"),
    (Told.WORSE.value, "that it got worse"),
    (Told.STILL.value, "that nobody takes care of it"),
    (Told.OVER.value, "that it is over"),
]


class AlertTelling(models.Model):
    """One message about one alert through one channel, tried until it went out or was given up."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="tellings")
    channel = models.ForeignKey(AlertChannel, models.CASCADE, related_name="tellings")
    told = models.CharField(max_length=10, choices=TOLD)
    severity = models.CharField(max_length=10)
    words = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "channel", "told"], name="alert_told_once_a_channel"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(sent_at=None, given_up_at=None),
                name="alert_telling_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.told} → {self.channel_id}"
