"""What of a job can be taken back, what cannot, and the verbs for doing it."""

from datetime import datetime

import msgspec
from django.db import connection, transaction
from django.db.models import Count, QuerySet

from integrations import queue
from integrations.domain.operations import Kind
from integrations.domain.undo import RECORDED, ItemState, UndoState, What
from integrations.domain.windows import JobState, WindowState
from integrations.models import Before, Event, RemoteJob, SyncJob, SyncWindow, Undo, UndoItem, User
from integrations.models.jobs import JobState as RemoteState

from . import audit, befores, undo_results
from .audit import Actor
from .settling import CREATES
from .sync_jobs import NotNow


class Group(msgspec.Struct):
    """So many things of one kind."""

    kind: Kind
    number: int


class Possible(msgspec.Struct, kw_only=True):
    """One job, split by what can be done about it."""

    # Landed and not sent: taken back by stopping the job, before anybody sees it.
    not_sent: int
    # Parts of the range that are not read yet; stopping leaves them alone.
    windows_left: int
    # Removed from the catalog, where the job made them and nothing newer was told since.
    items: int
    variants: int
    # Put back as they were, where the plan chose to keep that.
    profiles: int
    keeps_before: bool
    kept_until: datetime | None
    # Cannot be put back: what they held before was not kept, here or at Klaviyo.
    profiles_lost: int
    catalog_changed: int
    # Recorded by Klaviyo for good: listed, and given out as a file.
    recorded: list[Group]
    # Whether taking back can be begun, and if not why.
    may_begin: bool
    why_not: str

    @property
    def can_take_back(self) -> int:
        """Everything an undo would have on its list."""
        return self.items + self.variants + self.profiles

    @property
    def recorded_for_good(self) -> int:
        """All events together."""
        return sum(group.number for group in self.recorded)


class Progress(msgspec.Struct, kw_only=True):
    """How far an undo is, by what it takes back."""

    undo: Undo
    waiting: int
    sent: int
    done: int
    left: int
    failed: int
    by_what: dict[str, int]

    @property
    def total(self) -> int:
        """Everything on the list."""
        return self.waiting + self.sent + self.done + self.left + self.failed


_TOLD = """
SELECT kind, made, count(*) FROM integrations_delivery
WHERE window_id IN (SELECT id FROM integrations_syncwindow WHERE job_id = %s) AND present
GROUP BY kind, made
"""


def possible(job: SyncJob, now: datetime) -> Possible:
    """Split a job, before it starts or at any time after, by what can be done about it."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, [job.pk])
        told = {(kind, made): number for kind, made, number in cursor.fetchall()}
    windows = SyncWindow.objects.filter(job=job)
    profiles_told = sum(n for (kind, _), n in told.items() if kind == Kind.PROFILE)
    kept = _kept(job, now).count() if job.keep_before else 0
    why_not = _why_not(job)
    return Possible(
        not_sent=Event.objects.waiting().filter(window__in=windows).count(),
        windows_left=windows.filter(state__in=[WindowState.WAITING, WindowState.READING]).count(),
        items=told.get((Kind.CATALOG_ITEM, True), 0),
        variants=told.get((Kind.CATALOG_VARIANT, True), 0),
        profiles=min(kept, profiles_told),
        keeps_before=job.keep_before,
        kept_until=_kept_until(job),
        profiles_lost=max(0, profiles_told - kept),
        catalog_changed=sum(
            told.get((kind, False), 0) for kind in (Kind.CATALOG_ITEM, Kind.CATALOG_VARIANT)
        ),
        recorded=[
            Group(kind, number)
            for kind in RECORDED
            if (number := told.get((kind, False), 0) + told.get((kind, True), 0))
        ],
        may_begin=not why_not,
        why_not=why_not,
    )


def latest(job: SyncJob) -> Progress | None:
    """The last time somebody took this job back, or listed what that would mean."""
    rows = Undo.objects.filter(job=job).select_related("job__store__klaviyo_account")
    undo = rows.order_by("-id").first()
    return progress(undo) if undo else None


def progress(undo: Undo) -> Progress:
    """How far an undo is."""
    rows = UndoItem.objects.filter(undo=undo).values_list("what", "state").annotate(n=Count("pk"))
    by_state: dict[str, int] = dict.fromkeys(ItemState, 0)
    by_what: dict[str, int] = dict.fromkeys(What, 0)
    for what, state, number in rows.order_by():
        by_state[state] += number
        by_what[what] += number
    return Progress(undo=undo, by_what=by_what, **by_state)


# The list is made by the database in one statement, however long it is.
_LIST = """
INSERT INTO integrations_undoitem (undo_id, what, identity, source_id, state, message)
SELECT %(undo)s, CASE told.kind WHEN 'catalog_variant' THEN 'variant' WHEN 'catalog_item' THEN
    'item' ELSE 'profile' END, told.identity, told.source_id, 'waiting', ''
