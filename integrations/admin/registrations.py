"""Every model in the admin: editable where people own the row, otherwise read-only."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from integrations.domain.masking import mask_body, mask_key, mask_text
from integrations.models import (
    Attempt,
    Budget,
    Call,
    Cause,
    Credential,
    DeadLetter,
    Delivery,
    Event,
    Heartbeat,
    KlaviyoAccount,
    Membership,
    Merchant,
    RefusalCount,
    RemoteJob,
    Store,
    StoreLane,
    Tally,
    User,
)

from .parts import ConsoleAdmin, PipelineAdmin

admin.site.unregister(Group)
# Their pages would show the secrets of everybody's second step.
admin.site.unregister([StaticDevice, TOTPDevice])


@admin.register(Group)
class GroupAdmin(ConsoleAdmin):
    """What staff may do."""

    search_fields = ("name",)
    ordering = ("name",)


@admin.register(User)
class PersonAdmin(ConsoleAdmin, UserAdmin):  # type: ignore[type-arg]
    """People who may sign in."""

    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "first_name", "last_name")
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Name", {"fields": ("first_name", "last_name")}),
        ("May do", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)


@admin.register(Merchant)
class MerchantAdmin(ConsoleAdmin):
    """Tenants."""

    list_display = ("name", "time_zone", "created_at")
    search_fields = ("name",)
    ordering = ("name",)
    readonly_fields = ("public_id",)


@admin.register(Membership)
class MembershipAdmin(ConsoleAdmin):
    """Who belongs to which merchant."""

    list_display = ("user", "merchant", "role")
    list_filter = ("role",)
    list_select_related = ("user", "merchant")
    search_fields = ("user__email", "merchant__name")
    ordering = ("merchant__name", "user__email")


@admin.register(Store)
class StoreAdmin(ConsoleAdmin):
    """Shops."""

    list_display = ("name", "domain", "merchant", "klaviyo_account", "paused_at")
    list_filter = ("platform",)
    list_select_related = ("merchant", "klaviyo_account")
    search_fields = ("name", "domain", "public_id")
    ordering = ("name",)
    readonly_fields = ("public_id",)


@admin.register(KlaviyoAccount)
class KlaviyoAccountAdmin(ConsoleAdmin):
    """Accounts that shops feed."""

    list_display = ("name", "merchant", "external_id", "held_since", "held_reason")
    list_select_related = ("merchant",)
    search_fields = ("name", "external_id", "public_id")
    ordering = ("name",)
    # Held and released by the pipeline, together with the reason.
    readonly_fields = ("public_id", "held_since", "held_reason")


@admin.register(Credential)
class CredentialAdmin(PipelineAdmin):
    """Logins, without their secrets: those are neither shown nor taken here."""

    list_display = ("kind", "store", "klaviyo_account", "state", "connected_at", "last_success_at")
    list_filter = ("kind", "state")
    list_select_related = ("store", "klaviyo_account")
    exclude = ("secret", "refresh_secret")
    heavy = ("secret", "refresh_secret")
    ordering = ("-connected_at",)


@admin.register(Event)
class EventAdmin(PipelineAdmin):
    """The inbox."""

    list_display = ("public_id", "store", "topic", "state", "attempts", "received_at")
    list_filter = ("state",)
    list_select_related = ("store",)
    search_fields = ("public_id__exact", "webhook_id__exact")
    exclude = ("body",)
    readonly_fields = ("masked_body",)
    heavy = ("body",)
    ordering = ("-id",)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Only whole ids, so that an index answers."""
        term = search_term.strip()
        if not term:
            return queryset, False
        by_id = queryset.filter(webhook_id=term)
        if len(term) == 36:
            by_id = queryset.filter(public_id=term) if _is_uuid(term) else by_id
        return by_id, False

    @admin.display(description="body, personal data hidden")
    def masked_body(self, event: Event) -> str:
        """The body as it came, without anybody's data."""
        return mask_body(bytes(event.body))


