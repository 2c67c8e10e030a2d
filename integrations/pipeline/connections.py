"""Connecting accounts and stores: verified first, then rows, lanes and encrypted logins at once."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from integrations.domain.lanes import Lane
from integrations.models import Credential, KlaviyoAccount, Merchant, Store, StoreLane
from integrations.models.credentials import CredentialKind, CredentialState
from integrations.platforms.klaviyo import accounts
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.shopify import health
from integrations.platforms.shopify.client import Shopify


class WrongShop(Exception):
    """The token opens another shop than the one that was named."""


class OtherMerchant(Exception):
    """The store already belongs to somebody else."""


def connect_klaviyo(merchant: Merchant, *, key: str, now: datetime) -> KlaviyoAccount:
    """Connect the account a private key opens, or renew the key of a known one.

    Work that was held for the account goes on. Raises PlatformError.
    """
    found = accounts.read(Klaviyo(settings.KLAVIYO_API_URL, key))
    with transaction.atomic():
        account, _ = KlaviyoAccount.objects.get_or_create(
            merchant=merchant,
            external_id=found.id,
            defaults={"name": found.name, "created_at": now},
        )
        login = Credential.objects.filter(klaviyo_account=account).first()
        _keep(
            login or Credential(klaviyo_account=account), CredentialKind.KLAVIYO_KEY, key, now=now
        )
        KlaviyoAccount.objects.release(account.pk)
    return account


def connect_shopify(account: KlaviyoAccount, *, domain: str, token: str, now: datetime) -> Store:
    """Connect the store a token opens to an account, or renew the token of a known one.

    Raises PlatformError, WrongShop, OtherMerchant.
    """
    found = health.check(Shopify(settings.SHOPIFY_BASE_URL.format(shop=domain), token))
    if found.domain != domain.lower():
        raise WrongShop(f"The token opens {found.domain} and not {domain}.")
    with transaction.atomic():
        store, is_new = Store.objects.get_or_create(
            domain=found.domain,
            defaults={
                "merchant": account.merchant,
                "klaviyo_account": account,
                "name": found.name,
                "time_zone": found.time_zone,
                "storefront_url": found.storefront_url,
                "created_at": now,
            },
        )
        if store.merchant_id != account.merchant_id:
            raise OtherMerchant(f"{found.domain} is already connected by another merchant.")
        if is_new:
            StoreLane.objects.bulk_create(
                StoreLane(store=store, lane=lane, last_served_at=now) for lane in Lane
            )
        login = Credential.objects.filter(store=store).first() or Credential(store=store)
        _keep(login, CredentialKind.SHOPIFY_TOKEN, token, now=now, scopes=found.scopes)
    return store


def _keep(
    login: Credential,
    kind: CredentialKind,
    secret: str,
    *,
    now: datetime,
    scopes: tuple[str, ...] = (),
) -> None:
    login.kind, login.state = kind, CredentialState.ACTIVE
    login.keep(secret)
    login.scopes = list(scopes)
    login.connected_at = login.last_success_at = now
    login.last_failure = ""
    login.save()
