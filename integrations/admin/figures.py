"""Figures by the minute, hour and day, and the runs of schedules, for staff to look at."""

from django.contrib import admin

from integrations.models import (
    CallFigures,
    DepthFigures,
    FigureMark,
    LagFigures,
    ScheduleRun,
    UnfinishedMinute,
)

from .parts import PipelineAdmin


@admin.register(CallFigures)
class CallFiguresAdmin(PipelineAdmin):
    """Calls, by endpoint and time."""

    list_display = ("start", "resolution", "klaviyo_account", "store", "endpoint", "calls")
    list_filter = ("resolution",)
    list_select_related = ("klaviyo_account", "store")
    ordering = ("-id",)


@admin.register(LagFigures)
class LagFiguresAdmin(PipelineAdmin):
    """What became of messages, by kind of data and time."""

    list_display = ("start", "resolution", "store", "data_type", "arrived", "delivered", "failed")
    list_filter = ("resolution",)
    list_select_related = ("store",)
    ordering = ("-id",)


@admin.register(DepthFigures)
class DepthFiguresAdmin(PipelineAdmin):
    """What waited."""

    list_display = ("start", "resolution", "store", "waiting", "oldest_seconds", "failed_open")
    list_filter = ("resolution",)
    list_select_related = ("store",)
    ordering = ("-id",)


@admin.register(UnfinishedMinute)
class UnfinishedMinuteAdmin(PipelineAdmin):
    """Minutes that are counted again."""

    list_display = ("store", "minute", "tallied")
    list_select_related = ("store",)
    ordering = ("-id",)


@admin.register(FigureMark)
class FigureMarkAdmin(PipelineAdmin):
    """How far figures are counted."""

    list_display = ("name", "counted_until")
    ordering = ("name",)


@admin.register(ScheduleRun)
class ScheduleRunAdmin(PipelineAdmin):
    """Runs of schedules."""

    list_display = ("name", "began_at", "ended_at", "error")
    list_filter = ("name",)
    ordering = ("-id",)
