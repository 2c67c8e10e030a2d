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

    @property
    def profile(self) -> str:
        """Whom the ledger should remember; only events need it, for the refund that follows."""
        return self.operation.profile.key if isinstance(self.operation, TrackEvent) else ""

    def end(self, outcome: Outcome, failure: Failure | None = None) -> None:
        """Say what became of it."""
        self.outcome, self.failure = outcome, failure
