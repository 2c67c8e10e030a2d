"""Signing in at a platform and coming back: begun, answered once, verified, and only then kept."""

import secrets as randomness
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from integrations.domain import refusals, scopes
from integrations.domain.grants import Grant
from integrations.models import (
    Authorization,
    KlaviyoAccount,
    Merchant,
    Reconnection,
    Store,
    User,
)
from integrations.models.authorizations import Destination
from integrations.models.credentials import CredentialKind
from integrations.platforms.klaviyo import oauth as klaviyo_oauth
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.shopify import oauth as shopify_oauth
from integrations.secrets import decrypt, encrypt

from . import apps, audit, connections, trips
from .connections import Login
from .trips import Refused

__all__ = [
    "Answered",
    "Begun",
    "Refused",
    "answer_klaviyo",
    "answer_shopify",
    "begin_klaviyo",
    "begin_shopify",
    "connect_key",
]

GOOD_FOR = timedelta(minutes=10)


class Begun(NamedTuple):
    """Where to send the browser."""

    url: str


class Answered(NamedTuple):
    """A sign-in that led to a connection: of a store, or of an account."""

    authorization: Authorization
    store: Store | None = None
    account: KlaviyoAccount | None = None


# --- beginning ------------------------------------------------------------------------------------


def begin_shopify(
    merchant: Merchant,
    *,
    domain: str,
    by: User,
    browser: str,
    now: datetime,
    account: KlaviyoAccount | None = None,
    store: Store | None = None,
    reconnection: Reconnection | None = None,
) -> Begun:
    """Begin the sign-in to a shop, new or known. Raises Refused."""
    shop = domain.strip().lower()
    if not shopify_oauth.is_shop(shop):
        raise Refused("bad_shop_name")
    if store is not None and store.domain.lower() != shop:
        raise Refused(
            "wrong_shop", trips.facts_of(Destination.SHOPIFY, wanted=store.domain, found=shop)
        )
    account = _account_to_feed(merchant, shop, account, store)
    state = randomness.token_urlsafe(32)
    try:
        url = shopify_oauth.authorize_url(
            apps.shop_url(shop),
            client_id=apps.shopify().client_id,
            scopes=settings.SHOPIFY_SCOPES,
            redirect_uri=apps.answer_url("shopify"),
            state=state,
        )
    except apps.NotConfigured as exc:
        raise Refused(
            "not_configured", trips.facts_of(Destination.SHOPIFY, detail=str(exc))
        ) from exc
    Authorization.objects.create(
        platform=Destination.SHOPIFY,
        merchant=merchant,
        store=store,
        klaviyo_account=account,
        reconnection=reconnection,
        domain=shop,
        state_hash=trips.hashed(state),
        browser_hash=trips.hashed(browser),
        begun_by=by,
        begun_at=now,
        expires_at=now + GOOD_FOR,
    )
    return Begun(url)


def begin_klaviyo(
    merchant: Merchant,
    *,
    by: User,
    browser: str,
    now: datetime,
    account: KlaviyoAccount | None = None,
    reconnection: Reconnection | None = None,
    switch_kind: bool = False,
) -> Begun:
    """Begin the sign-in to an account, new or known. Raises Refused."""
    if account is not None:
        _refuse_other_kind(account, CredentialKind.KLAVIYO_OAUTH, switch_kind)
    state, proof = randomness.token_urlsafe(32), klaviyo_oauth.new_proof_key()
    try:
        url = klaviyo_oauth.authorize_url(
            settings.KLAVIYO_AUTHORIZE_URL,
            client_id=apps.klaviyo().client_id,
            scopes=scopes.handles(scopes.KLAVIYO),
            redirect_uri=apps.answer_url("klaviyo"),
            state=state,
            challenge=proof.challenge,
        )
    except apps.NotConfigured as exc:
        raise Refused(
            "not_configured", trips.facts_of(Destination.KLAVIYO, detail=str(exc))
        ) from exc
    Authorization.objects.create(
        platform=Destination.KLAVIYO,
        merchant=merchant,
        klaviyo_account=account,
        reconnection=reconnection,
        switch_kind=switch_kind,
        state_hash=trips.hashed(state),
        browser_hash=trips.hashed(browser),
        verifier=encrypt(proof.verifier),
        begun_by=by,
        begun_at=now,
        expires_at=now + GOOD_FOR,
    )
    return Begun(url)


def _account_to_feed(
    merchant: Merchant, shop: str, account: KlaviyoAccount | None, store: Store | None
) -> KlaviyoAccount:
    """The account a shop feeds: its own, the one that was chosen, or the only one there is."""
    known = store or Store.objects.filter(merchant=merchant, domain__iexact=shop).first()
    if known is not None and account not in {None, known.klaviyo_account}:
        facts = refusals.Facts(wanted=shop, found=known.klaviyo_account.name)
        raise Refused("feeds_another", facts)
    if account is None:
        candidates = list(merchant.klaviyo_accounts.all()[:2])
        account = known.klaviyo_account if known else None
        if account is None and len(candidates) == 1:
            account = candidates[0]
    if account is None:
        raise Refused("no_account")
    if account.merchant_id != merchant.pk or (store and store.merchant_id != merchant.pk):
        raise Refused("other_merchant", refusals.Facts(found=shop))
    return account


