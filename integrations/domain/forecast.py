"""What a job over a range of time would do: known before it starts, in figures and codes.

Only facts stand here. `forecast_words` says them to a merchant; support reads the codes.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from .estimates import Estimate
from .windows import Way

# Counts up when the shape or the meaning changes; an older forecast is made anew.
VERSION = 1
# A store with this many records or fewer in the range is looked at whole; above it, in samples.
SMALL = 1000
EXAMPLES = 3


class Stage(StrEnum):
    """How far a forecast is; each is shown as soon as it is there."""

    COUNTS = "counts"
    AUDIT = "audit"
    KLAVIYO = "klaviyo"
    READY = "ready"


class Ends(StrEnum):
    """How a record would end. The first five columns of a window, in its words."""

    SENT = "sent"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"
    LEFT_OUT = "left_out"


class Sight(StrEnum):
    """How much of a window the shop shows us."""

    ALL = "all"
    PART = "part"  # orders beyond the last sixty days are hidden from us
    NONE = "none"


class WindowPlan(msgspec.Struct, kw_only=True):
    """One window before it is read."""

    stream: str
    since: datetime
    until: datetime
    position: int
    # None when the shop was not asked, or would not say.
    count: int | None = None
    exact: bool = True
    counted: bool = False
    # When all of it was fetched before; it is read again, and what has not changed is not sent.
    complete_since: datetime | None = None
    # How it would be read, and why: the engine's own choice, from the count.
    way: Way = Way.PAGES
    way_reason: str = ""
    sight: Sight = Sight.ALL
    shown_since: datetime | None = None


class Example(msgspec.Struct, frozen=True):
    """One record that a reason applies to: its number in the shop, and what is wrong, masked."""

    source_id: str
    name: str
    shows: str = ""


class Reason(msgspec.Struct, kw_only=True):
    """Why records would end in a certain way."""

    code: str
    ends: Ends
    seen: int = 0
    # How many there would be in all; the same as `seen` when everything was looked at.
    expected: int = 0
    examples: list[Example] = []


class Remark(msgspec.Struct, kw_only=True):
    """Something worth knowing about records that changes nothing about how they end."""

    code: str
    seen: int = 0
    expected: int = 0
    examples: list[Example] = []


class StreamAudit(msgspec.Struct, kw_only=True):
    """What was found in real records of one stream, without sending any."""

    stream: str
    looked: int = 0
    # Of how many; None while the shop has not said.
    total: int | None = None
    # Whether every record of the range was looked at.
    whole: bool = False
    reasons: list[Reason] = []
    remarks: list[Remark] = []
    # What it would take: operations by endpoint, and bytes, of the records looked at.
    operations: dict[str, int] = {}
    sent_bytes: dict[str, int] = {}
    body_bytes: int = 0
    pages: int = 0
    points: float = 0
    milliseconds: int = 0
    page_size: int = 25

    def expected(self, ends: Ends) -> int:
        """How many records would end like this."""
        return sum(one.expected for one in self.reasons if one.ends is ends)

    @property
    def found(self) -> int:
        """All of them: the reasons always add up to it."""
        return sum(one.expected for one in self.reasons)


class Reach(msgspec.Struct, kw_only=True):
    """How many different people would get a new entry under one metric."""

    metric: str
    kind: str
    people: int = 0
    # Of those, the ones with an entry younger than four hours.
    young: int = 0


class FlowRisk(msgspec.Struct, kw_only=True):
    """A flow that listens to a metric the job writes."""

    id: str
    name: str
    status: str
    is_live: bool
    metric: str
    people: int = 0
    young: int = 0


class Twin(msgspec.Struct, kw_only=True):
    """A metric of the same meaning that another integration writes."""

    id: str
    name: str
    kind: str
    integration: str
    # Whether the account's revenue reports count this one.
    is_revenue: bool = False


class KlaviyoView(msgspec.Struct, kw_only=True):
    """Who listens at Klaviyo. What could not be looked at is never taken for nothing there."""

    looked_at_metrics: bool = False
    looked_at_flows: bool = False
    looked_at_reports: bool = False
    flows: list[FlowRisk] = []
    twins: list[Twin] = []
    # Which of our metrics the account has by now, and whether revenue counts ours.
    known_metrics: list[str] = []
    revenue_is_ours: bool = False
    revenue_is_mapped: bool = False


class Trouble(msgspec.Struct, frozen=True):
    """Something that could not be looked at: what, the platform's code and its words."""

    about: str
    code: str
    message: str = ""


