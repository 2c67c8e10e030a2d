"""Where a store's news goes, remembered for a moment: every batch asks."""

import time
from typing import NamedTuple

from django.conf import settings

from integrations.models import Credential, Store
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.secrets import LostKey

# Changed names and keys count after this long; a refused key is looked up again at once.
MEMORY = 3.0


class Destination(NamedTuple):
    """A store, the door of its account, and the login as it is stored (encrypted)."""

    store: Store
    client: Klaviyo
    login: bytes


_remembered: dict[int, tuple[float, Destination]] = {}


def of(store_id: int) -> Destination:
    """Look up where this store's news goes."""
    known = _remembered.get(store_id)
    if known and time.monotonic() - known[0] < MEMORY:
        return known[1]
    found = _look_up(store_id)
    if len(_remembered) > 1000:
        _remembered.clear()
    _remembered[store_id] = (time.monotonic(), found)
    return found


def forget(store_id: int | None = None) -> None:
    """Look this store up anew the next time, or every store."""
    if store_id is None:
        _remembered.clear()
    else:
        _remembered.pop(store_id, None)


def _look_up(store_id: int) -> Destination:
    store = Store.objects.select_related("klaviyo_account__credential").get(pk=store_id)
    try:
        login = store.klaviyo_account.credential
        key, secret = login.reveal(), bytes(login.secret)
    except (Credential.DoesNotExist, LostKey):
        # Klaviyo refuses an empty key, and the account is held until it has one again.
        key, secret = "", b""
    return Destination(store, Klaviyo(settings.KLAVIYO_API_URL, key), secret)
