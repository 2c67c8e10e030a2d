"""When something that is observed becomes an alert, gets worse, and is over.

Each rule has a number that is worth a warning, one that is critical, and how long it has to last.
An alert begins late and ends late, so that what flickers tells nobody anything; what comes back
soon has to last longer each time. A minute that nobody looked is no minute of trouble.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

# Good for so long, and it is over.
CLEAR_AFTER = timedelta(minutes=10)
# What comes back within this has to last longer before it is told again, up to so many doublings.
FLAPS_WITHIN = timedelta(hours=2)
MOST_DOUBLINGS = 3
# Nobody looked for so long: what was seen before counts for nothing.
BLIND = timedelta(minutes=5)
# A critical one that nobody took on is told once more.
ESCALATE_AFTER = timedelta(minutes=30)


class Severity(StrEnum):
    """How bad it is: late comes before broken."""

    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    """Where an alert is."""

    PENDING = "pending"  # seen, and not for long enough
    FIRING = "firing"
    OVER = "over"


class Told(StrEnum):
    """What people are told."""

    BEGUN = "begun"
    WORSE = "worse"
    STILL = "still"
    OVER = "over"


class Rule(msgspec.Struct, frozen=True):
    """What is watched. `warning` and `critical` are reached from their number on."""

    code: str
    title: str
    # What the number counts, after the number: "45 minutes".
    unit: str
    warning: float | None
    critical: float | None
    lasting: timedelta
    # What this console does about it by itself.
    doing: str

    def severity(self, value: float) -> Severity | None:
        """How bad a number is, if it is bad at all."""
        if self.critical is not None and value >= self.critical:
            return Severity.CRITICAL
        if self.warning is not None and value >= self.warning:
            return Severity.WARNING
        return None

    def said(self, value: float) -> str:
        """The number in words."""
        number = f"{value:,.1f}".removesuffix(".0")
        return f"{number}{self.unit}" if self.unit == "%" else f"{number} {self.unit}".strip()


MINUTE = timedelta(minutes=1)
RULES = {
    rule.code: rule
    for rule in (
        Rule(
            "stuck", "Delivery is stuck", "minutes without progress", None, 20, MINUTE,
            "A worker is asked for every minute, and whatever a lost one had in hand is taken up.",
        ),
        Rule(
            "late", "Delivery is late", "minutes", 5, 60, 5 * MINUTE,
            "The oldest goes first, and nothing is given up because of its age.",
        ),
        Rule(
            # Half: it works for now, and somebody should look.
            "login", "A login needs somebody", "", 0.5, 1, timedelta(),
            "Work that needs it waits without using up its tries; the login is tried every few "
            "minutes where that can help.",
        ),
        Rule(
            "trouble", "A platform has trouble", "minutes", 10, 60, timedelta(),
            "Its work is held where it is, and one call at a time asks whether it is over.",
        ),
        Rule(
            "throttled", "Too many calls are refused", "%", 10.1, None, 10 * MINUTE,
            "Fewer calls are made, and every wait that is asked for is kept.",
        ),
        Rule(
            "failing", "Too many messages fail", "%", 5, 20, 5 * MINUTE,
            "What fails is set aside with its reason, and holds up nothing else.",
        ),
        Rule(
            "failed_depth", "Many failed records wait for a decision", "records", 1000, 10_000,
            5 * MINUTE, "They are grouped by reason, and kept until somebody decides.",
        ),
        Rule(
            "failed_growth", "Failed records grow quickly", "in the last hour", 100, 1000,
            5 * MINUTE, "They are grouped by reason, and kept until somebody decides.",
        ),
        Rule(
            "fetch_stuck", "Fetching past data is stuck", "minutes without progress", None, 20,
            MINUTE, "A reader is asked for every few seconds; the period goes on where it stopped.",
        ),
        Rule(
            "schedule", "A regular task is not run", "minutes overdue", 5, 15, MINUTE,
            "Nothing: the workers themselves have to be looked at.",
        ),
    )
}  # fmt: skip

# Of a rule that is no more: nothing is bad by it, so its alerts end.
GONE = Rule("gone", "A rule that is no more", "", None, None, timedelta(), "")


class Limits(msgspec.Struct, frozen=True):
    """Other numbers than a rule's own, for a business or for all."""

    warning: float | None
    critical: float | None
    lasting: timedelta


