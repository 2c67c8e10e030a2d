"""How a store is doing, in one word and one sentence, decided from plain facts."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from . import logins
from .logins import Side

# The sweep writes its sign of life every minute; three missed ones are an outage of ours.
SWEEP_SILENCE = timedelta(minutes=3)
# Messages usually leave within seconds. After this long we say that they are late.
LATE = timedelta(minutes=5)
# A shorter wait is part of a normal day and not worth a merchant's attention.
NOTABLE_WAIT = timedelta(seconds=30)

WORKING_LOGIN = "active"


class StoreState(StrEnum):
    """The five words a store can be described with."""

    NEEDS_YOU = "needs_you"
    WORKING_ON_IT = "working_on_it"
    WORKING = "working"
    PAUSED = "paused"
    SETTING_UP = "setting_up"

    @property
    def label(self) -> str:
        """The words people read."""
        return _LABELS[self]


_LABELS = {
    StoreState.NEEDS_YOU: "Needs you",
    StoreState.WORKING_ON_IT: "We are working on it",
    StoreState.WORKING: "Working",
    StoreState.PAUSED: "Paused",
    StoreState.SETTING_UP: "Setting up",
}


class Remedy(StrEnum):
    """Where the one next action leads, and the words on its button."""

    NONE = ""
    RECONNECT_SHOP = "reconnect_shop"
    RECONNECT_ACCOUNT = "reconnect_account"
    # Nothing to sign in to at the moment; the page of the login says what is known.
    CONNECTION = "connection"

    @property
    def label(self) -> str:
        """The words on the button."""
        return {Remedy.NONE: "", Remedy.CONNECTION: "See the login"}.get(self, "Reconnect")


class Login(msgspec.Struct, frozen=True):
    """What is known of one login: its state, and the platform's own word where there is one."""

    state: str = WORKING_LOGIN
    code: str = ""
    broken_since: datetime | None = None

    @property
    def works(self) -> bool:
        """Whether it lets us in, with everything we need."""
        return self.state == WORKING_LOGIN


class Reconnect(msgspec.Struct, frozen=True):
    """A reconnect that was begun and is not over."""

    since: datetime
    by: str
    of_account: bool = False


class Trouble(msgspec.Struct, frozen=True):
    """A platform that has trouble of its own and is tried again at a time."""

    since: datetime | None
    until: datetime | None


WORKING = Login()


class Facts(msgspec.Struct, frozen=True):
    """What is known of a store at one moment. A login of None means there is none."""

    now: datetime
    store_login: Login | None = WORKING
    account_login: Login | None = WORKING
    reconnect: Reconnect | None = None
    account_trouble: Trouble | None = None
    store_trouble: Trouble | None = None
    paused_at: datetime | None = None
    held_since: datetime | None = None
    not_before: datetime | None = None
    failures: int = 0
    lease_until: datetime | None = None
    last_received_at: datetime | None = None
    last_delivered_at: datetime | None = None
    oldest_waiting_at: datetime | None = None
    # Known, and on purpose without effect on the state.
    failed_records: int = 0
    workers_seen_at: datetime | None = None


class Diagnosis(msgspec.Struct, frozen=True):
    """What happened, what it means, what we do and what a person does, in this order."""

    state: StoreState
    sentence: str
    meaning: str = ""
    doing: str = ""
    steps: tuple[str, ...] = ()
    remedy: Remedy = Remedy.NONE
    button: str = ""
    since: datetime | None = None
    until: datetime | None = None


def is_outage(workers_seen_at: datetime | None, now: datetime) -> bool:
    """Say whether our own workers are silent, or were never started."""
    return workers_seen_at is None or now - workers_seen_at > SWEEP_SILENCE


