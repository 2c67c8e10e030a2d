"""Failed records and what was done about them, for staff to look at."""

from django.contrib import admin

from integrations.models import (
    CauseCount,
    CauseDay,
    DeadLetterTry,
    GroupRepair,
    GroupRepairItem,
    Repair,
    Replay,
    ReplayItem,
)

from .parts import PipelineAdmin


@admin.register(Replay)
class ReplayAdmin(PipelineAdmin):
    """Decisions to send failed records again."""

    list_display = ("public_id", "merchant", "state", "stage", "total", "asked_by", "asked_at")
    list_filter = ("state",)
    list_select_related = ("merchant", "asked_by")
    ordering = ("-id",)


@admin.register(ReplayItem)
class ReplayItemAdmin(PipelineAdmin):
    """What became of each record of a replay."""

    list_display = ("replay_id", "position", "dead_letter_id", "state", "prospect", "settled_at")
    list_filter = ("state",)
    exclude = ("message",)
    ordering = ("-id",)


@admin.register(Repair)
class RepairAdmin(PipelineAdmin):
    """Changes of what would be sent; their content is personal and shown on the record's page."""

    list_display = ("dead_letter_id", "number", "recipe", "made_by", "made_at")
    list_select_related = ("made_by",)
    exclude = ("content",)
    heavy = ("content",)
    ordering = ("-id",)


@admin.register(DeadLetterTry)
class DeadLetterTryAdmin(PipelineAdmin):
    """Earlier failures of a record."""

    list_display = ("dead_letter_id", "number", "at", "cause", "status")
    list_select_related = ("cause",)
    exclude = ("message", "answer")
    heavy = ("answer",)
    ordering = ("-id",)


@admin.register(CauseCount)
class CauseCountAdmin(PipelineAdmin):
    """How many records of a cause are in a state, as PostgreSQL counts them."""

    list_display = ("cause", "store", "state", "records")
    list_filter = ("state",)
    list_select_related = ("cause", "store")
    ordering = ("-id",)


@admin.register(CauseDay)
class CauseDayAdmin(PipelineAdmin):
    """How many records of a cause failed on a day, as PostgreSQL counts them."""

    list_display = ("cause", "store", "day", "failed")
    list_select_related = ("cause", "store")
    ordering = ("-id",)


@admin.register(GroupRepair)
class GroupRepairAdmin(PipelineAdmin):
    """Decisions to change many failed records by one rule."""

    list_display = ("public_id", "merchant", "recipe", "total", "repaired", "asked_by", "asked_at")
    list_filter = ("recipe",)
    list_select_related = ("merchant", "asked_by")
    ordering = ("-id",)


@admin.register(GroupRepairItem)
class GroupRepairItemAdmin(PipelineAdmin):
    """What became of each record of a group."""

    list_display = ("group_id", "dead_letter_id", "result")
    list_filter = ("result",)
    ordering = ("-id",)
