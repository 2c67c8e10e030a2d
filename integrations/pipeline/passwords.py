"""Passwords that are lost or changed, as the history tells it."""

from datetime import datetime, timedelta

from django.db import transaction

from integrations.models import AuditEntry, User

from . import audit, sessions

# One letter in this time, so that nobody's mailbox can be filled from our page.
PATIENCE = timedelta(minutes=5)


def asked(user: User, *, now: datetime) -> bool:
    """Write down that a way to a new password was asked for, and say whether to send it."""
    before = AuditEntry.objects.filter(action="password.asked", subject=user.email)
    if before.filter(at__gt=now - PATIENCE).exists():
        return False
    audit.record_about(user, "password.asked", by=audit.SOMEBODY, now=now)
    return True


@transaction.atomic
def reset(user: User, *, now: datetime) -> None:
    """Open a login again whose owner has a new password by way of their mailbox."""
    sessions.forget_failures(user)
    audit.record_about(user, "password.reset", now=now)


def changed(user: User, *, now: datetime) -> None:
    """Write down that somebody changed their password."""
    audit.record_about(user, "password.changed", now=now)
