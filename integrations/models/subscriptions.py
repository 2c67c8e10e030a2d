"""Which of a shop's messages we asked for, and whether the shop still sends them."""

import uuid

from django.db import models

from .people import User
from .stores import Store


class Subscription(models.Model):
    """One topic of one store, as the last audit found it."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="subscriptions")
    topic = models.CharField(max_length=80)
    remote_id = models.CharField(max_length=100, blank=True)
    uri = models.CharField(max_length=500, blank=True)
    made_at = models.DateTimeField(null=True, blank=True)
    # When the shop was last seen to have it, and since when it has not.
    seen_at = models.DateTimeField(null=True, blank=True)
    gone_since = models.DateTimeField(null=True, blank=True)
    times_gone = models.IntegerField(default=0)
    # Why the shop would not make it.
    trouble = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "topic"], name="subscription_once")]

    def __str__(self) -> str:
        return f"{self.store} · {self.topic}"


class PathTest(models.Model):
    """A message we sent to our own address, signed as the shop signs, to see it arrive."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="path_tests")
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()
    # What the shop says it would send, asked at the same time; None when it could not be asked.
    wanted = models.IntegerField(default=0)
    subscribed = models.IntegerField(null=True, blank=True)
    status = models.SmallIntegerField(null=True, blank=True)
    milliseconds = models.IntegerField(null=True, blank=True)
    trouble = models.CharField(max_length=500, blank=True)
    # Why the shop could not be asked, and whether Klaviyo answered.
    shop_trouble = models.CharField(max_length=500, blank=True)
    klaviyo_answered = models.BooleanField(null=True, blank=True)
    klaviyo_trouble = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.store} · {self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def webhook_id(self) -> str:
        """The id under which its message lies in the inbox."""
        return f"test-{self.public_id}"
