"""What people must be told by e-mail, once, even if the mail server is away for a while."""

from django.db import models
from django.db.models import Q

from .people import Merchant


class Notice(models.Model):
    """One e-mail to a merchant's people; the key makes sure that nobody is told twice."""

    key = models.CharField(max_length=120, unique=True)
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="notices")
    subject = models.CharField(max_length=200)
    body = models.TextField()
    made_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    # To whom it went, once it went.
    recipients = models.JSONField(default=list, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="notice_due",
                condition=Q(sent_at=None, given_up_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.subject