# --- answering ------------------------------------------------------------------------------------


def answer_shopify(query: str, *, by: User, browser: str, now: datetime) -> Answered:
    """Take what a shop's sign-in page sent back, as it came. Raises Refused.

    Nothing is kept unless everything passed. The order of the checks is Shopify's: state, then
    signature, then the shop's name.
    """
    given = trips.answer_of(query)
    trip = trips.find(Destination.SHOPIFY, given, by=by, browser=browser, now=now)
    if "error" not in given:
        if not shopify_oauth.is_genuine(query, settings.SHOPIFY_APP_SECRETS):
            raise trips.refused("forged", trip)
        shop = given.get("shop", "").lower()
        if not shopify_oauth.is_shop(shop):
            raise trips.refused("forged", trip)
        if shop != trip.domain:
            raise trips.refused("wrong_shop", trip, wanted=trip.domain, found=shop)
    with trips.used(trip, given, now):
        _refuse_others_shop(trip)
        grant = shopify_oauth.exchange(
            apps.shop_url(trip.domain), apps.shopify(), code=given.get("code", "")
        )
        found = connections.look_at_shop(trip.domain, grant.access)
        account = trip.klaviyo_account
        assert account is not None  # noqa: S101 - set when it was begun
        login = Login(CredentialKind.SHOPIFY_TOKEN, grant, audit.person(by, trip.merchant))
        store = connections.keep_store(account, found, login, now=now)
        Authorization.objects.filter(pk=trip.pk).update(outcome="connected", store=store)
    trip.refresh_from_db()
    return Answered(trip, store=store)


def answer_klaviyo(query: str, *, by: User, browser: str, now: datetime) -> Answered:
    """Take what Klaviyo's sign-in page sent back, as it came. Raises Refused.

    Nothing is kept unless everything passed.
    """
    given = trips.answer_of(query)
    trip = trips.find(Destination.KLAVIYO, given, by=by, browser=browser, now=now)
    with trips.used(trip, given, now):
        grant = klaviyo_oauth.exchange(
            settings.KLAVIYO_API_URL,
            apps.klaviyo(),
            code=given.get("code", ""),
            verifier=decrypt(bytes(trip.verifier)),
            redirect_uri=apps.answer_url("klaviyo"),
        )
        # An answer need not repeat the scopes when all were given (RFC 6749, section 5.1).
        if grant.scopes and (lacking := scopes.blocking(scopes.KLAVIYO, grant.scopes)):
            detail = " ".join(one.sentence for one in lacking)
            raise trips.refused("missing_scopes", trip, detail=detail)
        found = connections.look_at_account(
            Klaviyo(settings.KLAVIYO_API_URL, grant.access, bearer=True)
        )
        login = Login(CredentialKind.KLAVIYO_OAUTH, grant, audit.person(by, trip.merchant))
        account = connections.keep_account(
            trip.merchant,
            found,
            login,
            now=now,
            expected=trip.klaviyo_account,
            switch_kind=trip.switch_kind,
        )
        Authorization.objects.filter(pk=trip.pk).update(
            outcome="connected", klaviyo_account=account
        )
    trip.refresh_from_db()
    return Answered(trip, account=account)


def connect_key(
    merchant: Merchant,
    *,
    key: str,
    by: User,
    now: datetime,
    account: KlaviyoAccount | None = None,
    switch_kind: bool = False,
) -> KlaviyoAccount:
    """Connect an account with a private key that was pasted, verified at once. Raises Refused."""
    key = key.strip()
    if not key or not key.isascii() or any(sign.isspace() for sign in key):
        raise Refused("key_refused")
    if account is not None:
        _refuse_other_kind(account, CredentialKind.KLAVIYO_KEY, switch_kind)
    with trips.in_words(Destination.KLAVIYO, None, auth="key_refused"):
        found = connections.look_at_account(Klaviyo(settings.KLAVIYO_API_URL, key))
        login = Login(
            CredentialKind.KLAVIYO_KEY,
            Grant(key),
            audit.person(by, merchant),
        )
        return connections.keep_account(
            merchant, found, login, now=now, expected=account, switch_kind=switch_kind
        )


# --- parts ----------------------------------------------------------------------------------------


def _refuse_others_shop(trip: Authorization) -> None:
    """Before the code is exchanged: a new grant ends the one the other business lives on."""
    others = Store.objects.filter(domain__iexact=trip.domain).exclude(merchant=trip.merchant)
    if others.exists():
        raise trips.refused("other_merchant", trip, found=trip.domain)


def _refuse_other_kind(account: KlaviyoAccount, kind: CredentialKind, switch_kind: bool) -> None:
    login = getattr(account, "credential", None)
    if login is None or login.kind == kind or switch_kind:
        return
    facts = trips.facts_of(
        Destination.KLAVIYO,
        found=account.name,
        old=connections.KINDS[CredentialKind(login.kind)],
        new=connections.KINDS[kind],
    )
    raise Refused("other_kind", facts)
