"""Signing in and out, as the history tells it, and logins that are locked after wrong passwords."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Sum
from django.utils.crypto import salted_hmac

from integrations.models import AuditEntry, User

from . import audit

# Entries cannot be removed, so whoever tries addresses we do not know adds one in this time.
QUIET = timedelta(minutes=10)


def key_of(address: str) -> str:
    """What wrong passwords are counted under: an address in any case, unreadable in the table."""
    plain = address.strip().upper().lower()
    return salted_hmac("integrations.sessions", plain, algorithm="sha256").hexdigest()


def signed_in(user: User, *, now: datetime) -> None:
    """Write down that somebody has signed in."""
    audit.record_about(user, "session.signed_in", now=now)


def signed_out(user: User, *, now: datetime) -> None:
    """Write down that somebody has signed out."""
    audit.record_about(user, "session.signed_out", now=now)


def end_others(user: User, *, keep: str, now: datetime) -> None:
    """Sign somebody out everywhere but in one session; whose a session is stands inside it."""
    for one in Session.objects.filter(expire_date__gt=now).exclude(session_key=keep).iterator():
        if one.get_decoded().get(SESSION_KEY) == str(user.pk):
            one.delete()


def refused(address: str, *, now: datetime) -> None:
    """Write down a wrong password; an address that nobody has is not kept."""
    _about(address, "session.refused", now=now)


def locked(address: str, *, now: datetime) -> None:
    """Write down that there were too many wrong passwords."""
    _about(address, "session.locked", now=now)


def locked_among(users: Iterable[User], *, now: datetime) -> set[int]:
    """Which of these people cannot sign in at the moment from some place."""
    keys = {key_of(one.email): one.pk for one in users}
    recent = AccessAttempt.objects.filter(
        username__in=keys, attempt_time__gte=now - settings.AXES_COOLOFF_TIME
    )
    by_place = recent.values("username", "ip_address").annotate(n=Sum("failures_since_start"))
    over = by_place.filter(n__gte=settings.AXES_FAILURE_LIMIT)
    return {keys[row["username"]] for row in over}


@transaction.atomic
def unlock(user: User, *, by: audit.Actor, now: datetime) -> None:
    """Let somebody try again at once."""
    forget_failures(user)
    audit.record_about(user, "session.unlocked", by=by, now=now)


def forget_failures(user: User) -> None:
    """Forget the wrong passwords of somebody who has shown otherwise who they are."""
    AccessAttempt.objects.filter(username=key_of(user.email)).delete()


def _about(address: str, action: str, *, now: datetime) -> None:
    user = User.objects.filter(email__iexact=address.strip()).first()
    if user:
        audit.record_about(user, action, by=audit.SOMEBODY, now=now)
        return
    unknown = AuditEntry.objects.filter(action=action, merchant=None, subject="")
    if not unknown.filter(at__gt=now - QUIET).exists():
        audit.record(action, None, by=audit.SOMEBODY, now=now)
