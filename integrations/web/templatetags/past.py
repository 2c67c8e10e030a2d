"""How periods of past data are written."""

from datetime import datetime, timedelta

from django import template

from integrations.domain.fetches import PERIOD_WORDS
from integrations.domain.windows import WindowState

from .console import zone_of

register = template.Library()


@register.simple_tag
def days(since: datetime, until: datetime, zone: str = "") -> str:
    """A range as people say it: its first and its last day, in the shop's own time zone."""
    first = since.astimezone(zone_of(zone))
    last = (until - timedelta(microseconds=1)).astimezone(zone_of(zone))
    end = f"{last.day} {last:%b %Y}"
    if first.date() == last.date():
        return _unbroken(end)
    start = f"{first.day} {first:%b}" + ("" if first.year == last.year else f" {first:%Y}")
    return f"{_unbroken(start)} – {_unbroken(end)}"


def _unbroken(day: str) -> str:
    """A day that stays on one line."""
    return day.replace(" ", "\N{NO-BREAK SPACE}")


@register.filter
def period_word(state: str) -> str:
    """Where a period is, in a merchant's words."""
    return PERIOD_WORDS[WindowState(state)]


@register.filter
def recorded_word(kind: str) -> str:
    """What a kind of entry is called: Placed order."""
    return kind.replace("_", " ").capitalize()


@register.filter
def period_tone(state: str) -> str:
    """The look of a period's badge."""
    return {"cancelled": "stopped", "sending": "running", "reading": "running"}.get(state, state)
