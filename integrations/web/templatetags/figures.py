"""How figures are written."""

from datetime import timedelta

from django import template
from django.utils.safestring import SafeString

from integrations.domain.thresholds import WORDS, Verdict

from .console import badge, lasting

register = template.Library()


@register.filter
def milliseconds(value: float | None) -> str:
    """How long a call took, or a dash where none was made."""
    if value is None:
        return "–"
    return f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


@register.filter
def percent(value: float) -> str:
    """A share; what is there is never written as nought."""
    return "0 %" if not value else f"{value:.1f} %" if value >= 0.1 else "under 0.1 %"


@register.filter
def verdict(value: Verdict) -> SafeString:
    """How bad a figure is, as a badge."""
    return badge(value, WORDS[value])


@register.filter
def took(value: timedelta | None) -> str:
    """How long a run took, or a dash where it has not ended."""
    if value is None:
        return "–"
    seconds = value.total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else lasting(seconds)


@register.filter
def signed(value: int) -> str:
    """A growth with its sign."""
    return f"{value:+,}" if value else "no change"
