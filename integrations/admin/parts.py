"""What the registrations share: read-only rows, pages without a count, named date fields."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from integrations.models import KlaviyoAccount, Membership, Merchant, Store, User
from integrations.pipeline import audit

# Enough to page through by hand; whoever needs more narrows the list first.
MOST_ROWS = 2000


class UncountedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than anybody pages, so that a large table opens at once."""

    @cached_property
    def count(self) -> int:
        """The number of rows, up to the limit."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_ROWS].count())


class NamedDateTime(AdminSplitDateTime):
    """The stock widget, with a name on each of its two fields."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Name the date and the time, which share one label."""
        context = super().get_context(name, value, attrs)
        words = name.replace("_", " ").removesuffix(" at")
        for part, label in zip(context["widget"]["subwidgets"], ("date", "time"), strict=True):
            part["attrs"]["aria-label"] = f"{words}, {label}"
        return context


class ConsoleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What every registration has in common."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would be a count of a large table
    paginator = UncountedPaginator
    list_per_page = 50
    formfield_overrides = {
        models.DateTimeField: {"widget": NamedDateTime},
        models.URLField: {"assume_scheme": "https"},
    }
    # Columns that may be megabytes; lists leave them where they are.
    heavy: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave heavy columns out of lists."""
        rows = super().get_queryset(request)
        return rows.defer(*self.heavy) if self.heavy else rows

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write it into the history too."""
        _record("raw.added", request, obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write it into the history too."""
        _record("raw.changed", request, obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Write each of them into the history too, while they are there."""
        for obj in queryset:
            _record("raw.deleted", request, obj, [])
        return super().log_deletions(request, queryset)


def _record(action: str, request: HttpRequest, obj: Any, message: Any) -> None:
    """Who did it to which row; of what changed only the names, since values may be secrets."""
    if not isinstance(request.user, User):
        return  # the admin is for people who have signed in; this only tells the type checker
    fields = sorted({name for part in _parts(message) for name in part.get("fields", [])})
    on = _owner(obj)
    audit.record(
        action,
        on,
        by=audit.person(request.user, on if isinstance(on, Merchant) else None),
        now=timezone.now(),
        subject=f"{obj._meta.verbose_name} {obj}",
        after={"fields": fields} if fields else {},
    )


def _parts(message: Any) -> list[dict[str, Any]]:
    """What Django says it changed; other messages are sentences, and say no names."""
    if not isinstance(message, list):
        return []
    return [part for one in message for part in one.values() if isinstance(part, dict)]


def _owner(obj: Any) -> Merchant | Store | KlaviyoAccount | None:
    """In whose history it belongs."""
    if isinstance(obj, Membership):
        return obj.merchant
    return obj if isinstance(obj, Merchant | Store | KlaviyoAccount) else None


class PipelineAdmin(ConsoleAdmin):
    """Rows the pipeline owns: to be read, never to be changed by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False
