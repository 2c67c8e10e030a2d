"""E-mails that wait to be sent, each of them once, even if the mail server is away for a while."""

from typing import Self

from django.db import models
from django.db.models import Q

from .invitations import Invitation
from .people import Merchant, User


class NoticeQuerySet(models.QuerySet["Notice"]):
    """E-mails, by whether they still wait."""

    def unsent(self) -> Self:
        """Those that were neither sent nor given up."""
        return self.filter(sent_at=None, given_up_at=None)


class Notice(models.Model):
    """One e-mail; the key makes sure that nobody is told twice.

    To a merchant's owners, to whoever is invited, or to a person who lost the password. The last
    two hold a link that is a secret, so their text is made when they are sent and kept nowhere.
    """

    key = models.CharField(max_length=120, unique=True)
    merchant = models.ForeignKey(
        Merchant, models.CASCADE, null=True, blank=True, related_name="notices"
    )
    invitation = models.ForeignKey(
        Invitation, models.CASCADE, null=True, blank=True, related_name="notices"
    )
    person = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="notices")
    subject = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    made_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    # To whom it went, once it went.
    recipients = models.JSONField(default=list, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="notice_due",
                condition=Q(sent_at=None, given_up_at=None),
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(merchant=None) ^ Q(person=None), name="notice_to_somebody"
            )
        ]

    def __str__(self) -> str:
        return self.subject
