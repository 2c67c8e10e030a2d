"""Instants as Klaviyo writes and reads them."""

from datetime import UTC, datetime


def iso(instant: float) -> str:
    """Write an instant in UTC to the second."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds")


def parse(text: str) -> float:
    """Read an ISO 8601 instant; without an offset it is UTC. Raise ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
