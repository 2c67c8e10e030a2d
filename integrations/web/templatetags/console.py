"""How times, numbers and states are written on every page."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import template
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.domain import actions
from integrations.domain.lanes import Lane
from integrations.domain.masking import mask_text
from integrations.domain.skips import SENTENCES
from integrations.models import Store
from integrations.platforms.shopify import topics

register = template.Library()

LANES = {
    Lane.LIVE: "New messages",
    Lane.REPLAY: "Records sent again",
    Lane.BACKFILL: "Past data",
    Lane.REPORT: "Checks",
}
MINUTE, HOUR, DAY = 60, 3600, 86_400


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name; UTC where the name is not one."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def exact(value: datetime, zone: str = "") -> str:
    """A moment in full, with its zone."""
    there = value.astimezone(zone_of(zone))
    return f"{there:%a} {there.day} {there:%b %Y, %H:%M:%S} ({there.tzname()})"


def relative(value: datetime, now: datetime) -> str:
    """How long ago, or in how long."""
    seconds = (now - value).total_seconds()
    size = abs(seconds)
    if size < 10:
        return "just now" if seconds >= 0 else "in a moment"
    words = lasting(size)
    return f"{words} ago" if seconds >= 0 else f"in {words}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun: 1 message, 2,000 messages."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


@register.simple_tag(takes_context=True)
def moment(context: Context, value: datetime | None, zone: str = "") -> str | SafeString:
    """A time as its reader wants it, with the exact one in reach."""
    if not value:  # a row that is not there leaves an empty text here
        return "never"
    full = exact(value, zone)
    words = full if context.get("exact_times") else relative(value, context["now"])
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.astimezone(UTC).isoformat(timespec="seconds"),
        full,
        words,
    )


@register.simple_tag(takes_context=True)
def both(context: Context, value: datetime | None, zone: str = "") -> str | SafeString:
    """A time for a history: the exact one, and how long ago."""
    if not value:  # a row that is not there leaves an empty text here
        return "never"
    return format_html(
        '<time class="both" datetime="{}">{} <span class="soft">· {}</span></time>',
        value.astimezone(UTC).isoformat(timespec="seconds"),
        exact(value, zone),
        relative(value, context["now"]),
    )


@register.simple_tag
def day_after(value: datetime, days: int, zone: str = "") -> str:
    """The day on which a term ends that began at a moment."""
    there = (value + timedelta(days=days)).astimezone(zone_of(zone))
    return f"{there.day} {there:%b %Y}"


@register.simple_tag
def clock(value: datetime, zone: str, range_name: str) -> str:
    """A mark under a chart: the hour, or the day and hour of a week."""
    there = value.astimezone(zone_of(zone))
    return f"{there:%a %H:%M}" if range_name == "week" else f"{there:%H:%M}"


@register.filter
def number(value: int | None) -> str:
    """A whole number with separators."""
    return f"{value or 0:,}"


@register.simple_tag(name="counted")
def counted_tag(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun."""
    return counted(count, noun, plural)


@register.filter
def topic(value: str) -> str:
    """What kind of message this is, in plain words."""
    return topics.title(value)


@register.filter
def masked(value: str) -> str:
    """A text without anybody's address or number."""
    return mask_text(value)


@register.filter
def instant(value: datetime) -> str:
    """A moment as it stands in an address."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


@register.filter
def precisely(value: datetime) -> str:
    """A moment as it stands in an address, where a whole minute is not exact enough."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@register.filter
def utc_field(value: datetime) -> str:
    """A moment as a field for a date and a time has it, in UTC."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """This page's query with some parts changed; an empty value takes a part out."""
    parts = {k: v for k, v in context["request"].GET.items() if k != "after"}
    parts |= {key: str(value) for key, value in changes.items()}
    kept = {key: value for key, value in parts.items() if value}
    return f"?{urlencode(kept)}" if kept else "?"


BADGES = {
    "needs_you": "bad",
    "working_on_it": "warn",
    "working": "ok",
    "not_started": "info",
    "rate_limited": "warn",
    "warning": "warn",
    "critical": "bad",
    "waits": "info",
    "blocked": "bad",
    "stuck": "bad",
    "paused": "idle",
    "setting_up": "info",
    "delivered": "ok",
    "skipped": "idle",
    "waiting": "info",
    "dead": "bad",
    "open": "bad",
    "resolved": "ok",
    "active": "ok",
    "held": "bad",
    "needs_reconnect": "bad",
    "missing_scopes": "bad",
    "revoked": "bad",
    "suspended": "bad",
    "unreadable": "bad",
    "missing": "bad",
    "ok": "ok",
    "bad": "bad",
    "kept": "idle",
    "gone": "bad",
    "draft": "info",
    "running": "info",
    "done": "ok",
    "partly": "warn",
    "fine": "ok",
    "failed": "bad",
    "stopped": "idle",
    "new": "bad",
    "back": "bad",
    "known": "info",
    "fixing": "warn",
    "parked": "idle",
    "sending": "info",
    "binned": "idle",
}
# A shape of its own for each tone, so that states differ without colour.
SHAPES = {
    "ok": "M3 8.5l3.2 3.2L13 5",
    "bad": "M8 2.5v7M8 12.4v1.1",
    "warn": "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
    "idle": "M5.5 3.5v9M10.5 3.5v9",
    "info": "M3 8h.1M8 8h.1M13 8h.1",
}
SKIPPED_SHAPE = "M3.5 8h9"


