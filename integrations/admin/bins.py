"""The bin, files of failed records and requests to erase, for staff to look at."""

from django.contrib import admin

from integrations.models import Binning, BinningItem, Erasure, FailedImport, FailedImportPart

from .parts import PipelineAdmin


@admin.register(Binning)
class BinningAdmin(PipelineAdmin):
    """Decisions to put failed records into the bin, or to take them out."""

    list_display = ("public_id", "merchant", "inward", "total", "moved", "asked_by", "asked_at")
    list_filter = ("inward",)
    list_select_related = ("merchant", "asked_by")
    ordering = ("-id",)


@admin.register(BinningItem)
class BinningItemAdmin(PipelineAdmin):
    """Records whose turn is still to come."""

    list_display = ("binning_id", "dead_letter_id")
    ordering = ("-id",)


@admin.register(FailedImport)
class FailedImportAdmin(PipelineAdmin):
    """Files of failed records that were handed in."""

    list_display = ("store", "source", "taken", "known", "refused", "asked_at", "finished_at")
    list_select_related = ("store",)
    ordering = ("-id",)


@admin.register(FailedImportPart)
class FailedImportPartAdmin(PipelineAdmin):
    """Parts of those files, without what stands in them."""

    list_display = ("failed_import_id", "place")
    exclude = ("body",)
    heavy = ("body",)
    ordering = ("-id",)


@admin.register(Erasure)
class ErasureAdmin(PipelineAdmin):
    """Requests to erase, and how far they are."""

    list_display = ("store", "whole_shop", "asked_at", "part", "finished_at")
    list_filter = ("whole_shop",)
    list_select_related = ("store",)
    ordering = ("-id",)
