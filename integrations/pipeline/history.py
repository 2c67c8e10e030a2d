"""Reading the trail: narrowed, and page by page."""

from datetime import datetime
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet

from integrations.domain import actions
from integrations.domain.permissions import Role
from integrations.models import AuditEntry, Merchant, Store, User

from . import cursors
from .browsing import COUNT_LIMIT, Page

PAGE = 50
ON_A_STORE = 10
AUTOMATIC, SUPPORT = "automatic", "support"


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
    rows = narrowed(_readable(user), user, wanted)
    count = rows.order_by()[: COUNT_LIMIT + 1].count()
    found = list(following(rows, after)[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(
        found[:PAGE], cursor_of(last) if last else "", min(count, COUNT_LIMIT), count > COUNT_LIMIT
    )


def of_store(store: Store, user: User) -> list[AuditEntry]:
    """The latest of a shop and of the account it feeds."""
    rows = _readable(user)
    # Each by its own index; both at once would be looked for among everybody's entries.
    own = following(rows.filter(store=store), "")[:ON_A_STORE]
    shared = following(rows.filter(klaviyo_account=store.klaviyo_account_id), "")[:ON_A_STORE]
    return sorted([*own, *shared], key=lambda one: (one.at, one.pk), reverse=True)[:ON_A_STORE]


def people(user: User) -> list[User]:
    """Whom the history can be narrowed to: the teams somebody sees, and for staff also staff."""
    rows = User.objects.filter(memberships__merchant__in=Merchant.objects.visible_to(user))
    if user.is_staff:
        rows = rows | User.objects.filter(is_staff=True)
    return list(rows.distinct().order_by("email")[:200])


def _readable(user: User) -> QuerySet[AuditEntry]:
    """What somebody may read; people of one merchant are led to the index of merchants."""
    rows = AuditEntry.objects.visible_to(user)
    if user.is_staff:
        return rows
    mine = list(Merchant.objects.visible_to(user).values_list("pk", flat=True)[:2])
    return rows.filter(merchant=mine[0]) if len(mine) == 1 else rows


def narrowed(rows: QuerySet[AuditEntry], user: User, wanted: Filter) -> QuerySet[AuditEntry]:
    """Leave out what a filter leaves out."""
    if wanted.store:
        store = Store.objects.visible_to(user).filter(public_id=wanted.store).first()
        rows = rows.filter(_about(store)) if store else rows.none()
    if wanted.merchant:
        merchants = Merchant.objects.visible_to(user).filter(public_id=wanted.merchant)
        # By its key, which the index has.
        rows = rows.filter(merchant=merchants.values_list("pk", flat=True).first() or 0)
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


def following(rows: QuerySet[AuditEntry], after: str) -> QuerySet[AuditEntry]:
    """What comes after a cursor, newest first; one that is not ours starts again."""
    place = cursors.read(after)
    if place:
        # The first condition is implied by the second; the index needs it said.
        rows = rows.filter(at__lte=place[0]).filter(
            Q(at__lt=place[0]) | Q(at=place[0], pk__lt=place[1])
        )
    return rows.select_related("store", "klaviyo_account").order_by("-at", "-id")


def cursor_of(entry: AuditEntry) -> str:
    """The place of an entry in the list, for an address."""
    return cursors.write(entry.at, entry.pk)
