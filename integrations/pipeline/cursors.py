"""The place of a row in a list sorted by time, as an address carries it."""

from datetime import UTC, datetime

_FORM = "%Y%m%d%H%M%S%f"


def write(moment: datetime, pk: int) -> str:
    """Write the place behind which the next page begins."""
    return f"{moment.astimezone(UTC):{_FORM}}-{pk}"


def read(cursor: str) -> tuple[datetime, int] | None:
    """Read a cursor back; None for one that is not ours, which starts the list again."""
    moment, _, pk = cursor.partition("-")
    try:
        return datetime.strptime(moment, _FORM).replace(tzinfo=UTC), int(pk)
    except ValueError:
        return None
