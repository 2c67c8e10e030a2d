"""Where the squares of a fetch stand: one for each period, a line for each stream."""

from collections.abc import Sequence

import msgspec

from integrations.domain.fetches import WORST
from integrations.models import SyncWindow

STEP, SIZE = 18, 14
# So many squares fit beside each other; with more periods a square stands for several.
MOST_SQUARES = 60


class Square(msgspec.Struct):
    """One square."""

    x: int
    state: str


class Strip(msgspec.Struct):
    """The squares of one stream, newest first."""

    stream: str
    squares: list[Square]
    width: int
    each: int


def draw(windows: Sequence[SyncWindow], streams: Sequence[str]) -> list[Strip]:
    """Lay the periods of each stream out; of several in one square the worst is shown."""
    strips = []
    for stream in streams:
        states = [one.state for one in windows if one.stream == stream]
        each = -(-len(states) // MOST_SQUARES) or 1
        groups = [states[start : start + each] for start in range(0, len(states), each)]
        squares = [
            Square(number * STEP, min(group, key=lambda state: _BADNESS[state]))
            for number, group in enumerate(groups)
        ]
        strips.append(Strip(stream, squares, max(1, len(squares)) * STEP, each))
    return strips


_BADNESS = {state.value: number for number, state in enumerate(WORST)}
