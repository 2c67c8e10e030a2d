"""Doors to shops and accounts with a login that is fresh, and what the doors say about it."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.db import transaction

from integrations.domain import logins as domain
from integrations.domain import scopes
from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.logins import LoginState, Side
from integrations.models import Credential, KlaviyoAccount, Store
from integrations.models.credentials import CredentialKind
from integrations.platforms.klaviyo import oauth as klaviyo_oauth
from integrations.platforms.klaviyo import probe
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.shopify import health
from integrations.platforms.shopify.client import Shopify
from integrations.secrets import LostKey

from . import apps, audit, breakers, destinations, doors, login_states
from .audit import Actor
from .login_states import broken, healed, proven
from .renewal import fresh, refresh

__all__ = [
    "ask_klaviyo",
    "ask_shop",
    "broken",
    "check",
    "disconnect",
    "healed",
    "klaviyo",
    "refresh",
    "shopify",
]

log = logging.getLogger(__name__)

T = TypeVar("T")

# A login in one of these lets some calls through.
USABLE = {LoginState.ACTIVE, LoginState.MISSING_SCOPES}


def shopify(store: Store, *, now: datetime) -> Shopify:
    """A shop's door, with a token that is fresh. Raises PlatformError."""
    return doors.shop(_usable(Credential.objects.filter(store=store).first(), now))


def klaviyo(account: KlaviyoAccount, *, now: datetime) -> Klaviyo:
    """An account's door, with a login that is fresh. Raises PlatformError."""
    return doors.account(_usable(Credential.objects.filter(klaviyo_account=account).first(), now))


def ask_shop(store: Store, question: Callable[[Shopify], T], *, now: datetime) -> T:
    """Ask a shop something. Raises PlatformError.

    A token that is refused is renewed once; what the answer says about the login is written down,
    and so is that none came.
    """
    stored = Credential.objects.filter(store=store).select_related("store__breaker").first()
    return breakers.watched(
        (stored and stored.store) or store,
        lambda: _ask(_usable(stored, now), lambda one: question(doors.shop(one)), now),
        now=now,
    )


def ask_klaviyo(account: KlaviyoAccount, question: Callable[[Klaviyo], T], *, now: datetime) -> T:
    """Ask an account something, as `ask_shop` does. Raises PlatformError."""
    stored = Credential.objects.filter(klaviyo_account=account).select_related(
        "klaviyo_account__breaker"
    )
    login = stored.first()
    return breakers.watched(
        (login and login.klaviyo_account) or account,
        lambda: _ask(_usable(login, now), lambda one: question(doors.account(one)), now),
        now=now,
    )


def check(credential: Credential, *, now: datetime, asked: bool = False) -> bool:
    """See with a call whether a login works, and write down what came of it.

    `asked` by a person: then a login whose permissions were found wanting is believed when it is
    let in; by ourselves we believe it when its permissions have changed, since otherwise it would
    be refused and believed in turns.
    """
    Credential.objects.filter(pk=credential.pk).update(checked_at=now)
    if domain.is_final(credential.state, credential.failure_code):
        # Its last token may still open for an hour; that is no reason to believe in it.
        return False
    try:
        login = _readable(credential, now)
        is_better = _check_shop if login.side is Side.SHOPIFY else _check_account
        works = is_better(fresh(login, now=now), now, asked)
    except PlatformError as exc:
        log.info("login.checked", extra={"login": credential.pk, "failure": exc.failure.code})
        return False
    return works


def disconnect(credential: Credential, *, by: Actor, now: datetime, reason: str = "") -> None:
    """Let go of a login: given back to Klaviyo where it was its OAuth, and forgotten here.

    What needs it is held. That Klaviyo could not be reached keeps nobody from disconnecting; the
    entry says so, and the login ends there by itself when it has not been used for 90 days.
    """
    trouble = _give_back(credential)
    with transaction.atomic():
        row = Credential.objects.select_for_update().get(pk=credential.pk)
        before = {"state": row.state, "kind": row.kind}
        row.keep("")
        row.expires_at = row.refresh_expires_at = row.refreshing_until = None
        row.state, row.failure_code = LoginState.REVOKED, domain.DISCONNECTED
        row.last_failure = domain.sentence(row.side, row.state, row.failure_code)
        row.broken_since = row.broken_since or now
        row.save()
        if row.klaviyo_account_id:
            KlaviyoAccount.objects.hold(row.klaviyo_account_id, reason=row.last_failure, now=now)
        after = {"state": row.state} | ({"not_given_back": trouble} if trouble else {})
        audit.record(
            "credential.disconnected",
            row.opens,
            by=by,
            now=now,
            before=before,
            after=after,
            reason=reason,
        )
    destinations.forget()


