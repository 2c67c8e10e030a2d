"""What a verified login becomes: rows, lanes, an encrypted login and an entry, all at once."""

import time
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from integrations.domain import scopes
from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.grants import Grant
from integrations.domain.lanes import Lane
from integrations.domain.logins import MISSING_SCOPES
from integrations.models import Credential, KlaviyoAccount, Merchant, Store, StoreLane
from integrations.models.credentials import CredentialKind
from integrations.platforms.klaviyo import accounts
from integrations.platforms.klaviyo.accounts import Account
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.shopify import health
from integrations.platforms.shopify.client import Shopify
from integrations.platforms.shopify.health import Health

from . import apps, audit, destinations, login_states
from .audit import Actor

KINDS = {
    CredentialKind.KLAVIYO_KEY: "a private key",
    CredentialKind.KLAVIYO_OAUTH: "a sign-in",
}
# A wait a person can be asked to sit out.
SHORT_WAIT = timedelta(seconds=3)
# Namespaces of the locks that keep two people from connecting the same thing at once.
LOCK_SHOP, LOCK_ACCOUNT = 7301, 7302


class WrongShop(Exception):
    """The token opens another shop than the one that was named."""


class OtherMerchant(Exception):
    """The store or account already belongs to somebody else."""


class OtherAccount(Exception):
    """The login opens another account than the one that is connected."""

    def __init__(self, wanted: str, found: str) -> None:
        super().__init__(f"This connection belongs to {wanted}, and the login opens {found}.")
        self.wanted, self.found = wanted, found


class OtherKind(Exception):
    """The account is connected in another way, and nobody said that it may change."""

    def __init__(self, name: str, old: str, new: str) -> None:
        super().__init__(
            f"{name} is connected with {old}. With {new}, Klaviyo keeps what is sent as other "
            "metrics, even under the same names."
        )
        self.name, self.old, self.new = name, old, new


class Login(NamedTuple):
    """A login as it is to be kept, and who brought it."""

    kind: CredentialKind
    grant: Grant
    by: Actor


def connect_klaviyo(
    merchant: Merchant, *, key: str, now: datetime, by: Actor = audit.AUTOMATIC
) -> KlaviyoAccount:
    """Connect the account a private key opens, or renew the key of a known one.

    Raises PlatformError, OtherMerchant, OtherKind.
    """
    found = look_at_account(Klaviyo(settings.KLAVIYO_API_URL, key))
    login = Login(CredentialKind.KLAVIYO_KEY, Grant(key), by)
    return keep_account(merchant, found, login, now=now)


def connect_shopify(
    account: KlaviyoAccount,
    *,
    domain: str,
    token: str,
    now: datetime,
    by: Actor = audit.AUTOMATIC,
) -> Store:
    """Connect the store a token opens to an account, or renew the token of a known one.

    Raises PlatformError, WrongShop, OtherMerchant.
    """
    found = look_at_shop(domain, token)
    login = Login(CredentialKind.SHOPIFY_TOKEN, Grant(token), by)
    return keep_store(account, found, login, now=now)


def look_at_account(client: Klaviyo) -> Account:
    """Ask an account who it is, and once more after a short wait. Raises PlatformError.

    One call a second is allowed, shared with the merchant's other tools, and the code of a sign-in
    cannot be used again.
    """
    try:
        return accounts.read(client)
    except PlatformError as exc:
        wait = exc.failure.retry_after
        if exc.failure.kind is not FailureKind.RATE_LIMITED or wait is None or wait > SHORT_WAIT:
            raise
        time.sleep(wait.total_seconds())
    return accounts.read(client)


def look_at_shop(name: str, token: str) -> Health:
    """Ask a shop who it is, and whether we may do what we must. Raises PlatformError, WrongShop."""
    found = health.check(Shopify(apps.shop_url(name), token))
    if found.domain != name.lower():
        raise WrongShop(f"The token opens {found.domain} and not {name}.")
    if lacking := scopes.blocking(scopes.SHOPIFY, found.scopes):
        words = " ".join(one.sentence for one in lacking)
        raise PlatformError(Failure(FailureKind.AUTH, words, MISSING_SCOPES))
    return found


