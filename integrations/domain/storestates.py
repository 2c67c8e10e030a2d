"""How a store is doing, in one word and one sentence, decided from plain facts."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

# The sweep writes its sign of life every minute; three missed ones are an outage of ours.
SWEEP_SILENCE = timedelta(minutes=3)
# Messages usually leave within seconds. After this long we say that they are late.
LATE = timedelta(minutes=5)
# A shorter wait is part of a normal day and not worth a merchant's attention.
NOTABLE_WAIT = timedelta(seconds=30)

WORKING_LOGIN = "active"
LOGIN_FAULTS = {
    "needs_reconnect": "no longer accepts our login",
    "missing_scopes": "accepts our login, but a permission is missing",
    "revoked": "has withdrawn our login",
}


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
    """Where the one next action leads."""

    NONE = ""
    ACCOUNT = "account"
    CONNECTION = "connection"


class Facts(msgspec.Struct, frozen=True):
    """What is known of a store at one moment. A login of None means there is none."""

    now: datetime
    store_login: str | None = WORKING_LOGIN
    account_login: str | None = WORKING_LOGIN
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
    since: datetime | None = None
    until: datetime | None = None


def is_outage(workers_seen_at: datetime | None, now: datetime) -> bool:
    """Say whether our own workers are silent, or were never started."""
    return workers_seen_at is None or now - workers_seen_at > SWEEP_SILENCE


def diagnose(facts: Facts) -> Diagnosis:
    """Decide a store's state. Failed records alone never make a store anything but working."""
    if facts.paused_at is not None:
        return _paused(facts)
    if facts.held_since is not None or facts.account_login != WORKING_LOGIN:
        return _account_stopped(facts)
    if facts.store_login not in {WORKING_LOGIN, None}:
        return _store_login_fault(facts)
    if facts.last_received_at is None:
        return _setting_up(facts)
    if is_outage(facts.workers_seen_at, facts.now):
        return _outage(facts)
    return _waiting(facts) or _late(facts) or _working(facts)


def _paused(facts: Facts) -> Diagnosis:
    return Diagnosis(
        StoreState.PAUSED,
        "Delivery is paused.",
        meaning="Orders and customers keep arriving here and are kept. Klaviyo gets none of them.",
        doing="As soon as the pause ends, everything that was kept is delivered in order.",
        since=facts.paused_at,
    )


def _account_stopped(facts: Facts) -> Diagnosis:
    fault = LOGIN_FAULTS.get(facts.account_login or "")
    sentence = "Klaviyo does not let us in."
    if facts.account_login is None:
        sentence = "No Klaviyo login has been entered yet."
    elif fault:
        sentence = f"Klaviyo {fault}."
    return Diagnosis(
        StoreState.NEEDS_YOU,
        sentence,
        meaning="New orders and customers do not reach Klaviyo. Nothing is lost: we keep them all.",
        doing="We stopped sending, so that Klaviyo does not lock the account.",
        steps=(
            "In Klaviyo, open Settings, then API keys, and create a private key with full access.",
            "Give the new key to your support contact, who enters it here.",
            "Everything that was kept is then delivered in order, without further action.",
        ),
        remedy=Remedy.ACCOUNT,
        since=facts.held_since,
    )


def _store_login_fault(facts: Facts) -> Diagnosis:
    return Diagnosis(
        StoreState.NEEDS_YOU,
        f"The shop {LOGIN_FAULTS.get(facts.store_login or '', 'does not let us in')}.",
        meaning="New orders still arrive and are delivered, but we cannot look anything up.",
        doing="We go on with everything the shop tells us by itself.",
        steps=(
            "In Shopify, open Settings, then Apps, and check that our app is still installed.",
            "Ask your support contact to connect the shop again.",
        ),
        remedy=Remedy.CONNECTION,
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
