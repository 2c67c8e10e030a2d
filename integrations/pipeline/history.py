"""Reading the trail: narrowed, page by page, and as a table to take away."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet

from integrations.domain import actions
from integrations.domain.permissions import CAPABILITIES, Capability, Role
from integrations.models import AuditEntry, Merchant, Store, User

from . import audit
from .browsing import COUNT_LIMIT, Page

PAGE = 50
ON_A_STORE = 10
# Rows of an export that are in memory at once.
BATCH = 500
AUTOMATIC, SUPPORT = "automatic", "support"
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
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Filter(msgspec.Struct, frozen=True):
    """What the history is narrowed to; empty parts do not narrow."""

    store: UUID | None = None
    merchant: UUID | None = None
    # `automatic`, `support`, or somebody's key.
    who: str = ""
    kind: actions.Kind | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether anything is left out."""
        return any(getattr(self, name) for name in self.__struct_fields__)


def page(user: User, wanted: Filter, *, after: str) -> Page[AuditEntry]:
    """One page of what a person may read, newest first."""
    rows = _narrowed(AuditEntry.objects.visible_to(user), user, wanted)
    count = rows.order_by()[: COUNT_LIMIT + 1].count()
    found = list(_following(rows, after)[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(
        found[:PAGE], _cursor(last) if last else "", min(count, COUNT_LIMIT), count > COUNT_LIMIT
    )


def of_store(store: Store, user: User) -> list[AuditEntry]:
    """The latest of a shop and of the account it feeds."""
    rows = AuditEntry.objects.visible_to(user).filter(_about(store))
    return list(_following(rows, "")[:ON_A_STORE])


def people(user: User) -> list[User]:
    """Whom the history can be narrowed to: the teams somebody sees, and for staff also staff."""
    rows = User.objects.filter(memberships__merchant__in=Merchant.objects.visible_to(user))
    if user.is_staff:
        rows = rows | User.objects.filter(is_staff=True)
    return list(rows.distinct().order_by("email")[:200])


def may_export(user: User) -> bool:
    """Whether there is any merchant whose history a person may take away."""
    return user.is_staff or _exportable(user).exists()


def export(user: User, wanted: Filter, *, now: datetime) -> Iterator[str]:
    """The narrowed history as lines of CSV, a few rows in memory at a time; the first is written
    down as an export before anything is given out."""
    rows = AuditEntry.objects.visible_to(user)
    if not user.is_staff:
        rows = rows.filter(merchant__in=_exportable(user))
    _note_export(user, wanted, now=now)
    return _lines(_narrowed(rows.filter(at__lt=now), user, wanted))


def _lines(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    after = ""
    while batch := list(_following(rows.select_related("merchant"), after)[:BATCH]):
        for entry in batch:
            yield writer.writerow([_safe(cell) for cell in _cells(entry)])
        after = _cursor(batch[-1])


def _cells(entry: AuditEntry) -> tuple[str, ...]:
    return (
        entry.at.astimezone(UTC).isoformat(timespec="seconds"),
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


def _safe(cell: str) -> str:
    """A cell no spreadsheet calculates."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class _Echo:
    """What the CSV writer writes to: gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


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


def _narrowed(rows: QuerySet[AuditEntry], user: User, wanted: Filter) -> QuerySet[AuditEntry]:
    if wanted.store:
        store = Store.objects.visible_to(user).filter(public_id=wanted.store).first()
        rows = rows.filter(_about(store)) if store else rows.none()
    if wanted.merchant:
        rows = rows.filter(merchant__public_id=wanted.merchant)
    if wanted.who == AUTOMATIC:
        rows = rows.filter(role="automatic")
    elif wanted.who == SUPPORT:
        rows = rows.filter(role__in=(Role.SUPPORT, Role.ADMINISTRATOR))
    elif wanted.who:
        rows = rows.filter(actor=int(wanted.who))
    if wanted.kind:
        kind = Q()
        for part in actions.KINDS[wanted.kind][1]:
            kind |= Q(action__startswith=f"{part}.")
        rows = rows.filter(kind)
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    return rows.filter(at__lt=wanted.until) if wanted.until else rows


def _about(store: Store) -> Q:
    return Q(store=store) | Q(klaviyo_account=store.klaviyo_account_id)


def _following(rows: QuerySet[AuditEntry], after: str) -> QuerySet[AuditEntry]:
    """What comes after a cursor, newest first; one that is not ours starts again."""
    place = _place(after)
    if place:
        # The first condition is implied by the second; the index needs it said.
        rows = rows.filter(at__lte=place[0]).filter(
            Q(at__lt=place[0]) | Q(at=place[0], pk__lt=place[1])
        )
    return rows.select_related("store", "klaviyo_account").order_by("-at", "-id")


def _cursor(entry: AuditEntry) -> str:
    return f"{entry.at.astimezone(UTC):%Y%m%d%H%M%S%f}-{entry.pk}"


def _place(cursor: str) -> tuple[datetime, int] | None:
    moment, _, pk = cursor.partition("-")
    try:
        return datetime.strptime(moment, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC), int(pk)
    except ValueError:
        return None
