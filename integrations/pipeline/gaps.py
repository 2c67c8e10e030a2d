"""Hours in which a shop's news may not have reached us, written down until they are fetched."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from integrations.models import Gap, Store, User

from . import audit
from .audit import Actor

GapRows = QuerySet[Gap]


def note(
    store: Store,
    *,
    since: datetime,
    until: datetime | None,
    cause: str,
    now: datetime,
    topics: Sequence[str] = (),
) -> Gap:
    """Write down missed hours; `until` is None while they go on, no topics mean all.

    Hours that touch a gap nobody has asked for yet become part of it, so that one interruption
    is one gap however often it is looked at.
    """
    with transaction.atomic():
        # Two that notice the same hours at once must not make two gaps of them.
        Store.objects.select_for_update(no_key=True).get(pk=store.pk)
        touching = (
            Gap.objects.filter(Q(until=None) | Q(until__gte=since), store=store)
            .filter(closed_at=None, asked_at=None)
            .order_by("since", "pk")
            .first()
        )
        if touching is None:
            return _open(store, since, until, sorted(topics), cause, now)
        touching.since = min(touching.since, since)
        touching.until = until and max(until, touching.until or until)
        touching.topics = _both(touching.topics, topics)
        touching.save(update_fields=["since", "until", "topics"])
    return touching


def open_of(store: Store) -> list[Gap]:
    """What is still to be fetched, or being fetched, oldest first."""
    rows = Gap.objects.filter(store=store, closed_at=None).select_related("job")
    return list(rows.order_by("since", "pk"))


def ask_for(gap: Gap, *, by: User, now: datetime) -> bool:
    """Ask for a gap to be fetched; False when somebody has asked before."""
    with transaction.atomic():
        mine = Gap.objects.filter(pk=gap.pk, asked_at=None, closed_at=None).exclude(until=None)
        if not mine.update(asked_at=now, asked_by=by):
            return False
        audit.record(
            "gap.asked",
            gap.store,
            by=audit.person(by, gap.store.merchant),
            now=now,
            after=_span(gap),
        )
    return True


def pick(gap: Gap, *, now: datetime) -> bool:
    """Ask for a gap by ourselves, since nobody has; False when somebody was faster."""
    with transaction.atomic():
        mine = Gap.objects.filter(pk=gap.pk, asked_at=None, closed_at=None).exclude(until=None)
        if not mine.update(asked_at=now):
            return False
        audit.record("gap.asked", gap.store, by=audit.AUTOMATIC, now=now, after=_span(gap))
    return True


def close(gap: Gap, *, by: Actor, now: datetime, reason: str) -> None:
    """Take a gap off the list: it was fetched, or nothing of it can be."""
    with transaction.atomic():
        if Gap.objects.filter(pk=gap.pk, closed_at=None).update(closed_at=now):
            audit.record("gap.closed", gap.store, by=by, now=now, after=_span(gap), reason=reason)


def _open(
    store: Store,
    since: datetime,
    until: datetime | None,
    topics: list[str],
    cause: str,
    now: datetime,
) -> Gap:
    gap = Gap.objects.create(
        store=store, since=since, until=until, topics=topics, cause=cause[:200], noticed_at=now
    )
    audit.record("gap.noticed", store, by=audit.AUTOMATIC, now=now, after=_span(gap), reason=cause)
    return gap


def _both(known: list[str], topics: Sequence[str]) -> list[str]:
    return sorted({*known, *topics}) if known and topics else []


def _span(gap: Gap) -> dict[str, object]:
    return {
        "since": gap.since.isoformat(),
        "until": gap.until.isoformat() if gap.until else None,
        "topics": gap.topics,
    }
