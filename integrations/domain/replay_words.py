"""Sending again in a merchant's words: states, what would happen, and what became of each."""

from collections.abc import Mapping

import msgspec

from .replays import ItemState, Prospect, ReplayState, Stage


class Words(msgspec.Struct, frozen=True):
    """A figure's name and what it means."""

    label: str
    meaning: str


# Look of the badge, and its word.
STATES: Mapping[ReplayState, tuple[str, str]] = {
    ReplayState.DRAFT: ("draft", "Not started"),
    ReplayState.AWAITING: ("waiting", "Waits for a second person"),
    ReplayState.BEGINNING: ("running", "Beginning"),
    ReplayState.RUNNING: ("running", "Sending again"),
    ReplayState.PAUSED: ("paused", "Paused"),
    ReplayState.STOPPED: ("failed", "Stopped by itself"),
    ReplayState.CANCELLING: ("stopped", "Being stopped"),
    ReplayState.CANCELLED: ("stopped", "Stopped"),
    ReplayState.DONE: ("done", "Done"),
}

# Nothing is lost or counted twice by sending these again.
SAFE = frozenset({Prospect.RECORDED, Prospect.IGNORED})

# Answers that say nothing about the record itself: who asks, how often, and how long it took.
_NOT_ABOUT_IT = frozenset({401, 403, 408, 409, 425, 429})


def was_refused(status: int | None) -> bool:
    """Whether the platform's answer was about the record, so that it would say the same again."""
    return status is not None and 400 <= status < 500 and status not in _NOT_ABOUT_IT


# Those whose forecast is not made yet, and those that somebody settled since they were listed.
UNKNOWN, CLOSED = "unknown", "closed"
PROSPECTS: Mapping[str, Words] = {
    Prospect.RECORDED: Words("Will be recorded", "Klaviyo takes them, and they count once."),
    Prospect.IGNORED: Words(
        "Already there", "The original has arrived. Klaviyo leaves the second one aside."
    ),
    Prospect.TWICE: Words(
        "Would count twice",
        "Klaviyo may hold them under another name. Sent again, they could count a second time.",
    ),
    Prospect.REFUSED: Words(
        "Would be refused",
        "They break a rule of Klaviyo, or were refused as they are, and would fail again. Repair "
        "them first.",
    ),
    Prospect.GONE: Words(
        "Content gone", "What was to be sent is no longer kept, so there is nothing to send."
    ),
    UNKNOWN: Words("Not looked at yet", "What would become of them is being found out."),
    CLOSED: Words(
        "No longer waiting", "Somebody has dealt with them since. They are left out by themselves."
    ),
}

OUTCOMES: Mapping[str, Words] = {
    ItemState.SENT: Words("Recorded", "Klaviyo has taken them."),
    ItemState.KNOWN: Words("Already there", "Klaviyo had them, as they are or newer."),
    ItemState.SKIPPED: Words("Not needed", "By our rules there is nothing to send for them."),
    ItemState.FAILED: Words("Failed again", "They are back in the list of failed records."),
    ItemState.ON_WAY: Words("On their way", "They have been let go and come to their end soon."),
    ItemState.WAITING: Words("Waiting", "Their turn comes."),
    ItemState.LEFT_OUT: Words("Left out", "They were not sent in this go."),
}
# Failures of the same reasons that came after the records were chosen; they are not in it.
MEANWHILE = "meanwhile"

STAGES: Mapping[Stage, str] = {
    Stage.ONE: "One first",
    Stage.TEN: "Then ten",
    Stage.REST: "Then the rest",
}
