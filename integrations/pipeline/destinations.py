"""Where a store's news goes, remembered for a moment: every batch asks."""

import time
from datetime import datetime
from typing import NamedTuple

from django.conf import settings

from integrations.domain import logins as domain
from integrations.domain.failures import PlatformError
from integrations.models import Credential, Store, statements
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.secrets import LostKey

from . import doors, renewal

# Changed names and keys count after this long; a refused key is looked up again at once.
MEMORY = 3.0
# PostgreSQL's own marks of the rows a destination is made of: a row that changes gets another.
_MARKS = """
SELECT store.xmin::text, account.xmin::text, login.xmin::text, own.xmin::text, theirs.xmin::text
FROM integrations_store store
JOIN integrations_klaviyoaccount account ON account.id = store.klaviyo_account_id
LEFT JOIN integrations_credential login ON login.klaviyo_account_id = account.id
LEFT JOIN integrations_breaker own ON own.store_id = store.id
LEFT JOIN integrations_breaker theirs ON theirs.klaviyo_account_id = account.id
WHERE store.id = %s
"""


class Destination(NamedTuple):
    """A store, the door of its account, and the login as it is stored (encrypted)."""

    store: Store
    client: Klaviyo
    login: bytes
    # When its token ends, where it does.
    expires_at: datetime | None = None


class _Known(NamedTuple):
    destination: Destination
    marks: tuple[str | None, ...] | None
    seen_at: float


_remembered: dict[int, _Known] = {}


def of(store_id: int, *, now: datetime) -> Destination:
    """Look up where this store's news goes, with a token that is fresh."""
    known, moment = _remembered.get(store_id), time.monotonic()
    if known and domain.renewal_due(known.destination.expires_at, now):
        known = None
    if known and moment - known.seen_at < MEMORY:
        return known.destination
    # Read before what they are about, so that no change can fall between the two.
    marks = statements.run(_MARKS, (store_id,)).fetchone()
    found = known.destination if known and known.marks == marks else _look_up(store_id, now)
    if len(_remembered) > 1000:
        _remembered.clear()
    _remembered[store_id] = _Known(found, marks, moment)
    return found


def forget(store_id: int | None = None) -> None:
    """Look this store up anew the next time, or every store."""
    if store_id is None:
        _remembered.clear()
    else:
        _remembered.pop(store_id, None)


def _look_up(store_id: int, now: datetime) -> Destination:
    # With the breakers, so that a batch that goes well need not ask whether one went wrong before.
    store = Store.objects.select_related(
        "klaviyo_account__credential", "klaviyo_account__breaker", "breaker"
    ).get(pk=store_id)
    try:
        login = _renewed(store.klaviyo_account.credential, now)
        return Destination(store, doors.account(login), bytes(login.secret), login.expires_at)
    except (Credential.DoesNotExist, LostKey):
        # Klaviyo refuses an empty key, and the account is held until it has one again.
        return Destination(store, Klaviyo(settings.KLAVIYO_API_URL, ""), b"")


def _renewed(login: Credential, now: datetime) -> Credential:
    try:
        return renewal.fresh(login, now=now)
    except PlatformError:
        # Used as it is: whatever is the matter with it, Klaviyo's answer to the batch says so,
        # and the events that were taken are put back in the ordinary way.
        return login