FROM integrations_delivery told
WHERE told.window_id IN (SELECT id FROM integrations_syncwindow WHERE job_id = %(job)s)
  AND told.present
  AND (told.made AND told.kind IN ('catalog_item', 'catalog_variant')
       OR told.kind = 'profile' AND EXISTS (
         SELECT 1 FROM integrations_before before WHERE before.job_id = %(job)s
           AND before.identity = told.identity AND before.kept_at > %(term)s))
ORDER BY told.id
"""


def draft(job: SyncJob, *, by: User | None, now: datetime) -> Undo:
    """Make the exact list of what would be taken back; nothing is sent. Raises NotNow.

    A list that nobody confirmed is replaced.
    """
    with transaction.atomic():
        SyncJob.objects.select_for_update().get(pk=job.pk)
        if why := _why_not(job):
            raise NotNow(why)
        Undo.objects.filter(job=job, state=UndoState.DRAFT).delete()
        undo = Undo.objects.create(job=job, asked_by=by, asked_at=now, next_attempt_at=now)
        with connection.cursor() as cursor:
            term = befores.prune_before(now)
            cursor.execute(_LIST, {"undo": undo.pk, "job": job.pk, "term": term})
    return undo


def confirm(undo: Undo, *, by: Actor, now: datetime) -> None:
    """Begin taking back what is on the list. Raises NotNow."""
    with transaction.atomic():
        SyncJob.objects.select_for_update().get(pk=undo.job_id)
        job = SyncJob.objects.select_related("store").get(pk=undo.job_id)
        if why := _why_not(job):
            raise NotNow(why)
        if not UndoItem.objects.filter(undo=undo).exists():
            raise NotNow("There is nothing on this list that could be taken back.")
        begun = Undo.objects.filter(pk=undo.pk, state=UndoState.DRAFT).update(
            state=UndoState.RUNNING, confirmed_at=now, next_attempt_at=now
        )
        if not begun:
            raise NotNow("This was begun already.")
        audit.record(
            "undo.confirmed",
            job.store,
            by=by,
            now=now,
            subject=str(job),
            after={what: n for what, n in progress(undo).by_what.items() if n},
        )
        undo.refresh_from_db()
    queue.ask_for(queue.UNDO)


def stop(undo: Undo, *, by: Actor, now: datetime) -> None:
    """Leave the rest as it is; what Klaviyo has been asked for is still followed. Raises NotNow."""
    with transaction.atomic():
        stopped = Undo.objects.filter(pk=undo.pk, state=UndoState.RUNNING).update(
            state=UndoState.CANCELLED,
            finished_at=now,
            lease_until=None,
            lease_by="",
            wait_reason="",
        )
        if not stopped:
            raise NotNow("This is not under way.")
        UndoItem.objects.filter(undo=undo, state=ItemState.WAITING).update(
            state=ItemState.LEFT, message="It was stopped before its turn came.", settled_at=now
        )
        audit.record(
            "undo.stopped",
            undo.job.store,
            by=by,
            now=now,
            subject=str(undo.job),
            after=undo_results.counts(undo),
        )
        undo.refresh_from_db()


def prune(*, now: datetime) -> None:
    """Forget what profiles held, once its term is over: it is personal data."""
    Before.objects.filter(kept_at__lt=befores.prune_before(now)).delete()


def _why_not(job: SyncJob) -> str:
    """Why taking back cannot be begun now; empty when it can."""
    current = SyncJob.objects.get(pk=job.pk)
    if current.state == JobState.DRAFT:
        return "Nothing has been fetched yet, so there is nothing to take back."
    if current.state not in {JobState.DONE, JobState.CANCELLED}:
        return "Stop it first. What is not sent by then is not sent."
    if Undo.objects.filter(job=job, state=UndoState.RUNNING).exists():
        return "It is being taken back already."
    if Event.objects.waiting().filter(window__job=job).exists():
        return "Some of it is still on its way. Look again in a minute."
    still = RemoteJob.objects.filter(
        klaviyo_account_id=job.store.klaviyo_account_id,
        endpoint__in=CREATES,
        state=RemoteState.OPEN,
        submitted_at__gte=current.started_at or current.asked_at,
    )
    if still.exists():
        return "Klaviyo is still working on what was sent last. Look again in a minute."
    return ""


def _kept(job: SyncJob, now: datetime) -> QuerySet[Before]:
    return Before.objects.filter(job=job, kept_at__gt=befores.prune_before(now))


def _kept_until(job: SyncJob) -> datetime | None:
    first = Before.objects.filter(job=job).order_by("kept_at").first()
    return first.kept_at + befores.KEPT_FOR if first else None
