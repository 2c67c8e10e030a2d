"""What the pages about logins show: read-only."""

from datetime import datetime

import msgspec

from integrations.domain import logins, scopes
from integrations.domain.logins import LoginState, Side
from integrations.domain.scopes import Missing, Scope
from integrations.domain.subscribing import granted
from integrations.models import (
    Authorization,
    Credential,
    Gap,
    KlaviyoAccount,
    Merchant,
    PathTest,
    Reconnection,
    Store,
    Subscription,
)
from integrations.models.credentials import CredentialKind
from integrations.platforms.shopify.wanted import WANTED

from . import gaps, path_tests, reconnecting

# States of a kind of message that somebody should know of.
FAULTS = {"gone", "missing"}
WANTED_SCOPES = {Side.SHOPIFY: scopes.SHOPIFY, Side.KLAVIYO: scopes.KLAVIYO}


class LoginCard(msgspec.Struct):
    """All a person should know of one login; never the secret."""

    login: Credential
    sentence: str
    advice: str
    # Each wanted permission, and whether it was given; empty where a key says nothing of them.
    permissions: list[tuple[Scope, bool]]
    missing: list[Missing]

    @property
    def works(self) -> bool:
        """Whether it lets us in, with everything we need."""
        return self.login.state == LoginState.ACTIVE

    @property
    def gone(self) -> bool:
        """Whether it was let go here, so that there is nothing left to disconnect."""
        return self.login.failure_code == logins.DISCONNECTED

    @property
    def ends(self) -> datetime | None:
        """When a person has to sign in again at the latest; None where that never comes."""
        login = self.login
        return login.refresh_expires_at if login.renews else login.expires_at

    @property
    def renews(self) -> bool:
        """Whether we renew it ourselves."""
        return self.login.renews

    @property
    def reconnectable(self) -> bool:
        """Whether signing in again can help; a shop that is closed has to open first."""
        return self.login.state != LoginState.SUSPENDED


class Message(msgspec.Struct):
    """One kind of message a shop is to send, and whether it does."""

    topic: str
    row: Subscription | None
    reason: str = ""

    @property
    def state(self) -> str:
        """Whether it comes: `ok`, `gone`, `missing` (refused), or not looked at yet."""
        if self.row is None or (self.row.seen_at is None and not self.row.trouble):
            return "waiting"
        if self.row.trouble and self.row.gone_since is None:
            return "missing"
        return "gone" if self.row.gone_since else "ok"


class ConnectionPage(msgspec.Struct):
    """The page of one connection."""

    card: LoginCard | None
    under_way: Reconnection | None
    messages: list[Message]
    tests: list[PathTest]
    gaps: list[Gap]

    @property
    def may_catch_up(self) -> bool:
        """Whether there are missed hours that are over and that nobody has asked for."""
        return any(one.asked_at is None and one.until is not None for one in self.gaps)

    @property
    def coming(self) -> int:
        """How many kinds of message the shop sends us."""
        return _coming(self.messages)

    @property
    def faults(self) -> list[Message]:
        """The kinds that are gone or not allowed."""
        return [one for one in self.messages if one.state in FAULTS]


class ConnectPage(msgspec.Struct):
    """What a merchant has connected so far."""

    accounts: list[tuple[KlaviyoAccount, Credential | None]]
    stores: list[tuple[Store, Credential | None]]


class ConnectedPage(msgspec.Struct):
    """What a sign-in has led to."""

    card: LoginCard | None
    messages: list[Message]
    # How many shops the merchant has by now.
    stores: int

    @property
    def coming(self) -> int:
        """How many kinds of message the shop sends us."""
        return _coming(self.messages)

    @property
    def faults(self) -> list[Message]:
        """The kinds that are gone or not allowed."""
        return [one for one in self.messages if one.state in FAULTS]


def connect_page(merchant: Merchant) -> ConnectPage:
    """Read what a merchant has connected."""
    accounts = merchant.klaviyo_accounts.select_related("credential").order_by("name", "pk")
    stores = merchant.stores.select_related("credential").order_by("name", "pk")
    return ConnectPage(
        accounts=[(one, getattr(one, "credential", None)) for one in accounts],
        stores=[(one, getattr(one, "credential", None)) for one in stores],
    )


def connection_page(target: Store | KlaviyoAccount) -> ConnectionPage:
    """Read the page of one connection."""
    login = reconnecting.login_of(target)
    of_shop = isinstance(target, Store)
    return ConnectionPage(
        card=login_card(login) if login else None,
        under_way=reconnecting.open_of(target),
        messages=messages_of(target) if isinstance(target, Store) else [],
        tests=path_tests.latest_of(target) if isinstance(target, Store) else [],
        gaps=gaps.open_of(target) if of_shop and isinstance(target, Store) else [],
    )


def connected_page(trip: Authorization) -> ConnectedPage:
    """Read what a sign-in has led to."""
    target = trip.store or trip.klaviyo_account
    login = reconnecting.login_of(target) if target else None
    return ConnectedPage(
        card=login_card(login) if login else None,
        messages=messages_of(trip.store) if trip.store else [],
        stores=trip.merchant.stores.count(),
    )


def login_card(login: Credential) -> LoginCard:
    """Put what is known of a login in words."""
    wanted = WANTED_SCOPES[login.side]
    # A private key does not say what it may do; the first call that is refused does.
    known = login.kind != CredentialKind.KLAVIYO_KEY and bool(login.scopes)
    missing = scopes.missing(wanted, login.scopes) if known else []
    lacking = {one.scope.handle for one in missing}
    return LoginCard(
        login=login,
        sentence=logins.sentence(login.side, login.state, login.failure_code),
        advice=logins.advice(login.side, login.state, login.failure_code),
        permissions=[(one, one.handle not in lacking) for one in wanted] if known else [],
        missing=missing,
    )


def messages_of(store: Store) -> list[Message]:
    """Every kind of message the shop is to send."""
    rows = {row.topic: row for row in Subscription.objects.filter(store=store)}
    login = Credential.objects.filter(store=store).values_list("scopes", flat=True).first()
    has = scopes.held(login or ())
    return [
        Message(topic, rows.get(topic), _reason(rows.get(topic), scope, has))
        for topic, scope in WANTED.items()
    ]


def _coming(found: list[Message]) -> int:
    return sum(one.state == "ok" for one in found)


def _reason(row: Subscription | None, scope: str, has: frozenset[str]) -> str:
    """Why it does not come, in a merchant's words where it is a permission."""
    if row is None or not row.trouble:
        return ""
    if scope and has and not granted(scope, has):
        given = next((one.gives for one in scopes.SHOPIFY if one.handle == scope), scope)
        return f"The shop has not allowed: {given.lower()}."
    return row.trouble
