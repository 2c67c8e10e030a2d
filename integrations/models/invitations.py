"""Asking somebody in, by a link in an e-mail."""

import secrets
import uuid
from datetime import datetime
from hashlib import sha256
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from .people import Merchant, Role, User


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Invitations, by whether they wait, and by their links."""

    def waiting(self) -> Self:
        """Those that were neither accepted nor withdrawn; they may have run out."""
        return self.filter(accepted_at=None, withdrawn_at=None)

    def of_token(self, token: str) -> Self:
        """The one a link belongs to; only the hash of its token is kept."""
        return self.filter(token_hash=hashed(token))

    def draw(self, invitation: "Invitation", *, now: datetime) -> str | None:
        """A new token for a link, in place of any older one; None where no link is wanted."""
        token = secrets.token_urlsafe(32)
        mine = self.waiting().filter(pk=invitation.pk, expires_at__gt=now)
        return token if mine.update(token_hash=hashed(token)) else None


def hashed(token: str) -> bytes:
    """What is kept of a link's token."""
    return sha256(token.encode()).digest()


class Invitation(models.Model):
    """A place in a merchant's team that waits for somebody. Only the link's hash is kept."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail address")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    token_hash = models.BinaryField(unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    invited_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "merchant",
                Lower("email"),
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="invitation_open_once",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email} · {self.merchant}"
