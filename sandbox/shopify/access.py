"""How far the app may come into one shop: what was installed, granted and handed out."""

import secrets

from msgspec import Struct, field

HOUR, DAY = 3600.0, 86_400.0
ACCESS_SECONDS = 3600
REFRESH_SECONDS = 90 * 86_400
ONLINE_SECONDS = 86_399
# How long a refresh token may be used again when the answer to its first use was lost.
RETRY_SPAN = 30 * DAY
# How long a migrated token may be brought again for the same pair.
MIGRATION_SPAN = 7 * DAY
# Shopify does not say how long a code lives; nobody needs longer than this.
CODE_SPAN = 300.0


class Token(Struct):
    """An access token, and the refresh token that may have come with it."""

    access: str
    until: float | None = None
    refresh: str | None = None
    refresh_until: float = 0.0
    refreshed_at: float | None = None
    per_user: bool = False

    def opens(self, now: float) -> bool:
        """Tell whether the access token still works."""
        return self.until is None or now < self.until

    def refreshes(self, now: float) -> bool:
        """Tell whether the refresh token still works."""
        if self.refresh is None or now >= self.refresh_until:
            return False
        return self.refreshed_at is None or now < self.refreshed_at + RETRY_SPAN


class Code(Struct):
    """What a merchant agreed to, until the app fetches its token."""

    scopes: list[str]
    per_user: bool
    until: float


class Migration(Struct):
    """A token that was exchanged for a pair."""

    token: Token
    until: float


class Access(Struct):
    """Everything about the app in one shop that a merchant or Shopify can take away."""

    installed: bool
    scopes: list[str]
    tokens: list[Token] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    migrated: dict[str, Migration] = field(default_factory=dict)
    # 200, or the status with which the shop answers every call.
    standing: int = 200
    # Until when HTML is answered, and which of the OAuth error pages it is.
    page_until: float = 0.0
    page_slug: str = ""
    # What was taken away on purpose and can be given back, which no real platform does.
    former: list[Token] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def opens(self, access: str, now: float) -> bool:
        """Tell whether an access token opens this shop."""
        found = (token for token in self.tokens if token.access == access)
        return self.installed and any(token.opens(now) for token in found)

    def promise(self, scopes: list[str], *, per_user: bool, now: float) -> str:
        """Give a code for a token with these scopes."""
        code = secrets.token_hex(16)
        self.codes[code] = Code(scopes, per_user, now + CODE_SPAN)
        return code

    def redeem(self, code: str, now: float) -> Code | None:
        """Take a code back, once and in time."""
        kept = self.codes.pop(code, None)
        return kept if kept and now < kept.until else None

    def install(self, scopes: list[str]) -> None:
        """Let the app in, with exactly these scopes; what an earlier stay left is void."""
        if not self.installed:
            self.tokens, self.former, self.migrated = [], [], {}
        self.installed, self.scopes, self.taken = True, scopes, []

    def issue(self, now: float, *, after: Token | None = None) -> Token:
        """Hand out an expiring pair; older refresh tokens are void, but for the one just used."""
        for token in self.tokens:
            token.refresh = token.refresh if token is after else None
        made = Token(
            access=f"shpat_{secrets.token_hex(16)}",
            until=now + ACCESS_SECONDS,
            refresh=f"shprt_{secrets.token_hex(16)}",
            refresh_until=now + REFRESH_SECONDS,
        )
        return self._keep(made, now)

    def issue_permanent(self, now: float) -> Token:
        """Hand out a token that never expires: the one that is there, if there is one."""
        for token in self.tokens:
            if token.until is None:
                return token
        return self._keep(Token(access=f"shpat_{secrets.token_hex(16)}"), now)

    def issue_per_user(self, now: float) -> Token:
        """Hand out an online token."""
        access = f"shpua_{secrets.token_hex(16)}"
        return self._keep(Token(access=access, until=now + ONLINE_SECONDS, per_user=True), now)

    def refresh(self, text: str, now: float) -> Token | None:
        """Hand out the next pair; the used refresh token stays good until the new one is used."""
        for token in self.tokens:
            if self.installed and token.refresh == text and token.refreshes(now):
                token.refreshed_at = token.refreshed_at or now
                return self.issue(now, after=token)
        return None

    def migrate(self, access: str, now: float) -> Token | None:
        """Exchange a permanent token for a pair; the same again when it is brought again."""
        if (done := self.migrated.get(access)) and now < done.until:
            return done.token
        for token in self.tokens:
            if self.installed and token.access == access and token.until is None:
                self.tokens.remove(token)
                made = self.issue(now)
                self.migrated[access] = Migration(made, now + MIGRATION_SPAN)
                return made
        return None

    def drop(self, revoked: set[str]) -> None:
        """Forget the access tokens a script has revoked."""
        self.tokens = [token for token in self.tokens if token.access not in revoked]

    def uninstall(self) -> None:
        """Put the app out of the shop."""
        self.withdraw()
        self.installed, self.codes = False, {}

    def withdraw(self) -> None:
        """Void every token."""
        self.former += self.tokens
        self.tokens = []

    def expire(self, now: float) -> None:
        """Let access tokens run out that run out some day."""
        for token in self.tokens:
            token.until = token.until and min(token.until, now)

    def lapse(self, now: float) -> None:
        """Let refresh tokens and what they kept alive be too old."""
        self.expire(now)
        for token in self.tokens:
            token.refresh_until = min(token.refresh_until, now)

    def give_back(self) -> None:
        """Undo everything that was taken away."""
        self.tokens += self.former
        self.scopes += [scope for scope in self.taken if scope not in self.scopes]
        self.former, self.taken = [], []
        self.installed, self.standing, self.page_until = True, 200, 0.0

    def _keep(self, made: Token, now: float) -> Token:
        # A used pair stays for a while: its refresh token may be brought again.
        self.tokens = [
            token for token in self.tokens if token.opens(now) or token.refresh is not None
        ]
        self.tokens.append(made)
        return made
