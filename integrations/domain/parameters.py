"""Values in addresses, which anybody may write: what cannot be read is as if it were not there."""

from datetime import UTC, datetime
from uuid import UUID


def identifier(text: str) -> UUID | None:
    """A public id."""
    try:
        return UUID(text)
    except ValueError:
        return None


def moment(text: str) -> datetime | None:
    """An ISO 8601 time in UTC; one without a zone is taken for UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def whole(text: str) -> int:
    """A place in a list, or a number of records, from nought."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def key(text: str) -> int | None:
    """The key of a row."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
