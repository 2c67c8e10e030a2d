"""Where a reconnect stands and what may be done next, decided from its times alone."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Step(StrEnum):
    """The one thing a reconnect waits for, or how it ended."""

    PAUSE = "pause"
    LET_GO = "let_go"
    REST = "rest"
    SIGN_IN = "sign_in"
    VERIFY = "verify"
    SUBSCRIBE = "subscribe"
    RELEASE = "release"
    DONE = "done"
    GIVEN_UP = "given_up"


class Verb(StrEnum):
    """What a person, or the console for them, can do to a reconnect."""

    PAUSE = "pause"
    LET_GO = "let_go"
    SIGN_IN = "sign_in"  # leave for the platform's page; nothing is changed by it
    SIGNED_IN = "signed_in"
    VERIFY = "verify"
    SUBSCRIBE = "subscribe"
    RELEASE = "release"
    GIVE_UP = "give_up"


CLOSED = frozenset({Step.DONE, Step.GIVEN_UP})
# A sign-in counts at any time: it may come from a page that was opened before.
_BEFORE_RELEASE = frozenset(Step) - CLOSED
_ALLOWED: dict[Verb, frozenset[Step]] = {
    Verb.PAUSE: frozenset({Step.PAUSE}),
    Verb.LET_GO: frozenset({Step.LET_GO}),
    # Again, too, where what came back from the first time does not work.
    Verb.SIGN_IN: frozenset({Step.SIGN_IN, Step.VERIFY, Step.SUBSCRIBE}),
    Verb.SIGNED_IN: _BEFORE_RELEASE,
    Verb.VERIFY: frozenset({Step.VERIFY}),
    Verb.SUBSCRIBE: frozenset({Step.SUBSCRIBE}),
    Verb.RELEASE: frozenset({Step.RELEASE}),
    Verb.GIVE_UP: _BEFORE_RELEASE,
}
# The time each verb leaves behind.
STAMPS: dict[Verb, str] = {
    Verb.PAUSE: "paused_at",
    Verb.LET_GO: "disconnected_at",
    Verb.SIGNED_IN: "authorized_at",
    Verb.VERIFY: "verified_at",
    Verb.SUBSCRIBE: "subscribed_at",
    Verb.RELEASE: "released_at",
    Verb.GIVE_UP: "cancelled_at",
}


class Progress(msgspec.Struct, frozen=True):
    """What is known of a reconnect at one moment."""

    # Whether there is an old login that still works; one that does not needs no letting go.
    login_works: bool
    # A shop sends messages that must be asked for; an account does not.
    sends_messages: bool = True
    paused_at: datetime | None = None
    disconnected_at: datetime | None = None
    rest_until: datetime | None = None
    authorized_at: datetime | None = None
    verified_at: datetime | None = None
    subscribed_at: datetime | None = None
    released_at: datetime | None = None
    cancelled_at: datetime | None = None


def step(progress: Progress, *, now: datetime) -> Step:
    """Say what a reconnect waits for: the first thing that is not behind it."""
    if progress.cancelled_at is not None:
        return Step.GIVEN_UP
    if progress.released_at is not None:
        return Step.DONE
    if progress.authorized_at is not None:
        return _after_sign_in(progress)
    if progress.paused_at is None:
        return Step.PAUSE
    if progress.disconnected_at is None and progress.login_works:
        return Step.LET_GO
    if progress.rest_until is not None and now < progress.rest_until:
        return Step.REST
    return Step.SIGN_IN


def _after_sign_in(progress: Progress) -> Step:
    if progress.verified_at is None:
        return Step.VERIFY
    if progress.sends_messages and progress.subscribed_at is None:
        return Step.SUBSCRIBE
    return Step.RELEASE


def may(progress: Progress, verb: Verb, *, now: datetime) -> bool:
    """Say whether a verb may be done now."""
    return step(progress, now=now) in _ALLOWED[verb]


def is_soft(progress: Progress) -> bool:
    """Whether nothing has to be let go, and so nothing has to rest."""
    return progress.disconnected_at is None and not progress.login_works
