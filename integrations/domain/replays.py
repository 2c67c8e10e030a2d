"""Sending failed records again: what a saved operation and each of its items can be."""

from enum import StrEnum


class ReplayState(StrEnum):
    """Where a replay stands."""

    DRAFT = "draft"  # counted and forecast, nothing begun
    AWAITING = "awaiting"  # confirmed by one, waits for a second person
    BEGINNING = "beginning"  # its records are taken off the list, a batch at a time
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"  # by itself: too many failed again
    CANCELLING = "cancelling"  # what was not let go is put back, a batch at a time
    CANCELLED = "cancelled"
    DONE = "done"


# In these a worker has something to do.
AT_WORK = frozenset({ReplayState.BEGINNING, ReplayState.RUNNING, ReplayState.CANCELLING})
# From these a replay goes on to nothing else.
OVER = frozenset({ReplayState.CANCELLED, ReplayState.DONE})


class Stage(StrEnum):
    """How much is let go at a time."""

    ONE = "one"
    TEN = "ten"
    REST = "rest"


class ItemState(StrEnum):
    """What became of one item; the parts of a replay always add up to its total."""

    LISTED = "listed"  # frozen by a draft, and not taken off the list yet
    WAITING = "waiting"  # started, and not let go yet
    ON_WAY = "on_way"
    SENT = "sent"
    KNOWN = "known"  # Klaviyo already had it, in this version or a newer one
    SKIPPED = "skipped"  # by a stated rule
    FAILED = "failed"
    LEFT_OUT = (
        "left_out"  # no longer open when the replay began, or it was cancelled before its turn
    )


# A failed record is in one of these in at most one replay.
UNDER_WAY = frozenset({ItemState.WAITING, ItemState.ON_WAY})


class Prospect(StrEnum):
    """What sending an item again would lead to, as far as can be known beforehand."""

    RECORDED = "recorded"
    IGNORED = "ignored"  # the original has landed
    TWICE = "twice"  # Klaviyo may hold it under another name, and would count it again
    REFUSED = "refused"  # it breaks a rule we can check beforehand
    GONE = "gone"  # its content has served its term