@admin.register(Delivery)
class DeliveryAdmin(PipelineAdmin):
    """The ledger."""

    list_display = ("identity", "kind", "store", "accepted_at", "confirmed_at", "present")
    list_filter = ("kind",)
    list_select_related = ("store",)
    exclude = ("profile", "fingerprint")
    readonly_fields = ("masked_profile", "fingerprint_hex")
    ordering = ("-id",)

    @admin.display(description="profile, hidden")
    def masked_profile(self, row: Delivery) -> str:
        """Whom it was attached to, unreadable."""
        return mask_key(row.profile)

    @admin.display(description="fingerprint")
    def fingerprint_hex(self, row: Delivery) -> str:
        """The hash of the content."""
        return bytes(row.fingerprint).hex()


@admin.register(Cause)
class CauseAdmin(PipelineAdmin):
    """Groups of dead letters."""

    list_display = ("__str__", "merchant", "first_seen_at", "last_seen_at")
    list_filter = ("platform",)
    list_select_related = ("merchant",)
    ordering = ("-last_seen_at",)


@admin.register(DeadLetter)
class DeadLetterAdmin(PipelineAdmin):
    """What needs a person."""

    list_display = ("public_id", "store", "kind", "source_id", "cause", "state", "created_at")
    list_filter = ("state",)
    list_select_related = ("store", "cause")
    exclude = ("payload", "answer", "message")
    readonly_fields = ("masked_message", "masked_payload", "masked_answer")
    heavy = ("payload", "answer")
    ordering = ("-id",)

    @admin.display(description="message")
    def masked_message(self, one: DeadLetter) -> str:
        """What went wrong, without anybody's data."""
        return mask_text(one.message)

    @admin.display(description="payload, personal data hidden")
    def masked_payload(self, one: DeadLetter) -> str:
        """What would be sent, without anybody's data."""
        return mask_body(bytes(one.payload))

    @admin.display(description="answer, personal data hidden")
    def masked_answer(self, one: DeadLetter) -> str:
        """What the platform said, without anybody's data."""
        return mask_text(one.answer)


@admin.register(Call)
class CallAdmin(PipelineAdmin):
    """Calls to the platforms."""

    list_display = ("endpoint", "klaviyo_account", "store", "started_at", "milliseconds", "status")
    list_filter = ("status",)
    list_select_related = ("klaviyo_account", "store")
    ordering = ("-id",)


@admin.register(Attempt)
class AttemptAdmin(PipelineAdmin):
    """Tries that did not end an event."""

    list_display = ("event", "number", "at", "kind", "message", "status")
    list_select_related = ("event",)
    heavy = ("event__body",)
    ordering = ("-id",)


@admin.register(StoreLane)
class StoreLaneAdmin(PipelineAdmin):
    """Who works on which lane."""

    list_display = ("store", "lane", "lease_by", "lease_until", "not_before", "failures")
    list_filter = ("lane",)
    list_select_related = ("store",)
    ordering = ("store__name", "lane")


@admin.register(Budget)
class BudgetAdmin(PipelineAdmin):
    """Calls a platform still allows."""

    list_display = ("klaviyo_account", "endpoint", "burst", "steady", "blocked_until")
    list_select_related = ("klaviyo_account",)
    ordering = ("klaviyo_account__name", "endpoint")


@admin.register(RemoteJob)
class RemoteJobAdmin(PipelineAdmin):
    """Jobs Klaviyo works on."""

    list_display = ("endpoint", "remote_id", "klaviyo_account", "state", "submitted_at", "failed")
    list_filter = ("state",)
    list_select_related = ("klaviyo_account",)
    heavy = ("items",)
    ordering = ("-id",)


@admin.register(Tally)
class TallyAdmin(PipelineAdmin):
    """Counts per store and minute."""

    list_display = ("store", "minute", "delivered", "skipped", "dead", "lag_seconds")
    list_select_related = ("store",)
    ordering = ("-id",)


@admin.register(Heartbeat)
class HeartbeatAdmin(PipelineAdmin):
    """Signs of life."""

    list_display = ("name", "beat_at", "detail")
    ordering = ("name",)


@admin.register(RefusalCount)
class RefusalCountAdmin(PipelineAdmin):
    """What was turned away."""

    list_display = ("store", "reason", "hour", "count")
    list_select_related = ("store",)
    ordering = ("-hour", "id")


def _is_uuid(text: str) -> bool:
    return all(sign in "0123456789abcdefABCDEF-" for sign in text) and text.count("-") == 4
