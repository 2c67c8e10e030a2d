"""Keeping logins alive and knowing that they work, by schedule, when nothing else uses them."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from integrations.domain import logins as domain
from integrations.domain.failures import PlatformError
from integrations.domain.logins import LoginState
from integrations.models import Credential

from . import logins, renewal

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

# A token is renewed this long before it ends, so that work seldom has to wait for it. Both
# platforms' tokens live for an hour, so an idle login is renewed about once an hour.
RENEW_AHEAD = timedelta(minutes=5)
# Shopify's and Klaviyo's refresh tokens die after 90 days without use. One that is not renewed for
# its token's sake is renewed for its own.
KEEP_ALIVE = timedelta(days=7)
# Without a call that succeeded for this long, one is made, so that each login is known to work at
# least hourly; what is used needs none.
CHECK_AFTER = timedelta(minutes=55)
# A login that does not work is tried again this often on its first day, and then hourly.
RETRY_AFTER = timedelta(minutes=5)
FIRST_DAY = timedelta(days=1)
# Logins in one look, longest unlooked-at first; a look goes on a minute later.
AT_ONCE = 50
LONGEST_LOOK = timedelta(seconds=20)


def renew_due(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Renew what ends soon or was not renewed for long; returns how many were."""
    now = clock()
    # Those that do not work are renewed, if at all, when they are looked at.
    renewing = Credential.objects.exclude(refresh_secret=b"").filter(
        state__in=[LoginState.ACTIVE, LoginState.MISSING_SCOPES]
    )
    born = Coalesce("refreshed_at", "connected_at")
    due = renewing.alias(born=born).filter(
        Q(expires_at__lte=now + RENEW_AHEAD) | Q(born__lte=now - KEEP_ALIVE)
    )
    renewed, until = 0, now + LONGEST_LOOK
    for login in due.order_by("expires_at", "pk")[:AT_ONCE]:
        if stopping() or clock() > until:
            break
        try:
            renewal.refresh(login.pk, now=clock(), seen=bytes(login.secret))
            renewed += 1
        except PlatformError as exc:
            log.info("login.not_renewed", extra={"login": login.pk, "code": exc.failure.code})
    return renewed


def check_due(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """See whether the logins nobody has used for an hour still work, and the broken ones again.

    Returns how many work that did not before.
    """
    now = clock()
    healed, until = 0, now + LONGEST_LOOK
    for login in _to_check(now)[:AT_ONCE]:
        if stopping() or clock() > until:
            break
        # Claimed by moving its time, so that several workers make one call.
        mine = Credential.objects.filter(pk=login.pk, checked_at=login.checked_at)
        if not mine.update(checked_at=clock()):
            continue
        was_broken = login.state != LoginState.ACTIVE
        if logins.check(login, now=clock()) and was_broken:
            healed += 1
    return healed


def _to_check(now: datetime) -> QuerySet[Credential]:
    proven = Greatest("checked_at", "last_success_at")
    is_held = Q(klaviyo_account__held_since__isnull=False)
    is_new = Q(broken_since=None) | Q(broken_since__gt=now - FIRST_DAY)
    idle = Q(state=LoginState.ACTIVE, proven__lt=now - CHECK_AFTER)
    retry = (~Q(state=LoginState.ACTIVE) | is_held) & is_new & Q(checked_at__lt=now - RETRY_AFTER)
    later = ~Q(state=LoginState.ACTIVE) & Q(checked_at__lt=now - CHECK_AFTER)
    return (
        Credential.objects.select_related("store", "klaviyo_account")
        .alias(proven=proven)
        .filter(Q(checked_at=None) | idle | retry | later)
        .exclude(_hopeless())
        .order_by(F("checked_at").asc(nulls_first=True), "pk")
    )


def _hopeless() -> Q:
    """Where only a person can mend it, asking tells nothing new.

    The permissions of a key never change, and those of a sign-in only by another sign-in.
    """
    return (
        Q(state=LoginState.REVOKED)
        | Q(state=LoginState.NEEDS_RECONNECT, failure_code__in=domain.FINAL)
        | Q(state=LoginState.MISSING_SCOPES, klaviyo_account__isnull=False)
    )
