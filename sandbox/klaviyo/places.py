"""What a person finds on the clickable page: each account, how it stands, what to do to it."""

from sandbox.klaviyo.memory import Account
from sandbox.panel import Button, Choice, Place


def place(account: Account, *, now: float, page_until: float) -> Place:
    """Describe one account."""
    logins = account.logins
    open_keys = account.keys - logins.closed_keys
    facts = {
        "Logins through the app": str(len(logins.grants)),
        "Permissions of the app": ", ".join(logins.scopes()) or "none",
        "Private keys that work": f"{len(open_keys)} of {len(account.keys)}",
        "HTML pages": "yes, for a while" if now < page_until else "no",
    }
    return Place(
        f"{account.name} ({account.id})", ("account", account.id), facts, _buttons(account)
    )


def _buttons(account: Account) -> list[Button]:
    scopes = {scope: scope for scope in account.logins.scopes()}
    return [
        Button("uninstall", "Uninstall the app"),
        Button("withdraw", "Withdraw the token"),
        Button("expire", "Let the access token run out"),
        Button("lapse", "Let the refresh token be idle for 90 days"),
        Button(
            "take_scope", "Take away a permission", choice=Choice("scope", "Permission", scopes)
        ),
        Button("show_page", "Answer with an HTML page for a while"),
        Button("give_back", "Give everything back"),
    ]
