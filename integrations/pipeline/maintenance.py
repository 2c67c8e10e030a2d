"""Sweep, probe and prune: what keeps the rows honest when nobody looks."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from integrations import queue
from integrations.domain.failures import PlatformError
from integrations.models import Call, Credential, Heartbeat, KlaviyoAccount, StoreLane, Tally
from integrations.models.credentials import CredentialState
from integrations.platforms.klaviyo.answers import failure_of
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.secrets import LostKey

from . import health

log = logging.getLogger(__name__)

# A login that was refused is tried again this often, with one call.
PROBE_EVERY = timedelta(minutes=5)
CALLS_KEPT = timedelta(days=14)
TALLIES_KEPT = timedelta(days=400)
HEARTBEATS_KEPT = timedelta(days=1)
FAILED_TASKS_KEPT = timedelta(days=14)
PRUNED_AT_ONCE = 5000


def sweep(*, now: datetime) -> None:
    """Ask for a drain if anything is due, and see whether refused logins work again."""
    health.beat(health.SWEEP, now=now)
    if StoreLane.objects.any_due(now) and not health.drains_alive(now):
        queue.ask_for(queue.DRAIN)
    probe_held(now=now)


def probe_held(*, now: datetime) -> int:
    """Try each held account's login with a single call; returns how many work again."""
    held = Credential.objects.filter(
        klaviyo_account__held_since__isnull=False, last_failure_at__lt=now - PROBE_EVERY
    )
    released = 0
    for login in held:
        account = login.klaviyo_account_id
        # Claimed by moving its time, so that several sweeps make one call.
        mine = Credential.objects.filter(pk=login.pk, last_failure_at=login.last_failure_at)
        if account is not None and mine.update(last_failure_at=now):
            released += _probe(login, account, now)
    return released


def _probe(login: Credential, account: int, now: datetime) -> bool:
    try:
        failure = failure_of(Klaviyo(settings.KLAVIYO_API_URL, login.reveal()).get("accounts"))
    except (PlatformError, LostKey):
        return False
    if failure is not None:
        return False
    release(account, now=now)
    return True


def release(account: int, *, now: datetime) -> None:
    """Let held work go on; its login works again."""
    Credential.objects.filter(klaviyo_account_id=account).update(
        state=CredentialState.ACTIVE, last_success_at=now, last_failure=""
    )
    KlaviyoAccount.objects.release(account)
    queue.ask_for(queue.DRAIN)
    log.info("account.released", extra={"account": account})


def prune(*, now: datetime) -> None:
    """Drop calls, counts and signs of life that have served their term, in small batches."""
    _prune(Call._meta.db_table, "started_at", now - CALLS_KEPT)
    _prune(Tally._meta.db_table, "minute", now - TALLIES_KEPT)
    # The queue keeps failed tasks for ever; ours have their story in our own rows.
    _prune("django_q_task", "stopped", now - FAILED_TASKS_KEPT)
    Heartbeat.objects.filter(beat_at__lt=now - HEARTBEATS_KEPT).delete()


def _prune(table: str, column: str, before: datetime) -> None:
    statement = (
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("
        f"SELECT ctid FROM {table} WHERE {column} < %s LIMIT {PRUNED_AT_ONCE}))"
    )
    with connection.cursor() as cursor:
        for _ in range(200):
            cursor.execute(statement, [before])
            if cursor.rowcount < PRUNED_AT_ONCE:
                return