def diagnose(facts: Facts) -> Diagnosis:
    """Decide a store's state. Failed records alone never make a store anything but working."""
    stopped = (
        _reconnecting(facts)
        or _paused(facts)
        or _account_stopped(facts)
        or _account_troubled(facts)
        or _store_stopped(facts)
        or _store_troubled(facts)
    )
    if stopped is not None:
        return stopped
    if facts.last_received_at is None:
        return _setting_up(facts)
    if is_outage(facts.workers_seen_at, facts.now):
        return _outage(facts)
    return _waiting(facts) or _late(facts) or _working(facts)


def _reconnecting(facts: Facts) -> Diagnosis | None:
    """Begun by somebody, and left: everything waits until it is finished or given up."""
    if facts.reconnect is None:
        return None
    of_account = facts.reconnect.of_account
    name = "Klaviyo" if of_account else "the shop"
    remedy = Remedy.RECONNECT_ACCOUNT if of_account else Remedy.RECONNECT_SHOP
    return Diagnosis(
        StoreState.NEEDS_YOU,
        f"A reconnect of {name} was begun by {facts.reconnect.by} and is not finished.",
        meaning="New orders and customers are kept here meanwhile. Klaviyo gets none of them.",
        doing="As soon as it is finished, or given up, everything that was kept goes on.",
        steps=("Go on where it was left. Whoever began it does not have to do it themselves.",),
        remedy=remedy,
        button="Go on",
        since=facts.reconnect.since,
    )


def _paused(facts: Facts) -> Diagnosis | None:
    if facts.paused_at is None:
        return None
    return Diagnosis(
        StoreState.PAUSED,
        "Delivery is paused.",
        meaning="Orders and customers keep arriving here and are kept. Klaviyo gets none of them.",
        doing="As soon as the pause ends, everything that was kept is delivered in order.",
        since=facts.paused_at,
    )


def _account_stopped(facts: Facts) -> Diagnosis | None:
    login = facts.account_login
    if facts.held_since is None and login is not None and login.works:
        return None
    button = ""
    sentence = "Klaviyo does not let us in."
    if login is None:
        sentence, button = "No Klaviyo login has been entered yet.", "Connect Klaviyo"
    elif not login.works:
        sentence = logins.sentence(Side.KLAVIYO, login.state, login.code)
    since = facts.held_since or (login.broken_since if login else None)
    return Diagnosis(
        StoreState.NEEDS_YOU,
        sentence,
        meaning="New orders and customers do not reach Klaviyo. Nothing is lost: we keep them all.",
        doing="We stopped sending, so that Klaviyo does not lock the account.",
        steps=_steps("Klaviyo", login),
        remedy=Remedy.RECONNECT_ACCOUNT,
        button=button or Remedy.RECONNECT_ACCOUNT.label,
        since=since,
    )


def _store_stopped(facts: Facts) -> Diagnosis | None:
    login = facts.store_login
    if login is None or login.works:
        return None
    closed = login.state == logins.LoginState.SUSPENDED
    remedy = Remedy.CONNECTION if closed else Remedy.RECONNECT_SHOP
    gone = login.state == logins.LoginState.REVOKED
    return Diagnosis(
        StoreState.NEEDS_YOU,
        logins.sentence(Side.SHOPIFY, login.state, login.code),
        meaning="New orders may not arrive here any more, and we cannot look anything up."
        if gone
        else "What the shop still sends us is delivered, but we cannot look anything up.",
        doing="We look again by ourselves every few minutes."
        if closed
        else "Everything that arrived is delivered. Hours that are missed are noted.",
        steps=_steps("Shopify", login),
        remedy=remedy,
        button=remedy.label,
        since=login.broken_since,
    )


def _account_troubled(facts: Facts) -> Diagnosis | None:
    """Nothing is sent while Klaviyo does not answer; it is tried again by one call at a time."""
    trouble = facts.account_trouble
    if trouble is None:
        return None
    return Diagnosis(
        StoreState.WORKING_ON_IT,
        "Klaviyo has trouble at the moment.",
        meaning="New orders reach Klaviyo later than usual. Nothing is lost: we keep them all.",
        doing="As soon as Klaviyo answers, everything that was kept goes on by itself. "
        "You do not have to do anything.",
        since=trouble.since,
        until=trouble.until,
    )


