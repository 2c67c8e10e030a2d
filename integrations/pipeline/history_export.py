"""The history as a file for a spreadsheet, given out a few rows at a time."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from integrations.domain import actions
from integrations.domain.permissions import CAPABILITIES, Capability, Role
from integrations.models import AuditEntry, Merchant, User

from . import audit, history, spreadsheets
from .history import Filter

# Rows of an export that are in memory at once.
BATCH = 500
COLUMNS = (
    "When (UTC)",
    "Who",
    "Role",
    "What",
    "Code",
    "Merchant",
    "Shop",
    "Klaviyo account",
    "Subject",
    "Before",
    "After",
    "Why",
)


def may_export(user: User) -> bool:
    """Whether there is any merchant whose history a person may take away."""
    return user.is_staff or _exportable(user).exists()


def export(user: User, wanted: Filter, *, now: datetime) -> Iterator[str]:
    """Give the narrowed history as lines of CSV, with a few rows in memory at a time.

    That it is taken away is written down before the first line is given out.
    """
    rows = AuditEntry.objects.visible_to(user)
    if not user.is_staff:
        rows = rows.filter(merchant__in=_exportable(user))
    _note_export(user, wanted, now=now)
    return spreadsheets.lines(
        COLUMNS, _rows(history.narrowed(rows.filter(at__lt=now), user, wanted))
    )


def _rows(rows: QuerySet[AuditEntry]) -> Iterator[tuple[str, ...]]:
    after = ""
    while batch := list(history.following(rows.select_related("merchant"), after)[:BATCH]):
        for entry in batch:
            yield _cells(entry)
        after = history.cursor_of(batch[-1])


def _cells(entry: AuditEntry) -> tuple[str, ...]:
    return (
        spreadsheets.utc(entry.at),
        entry.actor_name,
        entry.role,
        actions.sentence(entry.action, entry.subject),
        entry.action,
        entry.merchant.name if entry.merchant else "",
        entry.store.name if entry.store else "",
        entry.klaviyo_account.name if entry.klaviyo_account else "",
        entry.subject,
        _json(entry.before),
        _json(entry.after),
        entry.reason,
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""


def _note_export(user: User, wanted: Filter, *, now: datetime) -> None:
    chosen = {
        name: str(value)
        for name in wanted.__struct_fields__
        if (value := getattr(wanted, name)) is not None and value != ""
    }
    merchants: list[Merchant | None] = []
    if wanted.store or wanted.merchant or not user.is_staff:
        rows = Merchant.objects.visible_to(user) if user.is_staff else _exportable(user)
        merchants = [*_named(rows, wanted)]
    for merchant in merchants or [None]:
        audit.record(
            "history.exported",
            merchant,
            by=audit.person(user, merchant),
            now=now,
            after={"narrowed_to": chosen} if chosen else {},
        )


def _named(rows: QuerySet[Merchant], wanted: Filter) -> QuerySet[Merchant]:
    if wanted.store:
        rows = rows.filter(stores__public_id=wanted.store)
    return rows.filter(public_id=wanted.merchant) if wanted.merchant else rows


def _exportable(user: User) -> QuerySet[Merchant]:
    able = [role for role in Role if Capability.EXPORT_HISTORY in CAPABILITIES[role]]
    return Merchant.objects.filter(memberships__user=user, memberships__role__in=able)
