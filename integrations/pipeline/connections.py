"""Connecting accounts and stores: rows, lanes and encrypted logins together or not at all."""

from datetime import datetime

from django.db import transaction

from integrations.domain.lanes import Lane
from integrations.models import Credential, KlaviyoAccount, Merchant, Store, StoreLane
from integrations.models.credentials import CredentialKind


@transaction.atomic
def connect_klaviyo(
    merchant: Merchant, *, name: str, external_id: str, key: str, now: datetime
) -> KlaviyoAccount:
    """Connect a Klaviyo account by its private key, or renew the key of a known one."""
    account, _ = KlaviyoAccount.objects.get_or_create(
        merchant=merchant, external_id=external_id, defaults={"name": name, "created_at": now}
    )
    login = Credential.objects.filter(klaviyo_account=account).first() or Credential(
        klaviyo_account=account
    )
    _keep(login, CredentialKind.KLAVIYO_KEY, key, now)
    return account


@transaction.atomic
def connect_shopify(
    account: KlaviyoAccount,
    *,
    domain: str,
    name: str,
    token: str,
    time_zone: str,
    storefront_url: str,
    now: datetime,
) -> Store:
    """Connect a Shopify store by its access token, or renew the token of a known one."""
    store, is_new = Store.objects.get_or_create(
        domain=domain.lower(),
        defaults={
            "merchant": account.merchant,
            "klaviyo_account": account,
            "name": name,
            "time_zone": time_zone,
            "storefront_url": storefront_url,
            "created_at": now,
        },
    )
    if is_new:
        StoreLane.objects.bulk_create(
            StoreLane(store=store, lane=lane, last_served_at=now) for lane in Lane
        )
    login = Credential.objects.filter(store=store).first() or Credential(store=store)
    _keep(login, CredentialKind.SHOPIFY_TOKEN, token, now)
    return store


def _keep(login: Credential, kind: CredentialKind, secret: str, now: datetime) -> None:
    login.kind = kind
    login.keep(secret)
    login.connected_at = now
    login.save()
