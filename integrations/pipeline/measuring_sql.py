"""What the statements that count have in common: histograms, and rolling up."""

from typing import Any

from django.db import connection

from integrations.domain.histograms import Scale
from integrations.domain.resolutions import Piece, Resolution


def bucket(value: str, scale: Scale) -> str:
    """The place of a value's bucket."""
    bounds = ", ".join(map(str, scale.bounds))
    return f"width_bucket(({value})::float8, ARRAY[{bounds}]::float8[])"


def spread(number: str, scale: Scale) -> str:
    """A histogram, out of rows that have a number and the place of a bucket each."""
    return _array(f"sum({number}) FILTER (WHERE bucket = {{place}})", scale, first=0)


def merged(column: str, scale: Scale) -> str:
    """A histogram, out of several."""
    return _array(f"sum({column}[{{place}}])", scale, first=1)


def _array(part: str, scale: Scale, *, first: int) -> str:
    parts = (part.format(place=first + number) for number in range(scale.size))
    return f"ARRAY[{', '.join(f'coalesce({one}, 0)' for one in parts)}]::int[]"


def roll_up(statement: str, piece: Piece) -> None:
    """Put each hour together out of its minutes, and each day out of its hours."""
    with connection.cursor() as cursor:
        for to in (Resolution.HOUR, Resolution.DAY):
            for start in piece.starts(to):
                until = start + to.step
                values: dict[str, Any] = {
                    "from": int(to) - 1,
                    "to": int(to),
                    "start": start,
                    "until": until,
                }
                cursor.execute(statement, values)
