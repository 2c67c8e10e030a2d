"""How a store is doing, in one word and one sentence, decided from plain facts."""

from datetime import datetime
from enum import StrEnum

import msgspec

from . import logins, verdicts
from .logins import Side
from .verdicts import Evidence, Hold, Line, Verdict, Word

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
    # When the next of what waits is due, and when something last came to its end.
    due_at: datetime | None = None
    last_progress_at: datetime | None = None
    # Calls of the last five minutes, and how many were refused as too many.
    calls: int = 0
    throttled: int = 0
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
    # The same in the trade's words, and every fact it rests on.
    verdict: Verdict = Verdict(Word.NOT_STARTED)
    proof: tuple[Line, ...] = ()


def diagnose(facts: Facts) -> Diagnosis:
    """Decide a store's state. Failed records alone never make a store anything but working."""
    evidence = evidence_of(facts)
    verdict = verdicts.decide(evidence)
    found = _words(facts, verdict)
    return msgspec.structs.replace(found, verdict=verdict, proof=verdicts.proof(evidence))


def evidence_of(facts: Facts) -> Evidence:
    """What is known of a store, as a verdict needs it."""
    return Evidence(
        now=facts.now,
        began=facts.last_received_at is not None,
        last_success_at=facts.last_delivered_at,
        last_progress_at=facts.last_progress_at or facts.last_delivered_at,
        oldest_waiting_at=facts.oldest_waiting_at,
        due_at=facts.due_at,
        not_before=facts.not_before,
        failures=facts.failures,
        lease_until=facts.lease_until,
        workers_seen_at=facts.workers_seen_at,
        calls=facts.calls,
        throttled=facts.throttled,
        blocked=_blocked_by(facts),
        waits=_waits_for(facts),
    )


def _waits_for(facts: Facts) -> Hold | None:
    if facts.reconnect is not None:
        return Hold("a reconnect is not finished", facts.reconnect.since)
    return Hold("the shop is paused", facts.paused_at) if facts.paused_at else None


def _blocked_by(facts: Facts) -> Hold | None:
    account = facts.account_login
    if facts.held_since is not None or account is None or not account.works:
        since = facts.held_since or (account.broken_since if account else None)
        return Hold("Klaviyo's login", since)
    if facts.account_trouble is not None:
        return Hold("Klaviyo's trouble", facts.account_trouble.since, facts.account_trouble.until)
    if facts.store_login is not None and not facts.store_login.works:
        return Hold("the shop's login", facts.store_login.broken_since)
    if facts.store_trouble is not None:
        return Hold("Shopify's trouble", facts.store_trouble.since, facts.store_trouble.until)
    return None


def _words(facts: Facts, verdict: Verdict) -> Diagnosis:
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
    if verdict.by == verdicts.OUR_WORKERS:
        return _outage(facts)
    if verdict.word is Word.STUCK:
        return _stuck(verdict)
    if verdict.word in {Word.RATE_LIMITED, Word.WAITING}:
        return _waiting(facts, verdict)
    return _late(facts) if verdict.is_late else _working(facts)


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


def _stuck(verdict: Verdict) -> Diagnosis:
    return Diagnosis(
        StoreState.WORKING_ON_IT,
        "Delivery has stopped, and nothing that is known holds it.",
        meaning="New orders and customers are kept here. Klaviyo gets none of them at the moment.",
        doing="This is for our support to find out, who see it as stuck. "
        "You do not have to do anything.",
        since=verdict.since,
    )


def _waiting(facts: Facts, verdict: Verdict) -> Diagnosis:
    """Held back for a while by a platform, mostly with a time for the next try."""
    return Diagnosis(
        StoreState.WORKING_ON_IT,
        "Klaviyo asked us to slow down."
        if verdict.word is Word.RATE_LIMITED
        else "Klaviyo did not take our last delivery.",
        meaning="New orders reach Klaviyo later than usual. Nothing is lost.",
        doing="We try again by ourselves. You do not have to do anything.",
        since=facts.oldest_waiting_at,
        until=verdict.until,
    )


def _late(facts: Facts) -> Diagnosis:
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
        return Diagnosis(
            StoreState.SETTING_UP,
            "Messages arrive. None of them had to be sent to Klaviyo so far.",
            meaning="With the first one that reaches Klaviyo, the whole way is proven.",
        )
    else:
        sentence = "Everything that arrived has been dealt with."
    return Diagnosis(StoreState.WORKING, sentence, since=facts.last_delivered_at)
