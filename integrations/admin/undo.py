"""The raw rows of what was taken back, to be read only."""

from django.contrib import admin

from integrations.models import Before, Undo, UndoItem

from .parts import PipelineAdmin


@admin.register(Undo)
class UndoAdmin(PipelineAdmin):
    """What somebody asked to be taken back."""

    list_display = ("asked_at", "job", "state", "confirmed_at", "finished_at", "wait_reason")
    list_filter = ("state",)
    list_select_related = ("job__store",)
    ordering = ("-id",)


@admin.register(UndoItem)
class UndoItemAdmin(PipelineAdmin):
    """One thing on such a list."""

    list_display = ("undo", "what", "source_id", "state", "message", "settled_at")
    list_filter = ("state", "what")
    list_select_related = ("undo__job__store",)
    ordering = ("-id",)


@admin.register(Before)
class BeforeAdmin(PipelineAdmin):
    """That something was kept of a profile; what it was is encrypted and not shown."""

    list_display = ("job", "identity", "kept_at")
    fields = ("job", "identity", "kept_at")
    list_select_related = ("job__store",)
    ordering = ("-id",)