def _store_troubled(facts: Facts) -> Diagnosis | None:
    """What the shop sends still arrives; what it must be asked for waits."""
    trouble = facts.store_trouble
    if trouble is None:
        return None
    return Diagnosis(
        StoreState.WORKING_ON_IT,
        "Shopify has trouble at the moment.",
        meaning="What the shop still sends us is delivered. Past data waits where it is; "
        "nothing is lost.",
        doing="As soon as Shopify answers, it goes on by itself. You do not have to do anything.",
        since=trouble.since,
        until=trouble.until,
    )


def _steps(name: str, login: Login | None) -> tuple[str, ...]:
    """What a person does, in order."""
    if login is not None and login.state == logins.LoginState.SUSPENDED:
        return (
            "Sign in to your shop at Shopify and see what it says there.",
            "As soon as the shop is open again, we go on by ourselves.",
        )
    allow = "Sign in there and agree."
    if login is not None and login.state == logins.LoginState.MISSING_SCOPES:
        allow = "Sign in there and allow everything that is asked for."
    return (
        f"Press the button. It leads you to {name} and back.",
        allow,
        "Everything that was kept is then delivered in order, without further action.",
    )


def _setting_up(facts: Facts) -> Diagnosis:
    return Diagnosis(
        StoreState.SETTING_UP,
        "No message has arrived from this shop yet.",
        meaning="As soon as somebody orders or a customer changes, you will see it here.",
        doing="We are ready and listening.",
        steps=("To see it work now, place a test order in your shop.",),
    )


def _outage(facts: Facts) -> Diagnosis:
    return Diagnosis(
        StoreState.WORKING_ON_IT,
        "Our own delivery has stopped.",
        meaning="Orders and customers keep arriving here and are kept. They reach Klaviyo later.",
        doing="You do not have to do anything.",
        since=facts.workers_seen_at,
    )


def _waiting(facts: Facts) -> Diagnosis | None:
    """Held back for a while by a platform, with a time for the next try."""
    if facts.oldest_waiting_at is None:
        return None
    if facts.not_before is None or facts.not_before <= facts.now:
        return None
    notable = facts.failures > 0 or facts.not_before - facts.now >= NOTABLE_WAIT
    if not notable and facts.now - facts.oldest_waiting_at < LATE:
        return None
    return Diagnosis(
        StoreState.WORKING_ON_IT,
        "Klaviyo did not take our last delivery."
        if facts.failures
        else "Klaviyo asked us to slow down.",
        meaning="New orders reach Klaviyo later than usual. Nothing is lost.",
        doing="We try again by ourselves. You do not have to do anything.",
        since=facts.oldest_waiting_at,
        until=facts.not_before,
    )


def _late(facts: Facts) -> Diagnosis | None:
    if facts.oldest_waiting_at is None or facts.now - facts.oldest_waiting_at < LATE:
        return None
    at_work = facts.lease_until is not None and facts.lease_until > facts.now
    return Diagnosis(
        StoreState.WORKING_ON_IT,
        "Delivery is running behind.",
        meaning="New orders reach Klaviyo later than usual. Nothing is lost.",
        doing="We are delivering right now, oldest first. You do not have to do anything."
        if at_work
        else "The oldest goes next. You do not have to do anything.",
        since=facts.oldest_waiting_at,
    )


def _working(facts: Facts) -> Diagnosis:
    if facts.oldest_waiting_at is not None:
        sentence = "New messages are on their way to Klaviyo."
    elif facts.last_delivered_at is None:
        sentence = "Messages arrive. None of them had to be sent to Klaviyo so far."
    else:
        sentence = "Everything that arrived has been dealt with."
    return Diagnosis(StoreState.WORKING, sentence, since=facts.last_delivered_at)
