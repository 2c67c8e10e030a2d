"""Taking a job back, item by item: within the budgets, resumable, and nothing twice.

Lists are fixed beforehand (`undo.draft`). Before anything is sent the ledger is asked again: what
others have told since is left as it is. The ledger follows what Klaviyo has done, and not what it
was asked to do.
"""

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from integrations import queue
from integrations.domain import undo as domain
from integrations.domain.failures import PlatformError
from integrations.domain.lanes import Lane
from integrations.domain.operations import (
    DeleteCatalogItem,
    DeleteCatalogVariant,
    Operation,
    Profile,
    UpsertProfile,
)
from integrations.domain.undo import ItemState, What
from integrations.models import Before, Delivery, RemoteJob, Undo, UndoItem
from integrations.models.undo import UNDO_LEASE, UndoClaim
from integrations.platforms.klaviyo import readback
from integrations.platforms.klaviyo.bodies import fragment
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.klaviyo.endpoints import Endpoint
from integrations.secrets import LostKey

from . import audit, befores, breakers, budgets, jobs, logins, steps, undo_results
from .items import Item, Outcome
from .routing import FEW
from .sending import Report, Sender
from .settling import FIRST_POLL

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

# Below the task's own timeout.
LONGEST = 45.0
# Klaviyo: so many objects a catalog job.
MOST_REMOVALS = 100
# Asked for by a person, and behind what is live.
LANE = Lane.REPLAY
TROUBLE_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=5)
# Jobs at Klaviyo are asked about each minute, and whoever hears of their end wakes the undo.
RESULTS_WAIT = timedelta(minutes=2)
RESULTS = "Klaviyo is working on what it was asked for."
LIMITED = "Klaviyo's limit is used up for the moment."


class LostUndo(Exception):
    """Somebody else works on this undo now, or it was stopped."""