class Look(msgspec.Struct, kw_only=True):
    """A stretch to be read for the audit, and how far that is."""

    stream: str
    since: datetime
    until: datetime
    position: int
    pages_left: int
    # Only for who would be reached at once: these records may stand in another look as well.
    only_young: bool = False
    cursor: str = ""
    size: int = 25
    # What the last page was priced at; nought before the first.
    price: float = 0
    done: bool = False


class Memory(msgspec.Struct, kw_only=True):
    """What must be remembered between two steps; dropped when the forecast is ready."""

    # What Klaviyo would hold of a person by then: identity -> version, fingerprint.
    told: dict[str, tuple[datetime, str]] = {}
    # Who is reached (a hash): one bit per kind of event, and the same for the young ones.
    people: dict[str, tuple[int, int]] = {}
    elsewhere: dict[str, bool] = {}


class Turn(msgspec.Struct, kw_only=True):
    """Who makes the forecast now, and when somebody may go on; moments in seconds."""

    epoch: int = 0
    until: float = 0
    # Not before then: a platform asked us to wait.
    after: float = 0
    # Turns since something was found out; one that never gets on is given up.
    tries: int = 0


class Forecast(msgspec.Struct, kw_only=True):
    """Everything that is known of a job before it starts."""

    version: int = VERSION
    stage: Stage = Stage.COUNTS
    began_at: datetime
    updated_at: datetime
    # The shop's permissions as it named them; None before it was asked.
    scopes: list[str] | None = None
    windows: list[WindowPlan] = []
    audits: list[StreamAudit] = []
    reach: list[Reach] = []
    people: int = 0
    young_is_whole: bool = False
    klaviyo: KlaviyoView = msgspec.field(default_factory=KlaviyoView)
    estimate: Estimate | None = None
    troubles: list[Trouble] = []
    looks: list[Look] = []
    turn: Turn = msgspec.field(default_factory=Turn)
    memory: Memory = msgspec.field(default_factory=Memory)

    @property
    def is_ready(self) -> bool:
        """Whether everything is in it that can be."""
        return self.stage is Stage.READY

    @property
    def is_whole(self) -> bool:
        """Whether every record was looked at, so that the figures are no estimate."""
        return bool(self.audits) and all(one.whole for one in self.audits)

    @property
    def looked(self) -> int:
        """How many records were looked at."""
        return sum(one.looked for one in self.audits)

    @property
    def total(self) -> int | None:
        """How many records there are; None while the shop has not said of every window."""
        counts = [one.count for one in self.windows if one.sight is not Sight.NONE]
        return None if None in counts else sum(filter(None, counts))

    def audit(self, stream: str) -> StreamAudit | None:
        """What was found in one stream."""
        return next((one for one in self.audits if one.stream == stream), None)

    def expected(self, ends: Ends) -> int:
        """How many records would end like this."""
        return sum(one.expected(ends) for one in self.audits)


def spread(seen: dict[str, int], total: int) -> dict[str, int]:
    """Scale counts of a sample to a total, in whole numbers that add up to it exactly.

    What was seen at all never becomes nought: at least as many are certain.
    """
    looked = sum(seen.values())
    if looked == 0 or total <= looked:
        return dict(seen)
    rest = total - looked
    shares = {name: rest * count / looked for name, count in seen.items()}
    found = {name: int(share) for name, share in shares.items()}
    missing = rest - sum(found.values())
    by_remainder = sorted(shares, key=lambda name: (found[name] - shares[name], name))
    for name in by_remainder[:missing]:
        found[name] += 1
    return {name: seen[name] + found[name] for name in seen}


def covered(since: datetime, until: datetime, done: list[tuple[datetime, datetime]]) -> bool:
    """Whether finished stretches together leave no gap in a half-open one."""
    reached = since
    for start, end in sorted(done):
        if start > reached:
            break
        reached = max(reached, end)
    return reached >= until
