"""Is it stuck, or is it just slow? One word for one way of data, decided from plain facts.

The same function judges what a shop tells us now and each stream of its past, so that a page, an
alert and a report can never say different things of the same moment.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

# The sweep writes its sign of life every minute; three missed ones are an outage of ours.
SWEEP_SILENCE = timedelta(minutes=3)
# Something is due, nothing holds it back, and for so long nothing has moved.
STUCK_AFTER = timedelta(minutes=20)
# A shorter wait is part of a normal day.
NOTABLE_WAIT = timedelta(seconds=30)
# Messages usually leave within seconds. After this long they are late.
LATE = timedelta(minutes=5)
# More than this share of calls refused as too many, of so many at least, is a limit that is felt.
THROTTLED_SHARE = 0.10
FEWEST_CALLS = 10
# Over how long the calls are counted.
CALLS_OVER = timedelta(minutes=5)


class Word(StrEnum):
    """The words one way of data can be judged with."""

    NOT_STARTED = "not_started"
    WORKING = "working"
    RATE_LIMITED = "rate_limited"
    WAITING = "waits"
    BLOCKED = "blocked"
    STUCK = "stuck"

    @property
    def label(self) -> str:
        """The words people read."""
        return _LABELS[self]


_LABELS = {
    Word.NOT_STARTED: "Not started",
    Word.WORKING: "Working",
    Word.RATE_LIMITED: "Slowed down by a limit",
    Word.WAITING: "Waiting",
    Word.BLOCKED: "Blocked",
    Word.STUCK: "Stuck",
}


class Hold(msgspec.Struct, frozen=True):
    """Something known that holds the way: what it is, in words, and since when."""

    by: str
    since: datetime | None = None
    until: datetime | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one way of data at one moment. Times in UTC."""

    now: datetime
    # Whether anything ever came in, and when something first or last reached the end of the way.
    began: bool
    last_success_at: datetime | None
    # When something last left the way, however it ended.
    last_progress_at: datetime | None = None
    # Since when the oldest waits; and when the next of what waits is due.
    oldest_waiting_at: datetime | None = None
    due_at: datetime | None = None
    # Before this moment nothing is sent, and how often in a row it went wrong before.
    not_before: datetime | None = None
    failures: int = 0
    # Until when a worker has it in hand.
    lease_until: datetime | None = None
    workers_seen_at: datetime | None = None
    # Of the last five minutes: all calls, and those refused as too many.
    calls: int = 0
    throttled: int = 0
    # A login, an account that is held, a platform with trouble.
    blocked: Hold | None = None
    # Somebody's decision: a pause, a reconnect that was begun.
    waits: Hold | None = None

    @property
    def throttled_share(self) -> float:
        """The share of calls that were refused as too many; none where there are too few to say."""
        return self.throttled / self.calls if self.calls >= FEWEST_CALLS else 0.0


class Verdict(msgspec.Struct, frozen=True):
    """One word, since and until when, and what it rests on in a few words."""

    word: Word
    since: datetime | None = None
    until: datetime | None = None
    # What it waits for, or is blocked or limited by.
    by: str = ""

    @property
    def is_late(self) -> bool:
        """Whether it works and is behind: slow, and not stuck."""
        return self.word is Word.WORKING and self.by == BEHIND


BEHIND = "running behind"
OUR_WORKERS = "our own workers are silent"
NOTHING_MOVES = "nothing has moved, and nothing is known that holds it"
A_LIMIT = "a limit of the platform"
A_TRY = "the next try"


def is_outage(workers_seen_at: datetime | None, now: datetime) -> bool:
    """Say whether our own workers are silent, or were never started."""
    return workers_seen_at is None or now - workers_seen_at > SWEEP_SILENCE


def decide(facts: Evidence) -> Verdict:
    """Judge one way of data. What a person decided goes first, then what is known to hold it."""
    if facts.waits is not None:
        return _held(Word.WAITING, facts.waits)
    if facts.blocked is not None:
        return _held(Word.BLOCKED, facts.blocked)
    if not facts.began:
        return Verdict(Word.NOT_STARTED)
    if is_outage(facts.workers_seen_at, facts.now):
        return Verdict(Word.STUCK, since=facts.workers_seen_at, by=OUR_WORKERS)
    if facts.oldest_waiting_at is None:
        return _working(facts)
    return _held_back(facts) or _stuck(facts) or _throttled(facts) or _working(facts)


def _held(word: Word, hold: Hold) -> Verdict:
    return Verdict(word, since=hold.since, until=hold.until, by=hold.by)


