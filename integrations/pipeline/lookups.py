"""Asking a store for orders whose own message never came."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from integrations.domain import logins as domain
from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.lanes import Lane
from integrations.domain.logins import LoginState
from integrations.domain.records import Order
from integrations.models import Credential, Store
from integrations.platforms.shopify.client import Shopify
from integrations.platforms.shopify.orders import fetch_orders
from integrations.platforms.shopify.whole_orders import Pay

from . import breakers, logins, points

# What looking up one order asks for, at most (platforms/shopify/orders.py).
LOOK_UP = 40.0
LIMITED = "The shop's limit is used up for the moment."


def orders(store: Store, ids: Iterable[str], *, now: datetime) -> Mapping[str, Order | Failure]:
    """Fetch orders by id; those the store does not have are left out.

    Raises PlatformError; one of kind AUTH holds until the store's login works again, and a login
    that is known not to work is not tried in vain.
    """
    login = Credential.objects.filter(store=store).first()
    if login is None:
        return {}
    if login.state != LoginState.ACTIVE:
        sentence = domain.sentence(login.side, login.state, login.failure_code)
        raise PlatformError(Failure(FailureKind.AUTH, sentence, login.failure_code))
    if trouble := breakers.waits(store, now=now):
        raise PlatformError(trouble)
    wanted = list(ids)

    def pay(price: float) -> None:
        if until := points.take(store.pk, price, lane=Lane.LIVE, now=now):
            wait = until - now
            raise PlatformError(
                Failure(FailureKind.RATE_LIMITED, LIMITED, "points", retry_after=wait)
            )

    pay(LOOK_UP * len(wanted))
    return logins.ask_shop(store, lambda shop: _fetch(shop, wanted, pay), now=now)


def _fetch(shop: Shopify, ids: list[str], pay: Pay) -> Mapping[str, Order | Failure]:
    found = fetch_orders(shop, ids, pay=pay)
    for one in found.values():
        if isinstance(one, Failure) and one.kind is FailureKind.AUTH:
            raise PlatformError(one)
    return found