def keep_account(
    merchant: Merchant,
    found: Account,
    login: Login,
    *,
    now: datetime,
    expected: KlaviyoAccount | None = None,
    switch_kind: bool = False,
) -> KlaviyoAccount:
    """Keep a verified login of an account. Raises OtherAccount, OtherMerchant, OtherKind."""
    with transaction.atomic():
        _alone(LOCK_ACCOUNT, found.id)
        if expected is not None and expected.external_id not in {"", found.id}:
            raise OtherAccount(
                f"{expected.name} ({expected.external_id})", f"{found.name} ({found.id})"
            )
        others = KlaviyoAccount.objects.filter(external_id=found.id)
        if others.exclude(merchant=merchant).exists():
            raise OtherMerchant(f"{found.name} is already connected by another business.")
        account = expected or others.first()
        if account is None:
            account = KlaviyoAccount.objects.create(
                merchant=merchant, external_id=found.id, name=found.name[:120], created_at=now
            )
        elif not account.external_id:
            KlaviyoAccount.objects.filter(pk=account.pk).update(external_id=found.id)
        known = Credential.objects.select_for_update().filter(klaviyo_account=account).first()
        if known and known.kind != login.kind and not switch_kind:
            old, new = KINDS[CredentialKind(known.kind)], KINDS[login.kind]
            raise OtherKind(account.name, old, new)
        row = _keep(known or Credential(klaviyo_account=account), login, now=now)
    destinations.forget()
    login_states.release(row, now=now)
    account.refresh_from_db()
    return account


def keep_store(account: KlaviyoAccount, found: Health, login: Login, *, now: datetime) -> Store:
    """Keep a verified login of a shop. Raises OtherMerchant."""
    with transaction.atomic():
        _alone(LOCK_SHOP, found.domain)
        store = Store.objects.filter(domain__iexact=found.domain).first()
        if store is not None and store.merchant_id != account.merchant_id:
            raise OtherMerchant(f"{found.domain} is already connected by another merchant.")
        if store is None:
            store = _new_store(account, found, now)
        known = Credential.objects.select_for_update().filter(store=store).first()
        granted = Grant(
            access=login.grant.access,
            refresh=login.grant.refresh,
            expires_in=login.grant.expires_in,
            refresh_expires_in=login.grant.refresh_expires_in,
            scopes=found.scopes,
        )
        row = _keep(known or Credential(store=store), login._replace(grant=granted), now=now)
    destinations.forget()
    login_states.release(row, now=now)
    return store


def _new_store(account: KlaviyoAccount, found: Health, now: datetime) -> Store:
    store = Store.objects.create(
        merchant_id=account.merchant_id,
        klaviyo_account=account,
        domain=found.domain,
        name=found.name[:120],
        time_zone=found.time_zone,
        storefront_url=found.storefront_url,
        created_at=now,
    )
    StoreLane.objects.bulk_create(
        StoreLane(store=store, lane=lane, last_served_at=now) for lane in Lane
    )
    return store


def _keep(row: Credential, login: Login, *, now: datetime) -> Credential:
    is_new = row.pk is None
    before = {} if is_new else {"state": row.state, "kind": row.kind}
    grant = login.grant
    row.kind = login.kind
    row.keep(grant.access, grant.refresh)
    row.expires_at = now + grant.expires_in if grant.expires_in else None
    row.refresh_expires_at = now + grant.refresh_expires_in if grant.refresh_expires_in else None
    row.refreshed_at = now if grant.refresh else None
    row.refreshing_until = None
    row.scopes = list(grant.scopes)
    row.connected_by = login.by.user
    row.connected_at = row.checked_at = row.last_success_at = now
    login_states.mark_working(row)
    row.save()
    audit.record(
        "credential.connected" if is_new else "credential.reconnected",
        row.opens,
        by=login.by,
        now=now,
        before=before,
        after={"state": row.state, "kind": row.kind, "scopes": row.scopes},
    )
    return row


def _alone(namespace: int, name: str) -> None:
    """Wait for whoever is connecting the same thing, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [namespace, name])
