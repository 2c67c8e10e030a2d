"""Everything that can happen to a login, to be called by a script or a button."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.klaviyo.memory import Account

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

A_WHILE = 120.0


def withdraw(account: Account) -> None:
    """Void every login, tokens and private keys alike."""
    account.logins.withdraw(account.keys)


def show_page(klaviyo: "Klaviyo", seconds: float = A_WHILE) -> None:
    """Let the proxy in front answer everything with its HTML 403 for a while."""
    klaviyo.page_until = klaviyo.clock() + seconds


def give_back(klaviyo: "Klaviyo", account: Account) -> None:
    """Undo everything of the above."""
    account.logins.give_back()
    klaviyo.script.revoked -= account.keys
    klaviyo.page_until = 0.0


Fields = dict[str, Any]
VERBS: dict[str, Callable[["Klaviyo", Account, Fields], object]] = {
    "uninstall": lambda klaviyo, account, asked: account.logins.uninstall(),
    "withdraw": lambda klaviyo, account, asked: withdraw(account),
    "expire": lambda klaviyo, account, asked: account.logins.expire(klaviyo.clock()),
    "lapse": lambda klaviyo, account, asked: account.logins.lapse(klaviyo.clock()),
    "take_scope": lambda klaviyo, account, asked: account.logins.take_scope(asked["scope"]),
    "show_page": lambda klaviyo, account, asked: show_page(
        klaviyo, float(asked.get("seconds", A_WHILE))
    ),
    "give_back": lambda klaviyo, account, asked: give_back(klaviyo, account),
}


def act(klaviyo: "Klaviyo", name: str, asked: Fields) -> dict[str, Any] | None:
    """Do what a script or a button asks; `account` chooses, the first is the default."""
    if (verb := VERBS.get(name)) is None:
        return None
    account = klaviyo.accounts[asked.get("account") or next(iter(klaviyo.accounts))]
    return {"done": name, "told": verb(klaviyo, account, asked)}
