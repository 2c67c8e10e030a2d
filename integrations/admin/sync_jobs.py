"""The raw rows of jobs over a range of time, to be read only."""

from django.contrib import admin

from integrations.models import BulkLine, ShopBudget, SyncJob, SyncWindow

from .parts import PipelineAdmin


@admin.register(SyncJob)
class SyncJobAdmin(PipelineAdmin):
    """What somebody asked to be fetched."""

    list_display = ("asked_at", "store", "kind", "state", "since", "until", "silent")
    list_filter = ("state", "kind")
    list_select_related = ("store",)
    ordering = ("-id",)


@admin.register(SyncWindow)
class SyncWindowAdmin(PipelineAdmin):
    """Stretches of it."""

    list_display = ("job", "stream", "since", "state", "found", "sent", "failed", "wait_reason")
    list_filter = ("state", "stream")
    list_select_related = ("job__store",)
    ordering = ("-id",)


@admin.register(BulkLine)
class BulkLineAdmin(PipelineAdmin):
    """Lines of an export that are not landed yet."""

    list_display = ("window", "place", "owner", "is_root")
    list_select_related = ("window",)
    exclude = ("body",)
    ordering = ("-id",)


@admin.register(ShopBudget)
class ShopBudgetAdmin(PipelineAdmin):
    """Query points a shop still allows."""

    list_display = ("store", "available", "maximum", "restore_rate", "blocked_until", "updated_at")
    list_select_related = ("store",)
    ordering = ("store__name",)
