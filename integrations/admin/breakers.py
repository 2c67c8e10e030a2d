"""The raw rows of platforms that had trouble, to be read only."""

from django.contrib import admin

from integrations.models import Breaker, Opening

from .parts import PipelineAdmin


@admin.register(Breaker)
class BreakerAdmin(PipelineAdmin):
    """What is known of each platform's side."""

    list_display = ("klaviyo_account", "store", "state", "failures", "probe_at", "last_error")
    list_filter = ("state",)
    list_select_related = ("klaviyo_account", "store")
    ordering = ("-id",)


@admin.register(Opening)
class OpeningAdmin(PipelineAdmin):
    """Each time work was held back."""

    list_display = ("opened_at", "closed_at", "breaker", "reason", "probes")
    list_select_related = ("breaker__klaviyo_account", "breaker__store")
    ordering = ("-id",)
