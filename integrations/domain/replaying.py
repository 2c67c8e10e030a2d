"""What the next turn of a replay does: one, then ten, then the rest, and a stop by itself."""

import math
from datetime import timedelta
from enum import StrEnum

import msgspec

from .replays import Stage

# How many are let go in a stage; the rest goes at the rate somebody set.
QUOTAS = {Stage.ONE: 1, Stage.TEN: 10}
NEXT = {Stage.ONE: Stage.TEN, Stage.TEN: Stage.REST}
# Of the rest so many at least must have ended before their share of failures says anything.
LEAST = 20
# So many at most in one turn, which is one transaction.
MOST_A_TURN = 1000
# Turns of the rest are about this far apart.
PACE = timedelta(seconds=2)
# So many may be on their way at once, so that a stop comes in time; or a minute's worth, if more.
MOST_ON_WAY = 200
LOOK_AGAIN = timedelta(seconds=1)
SLOWEST_RATE, FASTEST_RATE = 1, 60_000


class Hold(StrEnum):
    """Why a replay does not go on at this moment: what a page says."""

    RESULTS = "What is on its way is waited for."
    AHEAD = "Enough is on its way for now."


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a replay is. `ended` and `failed` count from the beginning of the stage."""

    stage: Stage
    waiting: int
    on_way: int
    ended: int
    failed: int
    rate: int
    most_failures: int


class LetGo(msgspec.Struct, frozen=True):
    """Let so many go, and look again after a while."""

    number: int
    then: timedelta


class Wait(msgspec.Struct, frozen=True):
    """Nothing to let go now."""

    span: timedelta
    reason: Hold


class GoOn(msgspec.Struct, frozen=True):
    """The stage went well; the next one begins."""

    stage: Stage


class Stop(msgspec.Struct, frozen=True):
    """Too many failed again; a person must look."""

    reason: str


class Done(msgspec.Struct, frozen=True):
    """Nothing waits, and nothing is on its way."""


Turn = LetGo | Wait | GoOn | Stop | Done


def turn(at: Progress) -> Turn:
    """Decide what a turn does."""
    if not at.waiting:
        return Wait(LOOK_AGAIN, Hold.RESULTS) if at.on_way else Done()
    if too_many(at):
        return Stop(_why(at))
    if at.stage is Stage.REST:
        return _at_rate(at)
    room = QUOTAS[at.stage] - at.ended - at.on_way
    if room > 0:
        return LetGo(min(room, at.waiting), LOOK_AGAIN)
    return Wait(LOOK_AGAIN, Hold.RESULTS) if at.on_way else GoOn(NEXT[at.stage])


def too_many(at: Progress) -> bool:
    """Whether the share of failures passes the limit, however what is missing of a stage ends.

    The smallest number judged is the stage's own, and of the rest LEAST: of fewer a share says
    nothing, unless even all others going well could not bring it below the limit.
    """
    judged = max(at.ended, QUOTAS.get(at.stage, LEAST))
    return at.failed * 100 > at.most_failures * judged


def _why(at: Progress) -> str:
    if at.stage is Stage.ONE:
        return "The first one failed again."
    return f"{at.failed} of {at.ended} failed again, which is more than {at.most_failures} %."


def _at_rate(at: Progress) -> Turn:
    a_minute = min(max(at.rate, SLOWEST_RATE), FASTEST_RATE)
    room = max(MOST_ON_WAY, a_minute) - at.on_way
    if room <= 0:
        return Wait(PACE, Hold.AHEAD)
    at_pace = math.ceil(a_minute * PACE.total_seconds() / 60)
    number = min(at_pace, room, at.waiting, MOST_A_TURN)
    return LetGo(number, max(timedelta(minutes=number / a_minute), LOOK_AGAIN))