def run(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Work on every undo that is due; returns how many items were settled or sent."""
    name = f"undo:{socket.gethostname()}:{os.getpid()}"
    began, handled = time.monotonic(), 0

    def is_over() -> bool:
        return stopping() or time.monotonic() - began > LONGEST

    while not is_over() and (claim := Undo.objects.claim(by=name, now=clock())):
        handled += _Work(claim, clock, is_over).run()
    if not stopping() and Undo.objects.due(clock()).exists():
        queue.ask_for(queue.UNDO)
    return handled


def wake(*, now: datetime) -> bool:
    """Ask for a worker if an undo is due; True if one was asked for."""
    is_due = Undo.objects.due(now).exists()
    if is_due:
        queue.ask_for(queue.UNDO)
    return is_due


class _Work:
    """One claimed undo, as far as it gets."""

    def __init__(self, claim: UndoClaim, clock: Clock, is_over: Callable[[], bool]) -> None:
        self._claim, self._clock, self._is_over = claim, clock, is_over
        self._undo = Undo.objects.select_related("job__store__klaviyo_account").get(pk=claim.pk)
        self._store = self._undo.job.store
        self._account = self._store.klaviyo_account_id

    def run(self) -> int:
        handled = 0
        try:
            client = logins.klaviyo(self._store.klaviyo_account, now=self._clock())
            while not self._is_over():
                self._keep_lease()
                if not Undo.objects.owned(self._claim).free().exists():
                    break
                batch = self._next()
                if not batch:
                    self._rest_or_end()
                    return handled
                if wait := self._handle(client, batch):
                    self._give_back(*wait)
                    return handled
                handled += len(batch)
            self._give_back(self._clock(), "")
        except PlatformError as exc:
            wait = min(LONGEST_WAIT, TROUBLE_WAIT * 2 ** min(self._undo.failures, 6))
            Undo.objects.owned(self._claim).update(failures=self._undo.failures + 1)
            self._give_back(self._clock() + (exc.failure.retry_after or wait), exc.failure.message)
        except LostUndo:
            log.info("undo.let_go", extra={"undo": self._claim.pk})
        return handled

    def _next(self) -> list[UndoItem]:
        """What is next: profiles and variants at once, items when no variant is on its way."""
        items = UndoItem.objects.filter(undo=self._undo)
        waiting = items.filter(state=ItemState.WAITING).order_by("id")
        if batch := list(waiting.filter(what=What.PROFILE)[:FEW]):
            return batch
        if batch := list(waiting.filter(what=What.VARIANT)[:MOST_REMOVALS]):
            return batch
        if items.filter(what=What.VARIANT, state=ItemState.SENT).exists():
            return []
        return list(waiting.filter(what=What.ITEM)[:MOST_REMOVALS])

    def _handle(self, client: Klaviyo, batch: list[UndoItem]) -> tuple[datetime, str] | None:
        """Take a batch back; returns until when to wait and why, if that is to be waited for."""
        batch = self._leave_changed(batch)
        what = batch[0].what if batch else ""
        try:
            if what == What.PROFILE:
                planned = self._restorations(client, batch)
            elif what == What.ITEM:
                planned = self._removals(self._leave_inhabited(client, batch))
            else:
                planned = self._removals(batch)
        except befores.NoBudget as exc:
            return exc.until, LIMITED
        if not planned:
            return None
        sender = Sender(
            client=client,
            account_id=self._account,
            lane=LANE,
            clock=self._clock,
            stopping=self._is_over,
            keep_lease=self._keep_lease,
            may_swap=False,
        )
        report = steps.run(sender.send([item for item, _ in planned]))
        self._settle(planned, report)
        self._note_trouble(report)
        if report.auth_failure:
            raise PlatformError(report.auth_failure)
        if report.troubled:
            raise PlatformError(report.troubled)
        return (report.wait_until, report.wait_reason) if report.wait_until else None

    def _leave_changed(self, batch: list[UndoItem]) -> list[UndoItem]:
        """Leave what others have told Klaviyo of since; returns the rest."""
        ours = Delivery.objects.filter(
            klaviyo_account_id=self._account,
            identity__in=[one.identity for one in batch],
            window__job=self._undo.job_id,
            present=True,
        )
        names = dict(ours.values_list("identity", "made"))
        kept: list[UndoItem] = []
        changed: list[UndoItem] = []
        for one in batch:
            is_ours = one.identity in names and (one.what == What.PROFILE or names[one.identity])
            (kept if is_ours else changed).append(one)
        self._end(changed, ItemState.LEFT, domain.CHANGED_SINCE)
        return kept

    def _leave_inhabited(self, client: Klaviyo, batch: list[UndoItem]) -> list[UndoItem]:
        """Leave items with variants that did not come with this job; returns the rest."""
        kept: list[UndoItem] = []
        for one in batch:
            self._keep_lease()
            now = self._clock()
            grant = budgets.take(
                self._account, Endpoint.READ_VARIANTS, wanted=1, lane=LANE, now=now
            )
            if not grant.calls:
                if kept:
                    break
                raise befores.NoBudget(grant.retry_at or now + timedelta(seconds=1))
            found = readback.variants_of(client, one.source_id)
            removed = UndoItem.objects.filter(
                undo=self._undo, what=What.VARIANT, state=ItemState.DONE, source_id__in=found
            )
            if set(found) - set(removed.values_list("source_id", flat=True)):
                self._end([one], ItemState.LEFT, domain.NEW_VARIANTS)
            else:
                kept.append(one)
        return kept

    def _removals(self, batch: list[UndoItem]) -> list[tuple[Item, UndoItem]]:
        scope, now = str(self._store.pk), self._clock()
        planned = []
        for one in batch:
            is_item = one.what == What.ITEM
            kind = DeleteCatalogItem if is_item else DeleteCatalogVariant
            planned.append((_item(kind(one.source_id, scope, now), one), one))
        return planned

    def _restorations(self, client: Klaviyo, batch: list[UndoItem]) -> list[tuple[Item, UndoItem]]:
        rows = Before.objects.filter(
            job=self._undo.job_id, identity__in=[one.identity for one in batch]
        )
        known = {row.identity: row for row in rows}
        kept: dict[str, domain.Kept] = {}
        for one in batch:
            try:
                kept[one.identity] = befores.read_kept(known[one.identity])
            except KeyError:
                self._end([one], ItemState.LEFT, "What it held before is not kept any more.")
            except LostKey:
                self._end([one], ItemState.FAILED, "What it held before cannot be read.")
        keys = [one.key for one in kept.values()]
        now = self._clock()
        current = befores.read(client, self._account, keys, lane=LANE, now=now)
        planned = []
        for one in batch:
            if (was := kept.get(one.identity)) is None:
                continue
            back, changed = domain.restoring(was, current.get(was.key, {}))
            one.message = _left_fields(changed)
            if was.key not in current:
                self._end([one], ItemState.LEFT, "Klaviyo has no profile for them any more.")
            elif not back:
                state = ItemState.LEFT if changed else ItemState.DONE
                self._end([one], state, one.message or "It is as it was.")
            else:
                planned.append((_restoration(one, was, back, self._store.pk, now), one))
        return planned

    def _settle(self, planned: list[tuple[Item, UndoItem]], report: Report) -> None:
        now = self._clock()
        rows = {id(item): row for item, row in planned}
        with transaction.atomic():
            self._keep_lease()
            for job in report.jobs:
                remote = RemoteJob.objects.create(
                    klaviyo_account_id=self._account,
                    endpoint=job.endpoint,
                    remote_id=job.remote_id,
                    items=[[item.identity, 0] for item in job.items],
                    submitted_at=job.submitted_at,
                    next_poll_at=job.submitted_at + FIRST_POLL,
                    undo=self._undo,
                )
                UndoItem.objects.filter(
                    pk__in=[rows[id(item)].pk for item in job.items], state=ItemState.WAITING
                ).update(state=ItemState.SENT, remote_job=remote)
            followed = {id(item) for job in report.jobs for item in job.items}
            for item, row in planned:
                if item.outcome is Outcome.ACCEPTED and id(item) not in followed:
                    # An answer without a job to ask about is taken for what it says.
                    self._end([row], ItemState.DONE, row.message)
                    jobs.send_again(undo_results.forget(self._undo, [row.identity]), now=now)
                elif item.outcome is Outcome.DEAD:
                    message = item.failure.message if item.failure else ""
                    self._end([row], ItemState.FAILED, message)

    def _note_trouble(self, report: Report) -> None:
        """Tell the account's breaker, as everybody does who calls."""
        account, now = self._store.klaviyo_account, self._clock()
        if report.troubled and report.got_nowhere and report.calls:
            breakers.failed(account, report.troubled, calls=len(report.calls), now=now)
        elif report.answered and breakers.is_troubled(account):
            breakers.answered(account, now=now)

    def _end(self, rows: list[UndoItem], state: ItemState, message: str) -> None:
        UndoItem.objects.filter(pk__in=[row.pk for row in rows], state=ItemState.WAITING).update(
            state=state, message=message[:500], settled_at=self._clock()
        )

    def _keep_lease(self) -> None:
        """Stay the one who works on it. Raises LostUndo."""
        mine = Undo.objects.owned(self._claim).filter(state=domain.UndoState.RUNNING)
        if not mine.update(lease_until=self._clock() + UNDO_LEASE):
            raise LostUndo

    def _give_back(self, until: datetime, reason: str) -> None:
        Undo.objects.owned(self._claim).update(
            lease_until=None, lease_by="", next_attempt_at=until, wait_reason=reason[:200]
        )

    def _rest_or_end(self) -> None:
        now = self._clock()
        items = UndoItem.objects.filter(undo=self._undo)
        if items.filter(state=ItemState.SENT).exists():
            self._give_back(now + RESULTS_WAIT, RESULTS)
            return
        with transaction.atomic():
            ended = Undo.objects.owned(self._claim).update(
                state=domain.UndoState.DONE,
                finished_at=now,
                lease_until=None,
                lease_by="",
                wait_reason="",
                failures=0,
            )
            if ended:
                audit.record(
                    "undo.finished",
                    self._store,
                    by=audit.AUTOMATIC,
                    now=now,
                    subject=str(self._undo.job),
                    after=undo_results.counts(self._undo),
                )


def _item(operation: Operation, row: UndoItem) -> Item:
    return Item(operation, row.identity, fragment(operation, history=True), b"", 0)


def _restoration(
    row: UndoItem, kept: domain.Kept, back: dict[str, object], store_id: int, now: datetime
) -> Item:
    profile = Profile.from_key(kept.key)
    known_by = {"email": profile.email} if profile.email else {"phone_number": profile.phone}
    return _item(UpsertProfile(profile, str(store_id), now, {**known_by, **back}), row)


def _left_fields(changed: list[str]) -> str:
    names = ", ".join(sorted(changed)).replace("_", " ")
    return f"Changed at Klaviyo since, so left as they are: {names}." if changed else ""
