"""Renewing a login: one caller asks the platform, the others wait for what it got.

The row is locked to claim the renewal and to store what came of it, and not while the platform is
asked. Until the new pair is stored the old one is, and both platforms let a lost answer be asked
for again with it (Shopify says so; of Klaviyo it is unconfirmed where refresh tokens change).
"""

import time
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import transaction

from integrations.domain import logins as domain
from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.grants import Grant
from integrations.domain.logins import Side
from integrations.models import Credential
from integrations.platforms.klaviyo import oauth as klaviyo_oauth
from integrations.platforms.shopify import oauth as shopify_oauth
from integrations.secrets import LostKey

from . import apps, login_states

# Longer than a call can take, so that nobody else asks while an answer may still come.
CLAIM = timedelta(seconds=20)
LONGEST_WAIT = 15.0
LOOK_EVERY = 0.05

REFUSED = Failure(FailureKind.AUTH, "The login was refused.", "401", 401)


class _Turn(Enum):
    """Whose turn it is to ask the platform."""

    MINE = "mine"
    OTHERS = "others"
    DONE = "done"  # somebody renewed it since the caller looked
    NOBODYS = "nobody's"  # only a person can help
    NO_USE = "no use"  # there is nothing to renew it with, or that was just done and did not help


def refresh(
    credential_pk: int, *, now: datetime, seen: bytes | None = None, was_refused: bool = False
) -> Credential:
    """Renew a login and return it as it is then.

    `seen` is the stored secret the caller knows: a login that holds another one by now needs
    nothing. `was_refused` says that the platform refused it although it should still be good.
    Raises PlatformError: of kind AUTH when only a person can help, which is then on record, and of
    another kind when nothing changed and a later try may succeed.
    """
    until = time.monotonic() + LONGEST_WAIT
    while True:
        login, turn = _take_turn(credential_pk, now, seen, was_refused)
        match turn:
            case _Turn.MINE:
                return _renew(login, now)
            case _Turn.DONE:
                return login
            case _Turn.NOBODYS:
                sentence = domain.sentence(login.side, login.state, login.failure_code)
                raise PlatformError(Failure(FailureKind.AUTH, sentence, login.failure_code))
            case _Turn.NO_USE:
                login_states.broken(login, failure=REFUSED, now=now)
                raise PlatformError(REFUSED)
        expires = login.expires_at
        if not was_refused and expires is not None and expires > now:
            return login
        if time.monotonic() > until:
            message = "Somebody else is renewing this login and has not come to an end."
            raise PlatformError(Failure(FailureKind.TRANSIENT, message, "renewal_busy"))
        time.sleep(LOOK_EVERY)


def fresh(login: Credential, *, now: datetime) -> Credential:
    """The login with a token that can be used: renewed when it ends within a minute.

    Raises PlatformError.
    """
    if not login.renews or not domain.renewal_due(login.expires_at, now):
        return login
    return refresh(login.pk, now=now, seen=bytes(login.secret))


def _take_turn(
    pk: int, now: datetime, seen: bytes | None, was_refused: bool
) -> tuple[Credential, _Turn]:
    with transaction.atomic():
        login = Credential.objects.select_for_update().get(pk=pk)
        if seen is not None and bytes(login.secret) != seen:
            return login, _Turn.DONE
        if domain.is_final(login.state, login.failure_code):
            return login, _Turn.NOBODYS
        busy, renewed = login.refreshing_until, login.refreshed_at
        # Another machine's clock may be ahead of ours. A claim that reaches much further was made
        # by a clock that went wrong, and holds nobody up.
        if busy is not None and now < busy <= now + 2 * CLAIM:
            return login, _Turn.OTHERS
        if not login.renews or (
            was_refused and renewed is not None and now - renewed < domain.JUST_RENEWED
        ):
            return login, _Turn.NO_USE
        login.refreshing_until = now + CLAIM
        login.save(update_fields=["refreshing_until"])
    return login, _Turn.MINE


def _renew(login: Credential, now: datetime) -> Credential:
    try:
        grant = _ask(login)
    except (PlatformError, LostKey, apps.NotConfigured) as exc:
        Credential.objects.filter(pk=login.pk).update(refreshing_until=None)
        failure = _failure_of(exc)
        login_states.broken(login, failure=failure, now=now)
        raise PlatformError(failure) from exc
    # Whoever dies here leaves the old pair as it was, and the claim runs out by itself.
    return _store(login, grant, now)


def _ask(login: Credential) -> Grant:
    old = login.reveal_refresh()
    if login.side is Side.SHOPIFY:
        assert login.store is not None  # noqa: S101 - of a store, since it is Shopify's
        return shopify_oauth.renew(apps.shop_url(login.store.domain), apps.shopify(), refresh=old)
    return klaviyo_oauth.renew(settings.KLAVIYO_API_URL, apps.klaviyo(), refresh=old)


def _store(login: Credential, grant: Grant, now: datetime) -> Credential:
    """Store the pair, both or neither, unless the login was replaced meanwhile."""
    with transaction.atomic():
        row = Credential.objects.select_for_update().get(pk=login.pk)
        if row.reveal_refresh() != login.reveal_refresh():
            return row
        take(row, grant, now=now)
        row.save()
    return row


def take(row: Credential, grant: Grant, *, now: datetime) -> None:
    """Put a renewed pair into a row; where no new refresh token came, the old one stays good."""
    row.keep(grant.access, grant.refresh or row.reveal_refresh())
    row.expires_at = now + grant.expires_in if grant.expires_in else None
    if grant.refresh_expires_in:
        row.refresh_expires_at = now + grant.refresh_expires_in
    row.refreshed_at, row.refreshing_until = now, None
    if row.side is Side.KLAVIYO:
        # Proof enough that it lets us in. A shop may be closed, or have taken permissions away, and
        # still renew.
        row.last_success_at = now
    if grant.scopes:
        row.scopes = list(grant.scopes)


def _failure_of(exc: Exception) -> Failure:
    if isinstance(exc, PlatformError):
        return exc.failure
    if isinstance(exc, LostKey):
        return login_states.LOST
    # Our own settings are incomplete: nothing is wrong with the login.
    return Failure(FailureKind.TRANSIENT, str(exc), "not_configured")
