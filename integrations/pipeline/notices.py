"""Telling a merchant's owners by e-mail: once, and even if the mail server is away for a while."""

import logging
import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F

from integrations.models import Membership, Merchant, Notice
from integrations.models.people import Role

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)
# With these waits it is about a day until nobody tries any more.
MOST_ATTEMPTS = 18
# As long as a worker may be at one notice; after that another may take it.
HOLD = timedelta(minutes=5)
AT_ONCE = 20


def tell(merchant_id: int, *, key: str, subject: str, body: str, now: datetime) -> None:
    """Ask for an e-mail to a merchant's owners, in the caller's transaction.

    A second one with the same key is none.
    """
    notice = Notice(
        key=key[:120],
        merchant_id=merchant_id,
        subject=" ".join(subject.split())[:200],
        body=body,
        made_at=now,
        next_attempt_at=now,
    )
    Notice.objects.bulk_create([notice], ignore_conflicts=True)


def link(path: str) -> str:
    """The console's own address of a page, for an e-mail."""
    return f"{settings.PUBLIC_URL}{path}"


def send_due(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Send what is due; returns how many notices went out to everybody."""
    due = Notice.objects.filter(sent_at=None, given_up_at=None, next_attempt_at__lte=clock())
    sent = 0
    for notice in due.order_by("next_attempt_at")[:AT_ONCE]:
        if stopping():
            break
        sent += _send(notice, now=clock())
    return sent


def _send(notice: Notice, *, now: datetime) -> bool:
    mine = Notice.objects.filter(pk=notice.pk, attempts=notice.attempts, sent_at=None)
    if not mine.update(attempts=F("attempts") + 1, next_attempt_at=now + HOLD):
        return False
    row = Notice.objects.filter(pk=notice.pk)
    everybody = _owners(notice.merchant)
    if not everybody:
        row.update(given_up_at=now, last_error="This business has no owner with an address.")
        log.warning("notice.nobody", extra={"notice": notice.pk})
        return False
    told = list(notice.recipients)
    for address in everybody:
        if address in told:
            continue
        try:
            EmailMessage(notice.subject, notice.body, to=[address]).send()
        except (OSError, smtplib.SMTPException) as exc:
            _again(notice, type(exc).__name__, now)
            return False
        # One by one, so that a failure later on tells nobody twice.
        told.append(address)
        row.update(recipients=told)
    row.update(sent_at=now, last_error="")
    return True


def _owners(merchant: Merchant) -> list[str]:
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return list(owners.order_by("user__email").values_list("user__email", flat=True))


def _again(notice: Notice, error: str, now: datetime) -> None:
    attempts = notice.attempts + 1
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 12))
    given_up = now if attempts >= MOST_ATTEMPTS else None
    Notice.objects.filter(pk=notice.pk).update(
        next_attempt_at=now + wait, last_error=error[:500], given_up_at=given_up
    )
    log.warning("notice.failed", extra={"notice": notice.pk, "error": error})
