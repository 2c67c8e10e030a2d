"""The two ways into an account: a private key, or an access token of the app."""

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.klaviyo.errors import unauthorized
from sandbox.klaviyo.memory import Account
from sandbox.messages import Call


@dataclass(frozen=True)
class Visitor:
    """Who calls: the account that opened, what the login may do, and whose budget it uses."""

    account: Account
    scopes: frozenset[str] | None
    budget: str


def visitor(call: Call, accounts: Iterable[Account], revoked: set[str], now: float) -> Visitor:
    """Find out who calls, or refuse."""
    scheme, _, secret = call.headers.get("authorization", "").partition(" ")
    enter = {"klaviyo-api-key": _by_key, "bearer": _by_token}.get(scheme.lower())
    if enter is None or not secret or secret in revoked:
        raise unauthorized()
    for account in accounts:
        if found := enter(account, secret, now):
            return found
    raise unauthorized()


def _by_key(account: Account, key: str, now: float) -> Visitor | None:
    if key not in account.keys or key in account.logins.closed_keys:
        return None
    scopes = account.key_scopes.get(key)
    return Visitor(account, None if scopes is None else frozenset(scopes), account.id)


def _by_token(account: Account, token: str, now: float) -> Visitor | None:
    grant = account.logins.opened(token, now)
    # An app has a budget of its own; keys share the account's.
    return Visitor(account, frozenset(grant.scopes), f"{account.id}/app") if grant else None
