"""Back from a platform's sign-in page: what follows from it without anybody's doing."""

from datetime import datetime
from typing import NamedTuple

from integrations.models import Authorization, KlaviyoAccount, Reconnection, Store, User

from . import authorizing, reconnecting, subscriptions


class Returned(NamedTuple):
    """A sign-in that was kept, and the reconnect it belongs to, if it does."""

    authorization: Authorization
    reconnection: Reconnection | None


def from_shopify(query: str, *, by: User, browser: str, now: datetime) -> Returned:
    """Keep a shop's login and ask for its messages. Raises authorizing.Refused."""
    answered = authorizing.answer_shopify(query, by=by, browser=browser, now=now)
    assert answered.store is not None  # noqa: S101 - or it would have been refused
    under_way = _under_way(answered.store, by=by, now=now)
    if under_way is None:
        # Whatever is in the way is noted on the store, and tried again within the hour.
        subscriptions.look(answered.store, now=now)
    return Returned(answered.authorization, under_way)


def from_klaviyo(query: str, *, by: User, browser: str, now: datetime) -> Returned:
    """Keep an account's login. Raises authorizing.Refused."""
    answered = authorizing.answer_klaviyo(query, by=by, browser=browser, now=now)
    assert answered.account is not None  # noqa: S101 - or it would have been refused
    return Returned(answered.authorization, _under_way(answered.account, by=by, now=now))


def _under_way(target: Store | KlaviyoAccount, *, by: User, now: datetime) -> Reconnection | None:
    """Go on with the reconnect of this shop or account, whichever page the sign-in began on."""
    found = reconnecting.open_of(target)
    if found is not None:
        reconnecting.signed_in(found, by=by, now=now)
        reconnecting.carry_on(found, by=by, now=now)
    return found
