"""The work of one batch: operations of events, who leads, who follows, and what became of each."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from integrations.domain.failures import Failure
from integrations.domain.operations import Operation, TrackEvent
from integrations.platforms.klaviyo.bodies import Fragment


class Outcome(StrEnum):
    """What became of one operation."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    STALE = "stale"
    ABSENT = "absent"  # deleted before Klaviyo ever had it
    DEAD = "dead"
    RETRY = "retry"  # it counts as a try
    WAIT = "wait"  # it does not


@dataclass(slots=True, eq=False)
class Item:
    """One operation on its way, and the events whose news it carries."""

    operation: Operation
    identity: str
    content: Fragment
    fingerprint: bytes
    event_id: int
    known: bool = False
    # Events that said the same or something older in the same batch; they share its fate.
    followers: list[int] = field(default_factory=list)
    outcome: Outcome = Outcome.PENDING
    failure: Failure | None = None
    call: int | None = None
    wait_until: datetime | None = None
    # What is told of the same person in the same breath: an event's own profile says it.
    companion: "Item | None" = None

    @property
    def profile(self) -> str:
        """Whom the ledger should remember; only events need it, for the refund that follows."""
        return self.operation.profile.key if isinstance(self.operation, TrackEvent) else ""

    @property
    def sent(self) -> Fragment:
        """What goes to Klaviyo: its own content, with its companion's as the event's profile."""
        if self.companion is None:
            return self.content
        return Fragment(self.companion.content.content, self.content.content)

    def end(self, outcome: Outcome, failure: Failure | None = None) -> None:
        """Say what became of it, and of its companion; a refusal is its own alone."""
        self.outcome, self.failure = outcome, failure
        if self.companion is not None and outcome is not Outcome.DEAD:
            self.companion.end(outcome, failure)

    def went_with(self, call: int) -> None:
        """Note which call it went with."""
        self.call = call
        if self.companion is not None:
            self.companion.call = call

    def wait(self, until: datetime) -> None:
        """Put it off, which is no try."""
        self.wait_until = until
        if self.companion is not None:
            self.companion.wait_until = until

    def leave_companion(self) -> "Item | None":
        """Go on alone; returns who has to find another way."""
        companion, self.companion = self.companion, None
        return companion
