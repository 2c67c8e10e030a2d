"""What a shop says of the connection, and of what must be erased, taken as it is settled."""

from datetime import datetime

import msgspec
from django.db.models import F

from integrations.domain.failures import Failure, FailureKind
from integrations.domain.logins import UNINSTALLED
from integrations.domain.skips import Skip
from integrations.models import Credential, Store, Subscription
from integrations.models.lanes import Taken

from . import bulk_news, erasing, login_states
from .reading import Reading

# What has to be acted on in the settling transaction.
NEWS = {Skip.CONNECTION, Skip.COMPLIANCE}
SCOPES = "app/scopes_update"


class _Shop(msgspec.Struct):
    myshopify_domain: str = ""


def take(store: Store, readings: list[Reading], *, now: datetime) -> None:
    """Act on such news among what was read; most batches hold none."""
    for reading in readings:
        if reading.skip is Skip.CONNECTION:
            _act(store, reading.event, now)
        elif reading.skip is Skip.COMPLIANCE:
            erasing.take(store, reading.event, now=now)


def _act(store: Store, event: Taken, now: datetime) -> None:
    if event.topic == UNINSTALLED:
        _uninstalled(store, event, now)
    elif event.topic == SCOPES:
        # The next look at the logins is a minute away at most and reads them from the shop.
        Credential.objects.filter(store=store).update(checked_at=None)
    elif event.topic == bulk_news.FINISH:
        bulk_news.take(store, event.body, now=now)


def _uninstalled(store: Store, event: Taken, now: datetime) -> None:
    """The token is dead and the shop has dropped our subscriptions (Shopify: app/uninstalled).

    It can come late, after a reinstall: what was said before the login was connected is not about
    that login. Headers are not signed, so the body has to name this shop.
    """
    at = event.happened_at
    login = Credential.objects.filter(store=store).first()
    if _shop_of(event.body) not in {"", store.domain.lower()}:
        return
    if login is None or at < login.connected_at:
        return
    Subscription.objects.filter(store=store, gone_since=None).update(
        gone_since=at, times_gone=F("times_gone") + 1
    )
    failure = Failure(FailureKind.AUTH, "Shopify says that our app was removed.", UNINSTALLED)
    login_states.broken(login, failure=failure, now=now)


def _shop_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Shop).myshopify_domain.lower()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
