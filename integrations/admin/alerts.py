"""The raw rows of alerts, to be read only."""

from django.contrib import admin

from integrations.models import Alert, AlertChannel, AlertLimit, AlertTelling

from .parts import ConsoleAdmin, PipelineAdmin


@admin.register(Alert)
class AlertAdmin(PipelineAdmin):
    """What was wrong, and since when."""

    list_display = ("key", "state", "severity", "words", "bad_since", "over_at")
    list_filter = ("state", "severity", "rule")
    ordering = ("-id",)


@admin.register(AlertTelling)
class AlertTellingAdmin(PipelineAdmin):
    """Who was told."""

    list_display = ("alert", "channel", "told", "attempts", "sent_at", "last_error")
    list_select_related = ("alert", "channel")
    ordering = ("-id",)


@admin.register(AlertChannel)
class AlertChannelAdmin(PipelineAdmin):
    """The ways out; their addresses are secrets and shown to nobody."""

    list_display = ("name", "merchant", "least", "last_sent_at", "last_error")
    list_select_related = ("merchant",)
    ordering = ("-id",)
    exclude = ("secret",)


@admin.register(AlertLimit)
class AlertLimitAdmin(ConsoleAdmin):
    """Other numbers for a rule: of one business, or of all where none is named."""

    list_display = ("rule", "merchant", "warning", "critical", "lasting_minutes")
    list_select_related = ("merchant",)
    ordering = ("rule", "merchant")
