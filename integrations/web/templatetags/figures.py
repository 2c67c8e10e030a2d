"""How figures are written."""

from django import template

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
