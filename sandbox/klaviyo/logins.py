"""Who may come into one account: the grants of the app, and keys that were closed."""

import secrets

from msgspec import Struct, field

ACCESS_SECONDS = 3600
# A refresh token that nobody uses for this long is revoked.
IDLE_SPAN = 90 * 86_400.0


class Grant(Struct):
    """One consent: its refresh token, and the access tokens it gave."""

    scopes: list[str]
    refresh: str
    used_at: float
    # access token -> when it runs out
    access: dict[str, float] = field(default_factory=dict)

    def idle(self, now: float) -> bool:
        """Tell whether the refresh token has died of not being used."""
        return now >= self.used_at + IDLE_SPAN

    def give(self, now: float) -> str:
        """Hand out an access token."""
        self.used_at = now
        self.access = {token: until for token, until in self.access.items() if now < until}
        token = secrets.token_urlsafe(48)
        self.access[token] = now + ACCESS_SECONDS
        return token


class Logins(Struct):
    """What opens an account through the app, and what was taken away on purpose."""

    grants: list[Grant] = field(default_factory=list)
    former: list[Grant] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    closed_keys: set[str] = field(default_factory=set)

    def begin(self, scopes: list[str], now: float) -> Grant:
        """Keep a consent that was just given."""
        made = Grant(scopes, _refresh_token(), now)
        self.grants.append(made)
        return made

    def opened(self, access: str, now: float) -> Grant | None:
        """Find the grant whose access token this is, if it still works."""
        for grant in self.grants:
            if now < grant.access.get(access, now):
                return grant
        return None

    def refreshed(self, refresh: str, now: float, *, rotate: bool) -> Grant | None:
        """Find the grant of a refresh token; with rotation it gets another one."""
        for grant in self.grants:
            if grant.refresh == refresh and not grant.idle(now):
                grant.refresh = _refresh_token() if rotate else refresh
                return grant
        return None

    def revoke(self, token: str) -> None:
        """End the grant a token belongs to."""
        self.grants = [g for g in self.grants if g.refresh != token and token not in g.access]

    def uninstall(self) -> None:
        """End every grant of the app."""
        self.former += self.grants
        self.grants = []

    def withdraw(self, keys: set[str]) -> None:
        """End every grant, and close the private keys too."""
        self.uninstall()
        self.closed_keys |= keys

    def expire(self, now: float) -> None:
        """Let every access token run out."""
        for grant in self.grants:
            grant.access = {token: min(until, now) for token, until in grant.access.items()}

    def lapse(self, now: float) -> None:
        """Let refresh tokens have been idle for too long, and access tokens run out."""
        self.expire(now)
        for grant in self.grants:
            grant.used_at = now - IDLE_SPAN

    def take_scope(self, scope: str) -> None:
        """Take one permission from every grant."""
        if scope not in self.scopes():
            raise ValueError(f"{scope} is not granted")
        self.taken.append(scope)
        for grant in self.grants:
            grant.scopes = [one for one in grant.scopes if one != scope]

    def scopes(self) -> list[str]:
        """List what some grant allows."""
        return list(dict.fromkeys(scope for grant in self.grants for scope in grant.scopes))

    def give_back(self) -> None:
        """Undo everything that was taken away."""
        self.grants += self.former
        for grant in self.grants:
            grant.scopes += [scope for scope in self.taken if scope not in grant.scopes]
        self.former, self.taken, self.closed_keys = [], [], set()


def _refresh_token() -> str:
    return secrets.token_urlsafe(32)
