"""Asking a store for orders whose own message never came."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.conf import settings

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.records import Order
from integrations.models import Credential, Store
from integrations.platforms.shopify.client import Shopify
from integrations.platforms.shopify.orders import fetch_orders
from integrations.secrets import LostKey


def orders(store: Store, ids: Iterable[str]) -> Mapping[str, Order | Failure]:
    """Fetch orders by id; those the store does not have are left out. Raises PlatformError."""
    login = Credential.objects.filter(store=store).first()
    if login is None:
        return {}
    try:
        token = login.reveal()
    except LostKey as exc:
        raise PlatformError(
            Failure(
                FailureKind.TRANSIENT,
                "The login of the store cannot be read.",
                code="lost_key",
                retry_after=timedelta(minutes=5),
            )
        ) from exc
    client = Shopify(settings.SHOPIFY_BASE_URL.format(shop=store.domain), token)
    return fetch_orders(client, ids)
