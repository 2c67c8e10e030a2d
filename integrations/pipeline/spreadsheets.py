"""Lines of a file for a spreadsheet, given out as they are made and safe to open."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum

# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSON_LINES = "jsonl"


def lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """CSV, a line for the columns and one for each row; no cell is taken for a formula."""
    writer = csv.writer(_Echo())
    # The mark by which a spreadsheet knows that letters are in UTF-8.
    yield "\ufeff" + writer.writerow(columns)
    for row in rows:
        yield writer.writerow([safe(cell) for cell in row])


def safe(cell: str) -> str:
    """A cell no spreadsheet calculates."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def utc(moment: datetime | None) -> str:
    """A time to the second in UTC; empty where there is none."""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""


class _Echo:
    """What the CSV writer writes to: gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        """Give the line back."""
        return line
