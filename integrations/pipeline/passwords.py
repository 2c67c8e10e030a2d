"""Passwords that are lost or changed, as the history tells it."""

from datetime import datetime, timedelta

from django.db import transaction

from integrations.models import AuditEntry, User

from . import audit, notices, sessions

# One letter in this time, so that nobody's mailbox can be filled from our page.
PATIENCE = timedelta(minutes=5)


@transaction.atomic
def ask(user: User, *, now: datetime) -> None:
    """Ask for the e-mail that leads to a new password, and write it down."""
    before = AuditEntry.objects.filter(action="password.asked", subject=user.email)
    if before.filter(at__gt=now - PATIENCE).exists():
        return
    audit.record_about(user, "password.asked", by=audit.SOMEBODY, now=now)
    notices.ask_for_password(user, now=now)


@transaction.atomic
def reset(user: User, *, now: datetime) -> None:
    """Open a login again whose owner has a new password by way of their mailbox."""
    sessions.forget_failures(user)
    audit.record_about(user, "password.reset", now=now)


def changed(user: User, *, now: datetime) -> None:
    """Write down that somebody changed their password."""
    audit.record_about(user, "password.changed", now=now)
