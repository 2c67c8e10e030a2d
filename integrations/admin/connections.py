"""The raw rows of connections, people's invitations and the audit trail: all to be read only."""

from django.contrib import admin

from integrations.models import (
    AuditEntry,
    Authorization,
    Gap,
    Invitation,
    Notice,
    PathTest,
    Reconnection,
    Subscription,
)

from .parts import PipelineAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(PipelineAdmin):
    """Who did what."""

    list_display = ("at", "actor_name", "role", "action", "subject", "reason")
    list_filter = ("role",)
    # Rows it points to may be gone, and entries outlive them.
    fields = ("at", "actor_name", "role", "action", "subject", "before", "after", "reason")
    ordering = ("-at", "-id")


@admin.register(Authorization)
class AuthorizationAdmin(PipelineAdmin):
    """Trips to a sign-in page."""

    list_display = ("begun_at", "platform", "merchant", "begun_by", "answered_at", "outcome")
    list_filter = ("platform", "outcome")
    list_select_related = ("merchant", "begun_by")
    exclude = ("state_hash", "browser_hash", "verifier")
    ordering = ("-id",)


@admin.register(Reconnection)
class ReconnectionAdmin(PipelineAdmin):
    """Soft reconnects."""

    list_display = ("begun_at", "store", "klaviyo_account", "begun_by", "finished_at", "trouble")
    list_select_related = ("store", "klaviyo_account", "begun_by")
    ordering = ("-id",)


@admin.register(Gap)
class GapAdmin(PipelineAdmin):
    """Hours that were missed."""

    list_display = ("store", "since", "until", "cause", "asked_at", "closed_at")
    list_select_related = ("store",)
    ordering = ("-id",)


@admin.register(Subscription)
class SubscriptionAdmin(PipelineAdmin):
    """Messages a shop should send."""

    list_display = ("store", "topic", "seen_at", "gone_since", "times_gone", "trouble")
    list_filter = ("topic",)
    list_select_related = ("store",)
    ordering = ("store__name", "topic")


@admin.register(PathTest)
class PathTestAdmin(PipelineAdmin):
    """Test messages through our own door."""

    list_display = ("store", "asked_at", "asked_by", "status", "milliseconds", "trouble")
    list_select_related = ("store", "asked_by")
    ordering = ("-id",)


@admin.register(Invitation)
class InvitationAdmin(PipelineAdmin):
    """Who was asked in."""

    list_display = ("merchant", "role", "invited_at", "expires_at", "accepted_at", "withdrawn_at")
    list_select_related = ("merchant",)
    exclude = ("token_hash",)
    ordering = ("-id",)


@admin.register(Notice)
class NoticeAdmin(PipelineAdmin):
    """E-mails about connections."""

    list_display = ("subject", "merchant", "made_at", "sent_at", "attempts", "last_error")
    list_select_related = ("merchant",)
    ordering = ("-id",)