def limited(rule: Rule, limits: Limits | None) -> Rule:
    """The rule with the numbers somebody chose."""
    if limits is None:
        return rule
    return msgspec.structs.replace(
        rule, warning=limits.warning, critical=limits.critical, lasting=limits.lasting
    )


class Course(msgspec.Struct, frozen=True):
    """One alert so far. Times in UTC."""

    state: AlertState
    severity: Severity
    bad_since: datetime
    seen_at: datetime
    good_since: datetime | None = None
    fired_at: datetime | None = None
    over_at: datetime | None = None
    # When somebody took it on, and when it was told once more because nobody did.
    taken_at: datetime | None = None
    escalated_at: datetime | None = None
    # How often it came back shortly after it was over.
    again: int = 0


def begin(
    rule: Rule, value: float, *, now: datetime, last: Course | None = None
) -> tuple[Course | None, Told | None]:
    """What a first look at something leads to; `last` is the alert before, if there was one."""
    severity = rule.severity(value)
    if severity is None:
        return None, None
    flapped = last is not None and last.over_at is not None and now - last.over_at < FLAPS_WITHIN
    again = last.again + 1 if last is not None and flapped else 0
    course = Course(AlertState.PENDING, severity, bad_since=now, seen_at=now, again=again)
    return _fire(rule, course, now)


def go_on(
    rule: Rule, course: Course, value: float, *, now: datetime
) -> tuple[Course | None, Told | None]:
    """The next look at an alert that is not over. None in place of it: it never came to one."""
    course = _without_blind_time(course, now)
    severity = rule.severity(value)
    if severity is None:
        return _good(course, now)
    course = msgspec.structs.replace(course, good_since=None, seen_at=now)
    if course.state is AlertState.PENDING:
        return _fire(rule, msgspec.structs.replace(course, severity=severity), now)
    if severity is Severity.CRITICAL and course.severity is Severity.WARNING:
        return msgspec.structs.replace(course, severity=severity, escalated_at=None), Told.WORSE
    if _nobody_took_it(course, now):
        return msgspec.structs.replace(course, escalated_at=now), Told.STILL
    return course, None


def _fire(rule: Rule, course: Course, now: datetime) -> tuple[Course, Told | None]:
    lasting = max(rule.lasting, MINUTE if course.again else timedelta())
    lasting *= 2 ** min(course.again, MOST_DOUBLINGS)
    if now - course.bad_since < lasting:
        return course, None
    return msgspec.structs.replace(course, state=AlertState.FIRING, fired_at=now), Told.BEGUN


def _good(course: Course, now: datetime) -> tuple[Course | None, Told | None]:
    if course.state is AlertState.PENDING:
        return None, None
    since = course.good_since or now
    course = msgspec.structs.replace(course, good_since=since, seen_at=now)
    if now - since < CLEAR_AFTER:
        return course, None
    return msgspec.structs.replace(course, state=AlertState.OVER, over_at=now), Told.OVER


def _without_blind_time(course: Course, now: datetime) -> Course:
    if now - course.seen_at <= BLIND:
        return course
    bad_since = now if course.state is AlertState.PENDING else course.bad_since
    return msgspec.structs.replace(course, bad_since=bad_since, good_since=None)


def _nobody_took_it(course: Course, now: datetime) -> bool:
    if course.severity is not Severity.CRITICAL or course.taken_at or course.escalated_at:
        return False
    return course.fired_at is not None and now - course.fired_at >= ESCALATE_AFTER
