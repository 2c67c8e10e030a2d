"""Sending e-mails: each once, and later if the mail server is away for a while.

No page waits for a mail server, so how long one takes tells nobody whom we know.
"""

import logging
import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta

from django.core.mail import EmailMessage
from django.db.models import F

from integrations import queue
from integrations.models import Invitation, Notice, User

from . import letters

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)
# With these waits it is about a day until nobody tries any more.
MOST_ATTEMPTS = 18
# As long as a worker may be at one notice; after that another may take it.
HOLD = timedelta(minutes=5)
AT_ONCE = 20
# A mail server that is slow must not keep a worker; whatever is left is due again a minute later.
LONGEST_ROUND = timedelta(seconds=20)


def tell(merchant_id: int, *, key: str, subject: str, body: str, now: datetime) -> None:
    """Ask for an e-mail to a merchant's owners, in the caller's transaction.

    A second one with the same key is none.
    """
    _add(Notice(key=key, merchant_id=merchant_id, subject=subject, body=body), now)


def invite(invitation: Invitation, *, now: datetime) -> None:
    """Ask for the e-mail of an invitation, in the caller's transaction.

    One that still waits is dropped, so that nobody gets two.
    """
    waiting = Notice.objects.unsent().filter(invitation=invitation)
    waiting.update(given_up_at=now, last_error="Asked for again.")
    _add(
        Notice(
            key=f"invitation:{invitation.pk}:{now.isoformat()}",
            merchant=invitation.merchant,
            invitation=invitation,
            subject=f"You are invited to {invitation.merchant.name} on Sync Console",
        ),
        now,
    )
    queue.ask_for(queue.NOTICES)


def ask_for_password(user: User, *, now: datetime) -> None:
    """Ask for the e-mail that leads to a new password, in the caller's transaction."""
    key = f"password:{user.pk}:{now.isoformat()}"
    _add(Notice(key=key, person=user, subject="A new password for Sync Console"), now)
    queue.ask_for(queue.NOTICES)


def send_due(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Send what is due; returns how many notices went out to everybody."""
    now = clock()
    due = (
        Notice.objects.unsent()
        .filter(next_attempt_at__lte=now)
        .select_related("merchant", "person", "invitation__merchant", "invitation__invited_by")
    )
    sent, end = 0, now + LONGEST_ROUND
    for notice in due.order_by("next_attempt_at")[:AT_ONCE]:
        if stopping() or clock() > end:
            break
        sent += _send(notice, now=clock())
    return sent


def _add(notice: Notice, now: datetime) -> None:
    notice.key = notice.key[:120]
    notice.subject = " ".join(notice.subject.split())[:200]
    notice.made_at = notice.next_attempt_at = now
    Notice.objects.bulk_create([notice], ignore_conflicts=True)


def _send(notice: Notice, *, now: datetime) -> bool:
    mine = Notice.objects.unsent().filter(pk=notice.pk, attempts=notice.attempts)
    if not mine.update(attempts=F("attempts") + 1, next_attempt_at=now + HOLD):
        return False
    row = Notice.objects.filter(pk=notice.pk)
    try:
        letter = letters.of(notice, now=now)
    except letters.NotWanted as exc:
        row.update(given_up_at=now, last_error=str(exc))
        log.warning("notice.not_wanted", extra={"notice": notice.pk})
        return False
    except letters.NoAddress as exc:
        _again(notice, str(exc), now)
        return False
    told = list(notice.recipients)
    for address in letter.to:
        if address in told:
            continue
        try:
            EmailMessage(notice.subject, letter.body, to=[address]).send()
        except (OSError, smtplib.SMTPException) as exc:
            _again(notice, type(exc).__name__, now)
            return False
        # One by one, so that a failure later on tells nobody twice.
        told.append(address)
        row.update(recipients=told)
    row.update(sent_at=now, last_error="")
    return True


def _again(notice: Notice, error: str, now: datetime) -> None:
    attempts = notice.attempts + 1
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 12))
    given_up = now if attempts >= MOST_ATTEMPTS else None
    Notice.objects.filter(pk=notice.pk).update(
        next_attempt_at=now + wait, last_error=error[:500], given_up_at=given_up
    )
    log.warning("notice.failed", extra={"notice": notice.pk, "error": error})
