"""What becomes of a login, written down once: its state, the hold, the notice and the entry."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from integrations import queue
from integrations.domain import logins as domain
from integrations.domain.failures import Failure, FailureKind
from integrations.domain.logins import LoginState
from integrations.models import Credential, Event, KlaviyoAccount, Store
from integrations.secrets import LostKey

from . import audit, letters, notices, sync_jobs

log = logging.getLogger(__name__)

# What a waiting event says while the login of its shop does not work.
WAITS = "This waits until the login of the shop works again."
# A success is written down this often and not with each call.
NOTED_EVERY = timedelta(minutes=1)

LOST = Failure(FailureKind.AUTH, "The key it was encrypted with is gone.", domain.LOST_KEY)


def broken(login: Credential, *, failure: Failure, now: datetime) -> bool:
    """Write down that a login does not work, hold what needs it, and tell its owners once.

    False when the failure says nothing about the login, or the login was renewed meanwhile: what
    was refused is then not what is stored. It may run inside the caller's transaction.
    """
    with transaction.atomic():
        row = Credential.objects.select_for_update().filter(pk=login.pk).first()
        if row is None or bytes(row.secret) != bytes(login.secret):
            return False
        failure = LOST if is_lost(row) else failure
        state = domain.meaning(row.side, failure)
        if state is None:
            return False
        _break(row, state, failure, now)
    return True


def _break(row: Credential, state: LoginState, failure: Failure, now: datetime) -> None:
    was, is_new = row.state, row.broken_since is None
    row.last_failure_at = row.checked_at = now
    # What is withdrawn is refused from then on; the first word says more than those that follow.
    if was != LoginState.REVOKED and (is_new or was != state):
        row.state, row.failure_code = state, failure.code[:60]
        row.last_failure = failure.message[:500]
        row.broken_since = row.broken_since or now
    row.save()
    sentence = domain.sentence(row.side, row.state, row.failure_code)
    if row.klaviyo_account_id:
        KlaviyoAccount.objects.hold(row.klaviyo_account_id, reason=sentence, now=now)
    if row.state == was and not is_new:
        return
    audit.record(
        "credential.broken",
        row.opens,
        by=audit.AUTOMATIC,
        now=now,
        before={"state": was},
        after={"state": row.state, "code": row.failure_code},
        reason=sentence,
    )
    if is_new:
        _tell(row, sentence, now)
    log.warning("login.broken", extra={"login": row.pk, "state": row.state})


def healed(login: Credential, *, now: datetime) -> bool:
    """Write down that a login works, and let go on what was held for it; False if it did before."""
    with transaction.atomic():
        row = Credential.objects.select_for_update().filter(pk=login.pk).first()
        if row is None or bytes(row.secret) != bytes(login.secret):
            return False
        was, since = row.state, row.broken_since
        row.last_success_at = row.checked_at = now
        mark_working(row)
        row.save()
        if was == LoginState.ACTIVE and since is None and not _is_held(row):
            return False
        audit.record(
            "credential.healed",
            row.opens,
            by=audit.AUTOMATIC,
            now=now,
            before={"state": was, "since": since.isoformat() if since else None},
            after={"state": row.state},
        )
    release(row, now=now)
    return True


def mark_working(row: Credential) -> None:
    """Take back everything that says that it does not work; the row still has to be saved."""
    row.state, row.failure_code, row.last_failure = LoginState.ACTIVE, "", ""
    row.broken_since = None


def release(login: Credential, *, now: datetime) -> None:
    """Let go on what waited for this login: an account's work, or what a shop was to be asked."""
    if login.klaviyo_account_id:
        KlaviyoAccount.objects.release(login.klaviyo_account_id)
    else:
        waiting = Event.objects.waiting().filter(store=login.store_id, last_error=WAITS)
        # What belongs to a paused job waits for somebody to resume it.
        late = waiting.filter(next_attempt_at__gt=now, next_attempt_at__lt=sync_jobs.HELD)
        late.update(next_attempt_at=now)
    queue.ask_for(queue.DRAIN)
    queue.ask_for(queue.PAST)
    log.info("login.works", extra={"login": login.pk})


def proven(login: Credential, *, now: datetime) -> None:
    """Note that a call with this login succeeded, at most once a minute."""
    if login.last_success_at and timedelta() <= now - login.last_success_at < NOTED_EVERY:
        return
    Credential.objects.filter(
        Q(last_success_at=None) | Q(last_success_at__lt=now - NOTED_EVERY), pk=login.pk
    ).update(last_success_at=now)


def is_lost(row: Credential) -> bool:
    """Whether no key we have can read it."""
    try:
        row.reveal()
    except LostKey:
        return True
    return False


def _is_held(row: Credential) -> bool:
    account = row.klaviyo_account
    return account is not None and account.held_since is not None


def _tell(row: Credential, sentence: str, now: datetime) -> None:
    opens = row.opens
    what = "shop" if isinstance(opens, Store) else "Klaviyo account"
    where = "stores" if isinstance(opens, Store) else "accounts"
    kept = (
        "Orders and customers keep arriving here. Only what we must ask the shop for waits."
        if isinstance(opens, Store)
        else "Orders and customers keep arriving here and are kept. They reach Klaviyo later."
    )
    lines = [
        sentence,
        "",
        f"{kept} Nothing is lost.",
        "",
        domain.advice(row.side, row.state, row.failure_code),
        letters.link(f"/{where}/{opens.public_id}/connection/"),
    ]
    assert row.broken_since is not None  # noqa: S101 - set just before
    notices.tell(
        opens.merchant_id,
        key=f"login:{row.pk}:{row.broken_since.isoformat()}",
        subject=f"The login of the {what} {opens.name} does not work",
        body="\n".join(lines),
        now=now,
    )
