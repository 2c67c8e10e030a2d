"""Rotation: every stored secret encrypted with the first key, a batch at a time."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from integrations.models import AlertChannel, Authorization, Before, Credential
from integrations.secrets import LostKey, is_current, rotated

from . import login_states

AT_ONCE = 100


@dataclass(slots=True)
class Report:
    """What a rotation did."""

    rotated: int = 0
    current: int = 0
    # What no key can read, by name.
    lost: list[str] = field(default_factory=list)


def rotate(*, now: datetime) -> Report:
    """Encrypt every secret anew that is not yet under the first key.

    Each batch is committed by itself, and what is done is recognised, so it can be stopped and
    run again. A login that cannot be read is marked, held and told of.
    """
    report, last = Report(), 0
    while keys := list(
        Credential.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
    ):
        with transaction.atomic():
            for login in Credential.objects.select_for_update().filter(pk__in=keys).order_by("pk"):
                _rotate(login, report, now)
        last = keys[-1]
    # What no key can read cannot be put back any more, or tells nobody.
    _rotate_rows(Before.objects.all(), "profiles as they were before a fetch", report)
    _rotate_rows(AlertChannel.objects.all(), "addresses for alerts", report)
    _rotate_sign_ins(now)
    return report


def _rotate(login: Credential, report: Report, now: datetime) -> None:
    secret, refresh = bytes(login.secret), bytes(login.refresh_secret)
    if is_current(secret) and (not refresh or is_current(refresh)):
        report.current += 1
        return
    try:
        login.secret = rotated(secret)
        login.refresh_secret = rotated(refresh) if refresh else b""
    except LostKey:
        report.lost.append(str(login))
        login_states.broken(login, failure=login_states.LOST, now=now)
        return
    login.save(update_fields=["secret", "refresh_secret"])
    report.rotated += 1


def _rotate_rows(rows: QuerySet[Any], words: str, report: Report) -> None:
    """Secrets with nobody to be told of: what no key can read is counted, in these words."""
    last, lost = 0, 0
    while some := list(rows.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        for row in some:
            old = bytes(row.secret)
            if is_current(old):
                report.current += 1
                continue
            try:
                # Only what has not been written anew meanwhile.
                mine = rows.filter(pk=row.pk, secret=old)
                report.rotated += mine.update(secret=rotated(old))
            except LostKey:
                lost += 1
        last = some[-1].pk
    if lost:
        report.lost.append(f"{lost} {words}")


def _rotate_sign_ins(now: datetime) -> None:
    """Those under way go on under the first key; of those that ran out nothing is kept."""
    kept = Authorization.objects.exclude(verifier=b"")
    kept.filter(expires_at__lte=now).update(verifier=b"")
    for trip in kept.only("verifier"):
        old = bytes(trip.verifier)
        # Only what has not been used up meanwhile.
        mine = Authorization.objects.filter(pk=trip.pk, verifier=old)
        with suppress(LostKey):
            mine.update(verifier=rotated(old))