# --- the login ------------------------------------------------------------------------------------


def _usable(login: Credential | None, now: datetime) -> Credential:
    """The login, if it can be used, and fresh. Raises PlatformError."""
    if login is None:
        raise PlatformError(Failure(FailureKind.AUTH, "There is no login yet.", "no_login"))
    if login.state not in USABLE:
        sentence = domain.sentence(login.side, login.state, login.failure_code)
        raise PlatformError(Failure(FailureKind.AUTH, sentence, login.failure_code))
    return fresh(_readable(login, now), now=now)


def _readable(login: Credential, now: datetime) -> Credential:
    try:
        login.reveal()
    except LostKey:
        broken(login, failure=login_states.LOST, now=now)
        raise PlatformError(login_states.LOST) from None
    return login


def _ask(login: Credential, question: Callable[[Credential], T], now: datetime) -> T:
    """Ask; renew once where the token is refused, and write down what was said about the login."""
    try:
        found = question(login)
    except PlatformError as exc:
        if exc.failure.status != 401 or not login.renews:
            broken(login, failure=exc.failure, now=now)
            raise
        login = refresh(login.pk, now=now, seen=bytes(login.secret), was_refused=True)
        try:
            found = question(login)
        except PlatformError as again:
            broken(login, failure=again.failure, now=now)
            raise
    proven(login, now=now)
    return found


# --- checks ---------------------------------------------------------------------------------------


def _check_shop(login: Credential, now: datetime, asked: bool) -> bool:
    found = _ask(login, lambda one: health.check(doors.shop(one)), now)
    login.refresh_from_db()
    changed = scopes.held(found.scopes) != scopes.held(login.scopes)
    if changed:
        _note_scopes(login, found.scopes, now)
    if blocking := scopes.blocking(scopes.SHOPIFY, found.scopes):
        words = " ".join(one.sentence for one in blocking)
        broken(login, failure=Failure(FailureKind.AUTH, words, domain.MISSING_SCOPES), now=now)
        return False
    # Something that no list of permissions shows was refused, such as protected customer data.
    unseen = (
        login.state == LoginState.MISSING_SCOPES and login.failure_code != domain.MISSING_SCOPES
    )
    if unseen and not changed and not asked:
        return False
    healed(login, now=now)
    return True


def _check_account(login: Credential, now: datetime, asked: bool) -> bool:
    wants = login.state == LoginState.MISSING_SCOPES
    if wants and not asked:
        # A key's permissions never change, and those of a sign-in only by another sign-in.
        return False
    look = probe.trouble_writing if wants else probe.trouble

    def question(one: Credential) -> None:
        if failure := look(doors.account(one)):
            raise PlatformError(failure)

    _ask(login, question, now)
    login.refresh_from_db()
    healed(login, now=now)
    return True


def _note_scopes(login: Credential, found: tuple[str, ...], now: datetime) -> None:
    before = list(login.scopes)
    with transaction.atomic():
        login.scopes = list(found)
        login.save(update_fields=["scopes"])
        audit.record(
            "credential.scopes_changed",
            login.opens,
            by=audit.AUTOMATIC,
            now=now,
            before={"scopes": before},
            after={"scopes": list(found)},
        )


def _give_back(login: Credential) -> str:
    """Revoke at Klaviyo what can be revoked; returns what kept us from it."""
    if login.kind != CredentialKind.KLAVIYO_OAUTH:
        return ""
    try:
        if secret := login.reveal_refresh():
            klaviyo_oauth.revoke(settings.KLAVIYO_API_URL, apps.klaviyo(), refresh=secret)
    except PlatformError as exc:
        return exc.failure.code
    except (LostKey, apps.NotConfigured) as exc:
        return type(exc).__name__
    return ""