@register.simple_tag
def badge(state: str, label: str = "") -> SafeString:
    """A state as a shape, a word and a colour."""
    tone = BADGES.get(state, "idle")
    return format_html(
        '<span class="badge {}"><svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
        '<path d="{}"/></svg>{}</span>',
        tone,
        SKIPPED_SHAPE if state == "skipped" else SHAPES[tone],
        label or state.replace("_", " ").capitalize(),
    )


@register.simple_tag(takes_context=True)
def outcome(context: Context, event: Any, zone: str = "") -> str | SafeString:
    """What became of a message, in one line."""
    if event.state == "skipped":
        return SENTENCES.get(event.skip, "Klaviyo needs nothing from this.")
    if event.state == "dead":
        return "It could not be delivered and waits for a decision."
    if event.state == "delivered":
        took = (event.settled_at - event.received_at).total_seconds()
        return f"Klaviyo took it {'at once' if took < 2 else 'after ' + lasting(took)}."
    kept = kept_because(context.get("store"))
    if kept or not event.attempts:
        return kept or "It waits its turn."
    return format_html("Tried before. {}.", next_try(context, event.next_attempt_at, zone))


def kept_because(store: Store | None) -> str:
    """Why nothing of a store goes out, where that is so."""
    if store is None:
        return ""
    if store.paused_at:
        return "It is kept until the pause ends."
    if store.klaviyo_account.held_since:
        return "It is kept until Klaviyo lets us in again."
    return ""


@register.simple_tag(takes_context=True)
def next_try(context: Context, value: datetime, zone: str = "") -> str | SafeString:
    """When we try again by ourselves."""
    if value <= context["now"]:
        return "The next try is due"
    return format_html("Next try {}", moment(context, value, zone))


@register.simple_tag
def lag(seconds: float | None) -> str:
    """How long messages take, or a dash where none was delivered."""
    if seconds is None:
        return "–"
    return "under 1 second" if seconds < 1 else lasting(seconds)


def lasting(seconds: float) -> str:
    """A length of time in its largest fitting unit."""
    for limit, unit, name in (
        (90, 1, "second"),
        (90 * MINUTE, MINUTE, "minute"),
        (36 * HOUR, HOUR, "hour"),
    ):
        if seconds < limit:
            return counted(round(seconds / unit), name)
    return counted(round(seconds / DAY), "day")


ENDPOINTS = {
    "events": "Single events",
    "event-bulk-create-jobs": "Events in batches",
    "profile-import": "Single customers",
    "profile-bulk-import-jobs": "Customers in batches",
    "catalog-item-bulk-create-jobs": "New products",
    "catalog-item-bulk-update-jobs": "Changed products",
    "catalog-item-bulk-delete-jobs": "Deleted products",
    "catalog-variant-bulk-create-jobs": "New variants",
    "catalog-variant-bulk-update-jobs": "Changed variants",
    "job-status": "Asking what became of a batch",
}


@register.filter
def endpoint(value: str) -> str:
    """What an endpoint is for, in plain words."""
    return ENDPOINTS.get(value, value.replace("-", " ").capitalize())


@register.filter
def lane_words(value: int | None) -> str:
    """Whose work a lane carries, in plain words."""
    return "Our own checks" if value is None else LANES[Lane(value)]


@register.simple_tag
def deed(entry: Any) -> str:
    """What an entry of the history says was done."""
    subject = topics.title(entry.subject) if "/" in entry.subject else entry.subject
    return actions.sentence(entry.action, subject)


@register.simple_tag
def role_words(role: str) -> str:
    """What whoever did it was."""
    return actions.ROLES.get(role, role)


@register.simple_tag
def changes(entry: Any) -> list[tuple[str, str, str]]:
    """What an entry says was so before and after, a row for each part."""
    before, after = entry.before or {}, entry.after or {}
    return [
        (actions.name_of(part), _shown(part, before.get(part)), _shown(part, after.get(part)))
        for part in dict.fromkeys([*before, *after])
    ]


def _shown(part: str, value: Any) -> str:
    if part == "topics" and isinstance(value, list):
        value = [topics.title(str(one)) for one in value]
    return actions.written(value)