def _held_back(facts: Evidence) -> Verdict | None:
    """Nothing may go, or nothing is due, before a known moment."""
    known = [at for at in (facts.not_before, facts.due_at) if at and at > facts.now]
    if not known:
        return None
    until = max(known)
    is_old = facts.oldest_waiting_at is not None and _age(facts.oldest_waiting_at, facts) >= LATE
    if not facts.failures and until - facts.now < NOTABLE_WAIT and not is_old:
        return None
    is_limit = not facts.failures and facts.not_before is not None and facts.not_before > facts.now
    word, by = (Word.RATE_LIMITED, A_LIMIT) if is_limit else (Word.WAITING, A_TRY)
    return Verdict(word, since=facts.oldest_waiting_at, until=until, by=by)


def _stuck(facts: Evidence) -> Verdict | None:
    """Something is due, nothing holds it, and nothing has moved for twenty minutes.

    A burst after a silent night is not stuck: its time runs from when it was due.
    """
    due = facts.due_at or facts.oldest_waiting_at
    if due is None:
        return None
    since = max(due, facts.last_progress_at or due)
    if facts.not_before is not None and since < facts.not_before <= facts.now:
        since = facts.not_before
    if _age(since, facts) < STUCK_AFTER:
        return None
    return Verdict(Word.STUCK, since=since, by=NOTHING_MOVES)


def _throttled(facts: Evidence) -> Verdict | None:
    if facts.throttled_share <= THROTTLED_SHARE:
        return None
    return Verdict(Word.RATE_LIMITED, since=facts.oldest_waiting_at, by=A_LIMIT)


def _working(facts: Evidence) -> Verdict:
    """Never said of what has not worked once."""
    if facts.last_success_at is None:
        return Verdict(Word.NOT_STARTED)
    oldest = facts.oldest_waiting_at
    if oldest is not None and _age(oldest, facts) >= LATE:
        return Verdict(Word.WORKING, since=oldest, by=BEHIND)
    return Verdict(Word.WORKING, since=facts.last_success_at)


def _age(moment: datetime, facts: Evidence) -> timedelta:
    """How long ago that was; a clock that runs ahead of ours counts as now."""
    return max(facts.now - moment, timedelta())


# --- the proof -----------------------------------------------------------------------------------


class Line(msgspec.Struct, frozen=True):
    """One fact a verdict rests on: a moment, or words; and whether it speaks against the way."""

    label: str
    at: datetime | None = None
    text: str = ""
    is_bad: bool = False


def proof(facts: Evidence) -> tuple[Line, ...]:
    """All facts a verdict rests on, in the order in which they are looked at."""
    silent = is_outage(facts.workers_seen_at, facts.now)
    lines = [_hold_line("A person's decision", facts.waits)] if facts.waits else []
    if facts.blocked:
        lines.append(_hold_line("Blocked", facts.blocked))
    else:
        lines.append(Line("Logins and platforms", text="nothing is known that blocks it"))
    lines.append(
        Line("Our own workers, last sign of life", at=facts.workers_seen_at, is_bad=silent)
        if facts.workers_seen_at
        else Line("Our own workers", text="have never given a sign of life", is_bad=True)
    )
    lines.append(_waiting_line(facts))
    lines.append(_moment("Something last came to its end", facts.last_progress_at))
    lines.append(_moment("Something last reached its goal", facts.last_success_at))
    if facts.due_at and facts.due_at > facts.now:
        lines.append(Line("The next of what waits is due", at=facts.due_at))
    if facts.not_before and facts.not_before > facts.now:
        lines.append(Line("The next call is allowed", at=facts.not_before, is_bad=True))
    else:
        lines.append(Line("The next call", text="is allowed now"))
    if facts.failures:
        lines.append(Line("Tries that went wrong in a row", text=str(facts.failures), is_bad=True))
    lines.append(_calls_line(facts))
    if facts.lease_until and facts.lease_until > facts.now:
        lines.append(Line("In the hands of a worker", text="at this moment"))
    return tuple(lines)


def _moment(label: str, at: datetime | None) -> Line:
    return Line(label, at=at) if at else Line(label, text="never")


def _hold_line(label: str, hold: Hold) -> Line:
    return Line(f"{label}: {hold.by}", at=hold.since, is_bad=True)


def _waiting_line(facts: Evidence) -> Line:
    if facts.oldest_waiting_at is None:
        return Line("Waiting", text="nothing")
    is_old = _age(facts.oldest_waiting_at, facts) >= LATE
    return Line("The oldest that waits arrived", at=facts.oldest_waiting_at, is_bad=is_old)


def _calls_line(facts: Evidence) -> Line:
    label = "Calls of the last 5 minutes refused as too many"
    if not facts.calls:
        return Line(label, text="no call was made")
    share = facts.throttled / facts.calls
    text = f"{facts.throttled:,} of {facts.calls:,} ({share:.1%})"
    return Line(label, text=text, is_bad=facts.throttled_share > THROTTLED_SHARE)
