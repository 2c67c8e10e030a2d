"""Failed records that another integration left behind: looked at, and taken in as our own.

Each becomes a message of its shop that failed, and from there it is looked at, repaired and sent
again like any other. A message that is here already, or that Klaviyo knows, is not taken twice, so
a file may be handed in again after whatever stopped it.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

import msgspec
from django.conf import settings
from django.db import transaction

from integrations.domain import handed_in
from integrations.domain.handed_in import BadLine, Record
from integrations.domain.lanes import Lane
from integrations.domain.skips import SENTENCES, Skip
from integrations.models import (
    Cause,
    DeadLetter,
    Event,
    FailedImport,
    FailedImportPart,
    Store,
    User,
)
from integrations.models.dead_letters import DeadLetterState
from integrations.models.lanes import Taken
from integrations.platforms.shopify import messages

from . import audit, dead_letters, ledger, tallies, windows
from .audit import Actor
from .dry_runs import Imagined
from .endings import Ending, endings
from .failed_lists import FailedFilter
from .grouping import Grouping
from .items import Outcome
from .planning import Plan
from .reading import read_all

log = logging.getLogger(__name__)

# A file that comes through the browser; the command takes any.
MOST_UPLOADED = 20_000_000
PART = 1_000_000
# Lines that are judged and taken together, and bytes of them.
AT_ONCE = 200
MOST_BYTES = 4_000_000
# So many numbers of lines are kept for each reason, and so many examples.
NUMBERS = 200
UNDATED = timedelta(days=1)
KNOWN_HERE = "It is here already."
KNOWN_THERE = "Klaviyo already has all it says."

Numbered = tuple[int, bytes | None]


class Readable(Protocol):
    """A file, wherever it lies."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, or none at its end."""


class Reason(msgspec.Struct):
    """Lines that were left out for one reason."""

    sentence: str
    count: int = 0
    # The first of them, from 1.
    numbers: list[int] = msgspec.field(default_factory=list)


class Findings(msgspec.Struct):
    """What a file holds, or what became of it."""

    lines: int = 0
    taken: int = 0
    topics: dict[str, int] = msgspec.field(default_factory=dict)
    known: dict[str, Reason] = msgspec.field(default_factory=dict)
    refused: dict[str, Reason] = msgspec.field(default_factory=dict)

    def leave_out(self, group: dict[str, Reason], code: str, sentence: str, number: int) -> None:
        """Note a line that is not taken."""
        reason = group.setdefault(code, Reason(sentence))
        reason.count += 1
        if len(reason.numbers) < NUMBERS:
            reason.numbers.append(number)

    @property
    def known_count(self) -> int:
        """Lines whose message is known."""
        return sum(one.count for one in self.known.values())

    @property
    def refused_count(self) -> int:
        """Lines that cannot be taken."""
        return sum(one.count for one in self.refused.values())


def hand_in(
    store: Store, file: Readable, *, source: str, name: str, size: int, user: User, now: datetime
) -> FailedImport:
    """Keep a file, and look at what is in it; nothing is taken yet."""
    with transaction.atomic():
        made = FailedImport.objects.create(
            store=store,
            source=source,
            name=name.replace("\x00", "")[:200],
            size=size,
            asked_by=user,
            asked_at=now,
        )
        for place, body in enumerate(chunks_of(file)):
            FailedImportPart.objects.create(failed_import=made, place=place, body=body)
        found = look(store, made.chunks(), now=now)
        made.findings = msgspec.to_builtins(found)
        made.taken, made.known, made.refused = found.taken, found.known_count, found.refused_count
        made.save(update_fields=["findings", "taken", "known", "refused"])
    return made


def take_in(wanted: FailedImport, *, by: Actor, now: datetime) -> FailedImport:
    """Take what a file holds, all of it or nothing; a second time changes nothing."""
    with transaction.atomic():
        # Whoever else asks for the same waits here, and finds it done.
        found = FailedImport.objects.select_for_update().select_related("store").get(pk=wanted.pk)
        if found.finished_at is not None:
            return found
        done = take(found.store, found.chunks(), source=found.source, now=now)
        found.findings = msgspec.to_builtins(done)
        found.taken, found.known = done.taken, done.known_count
        found.refused, found.finished_at = done.refused_count, now
        found.save(update_fields=["findings", "taken", "known", "refused", "finished_at"])
        # It is personal data, and all of it that matters is in the records now.
        found.parts.all().delete()
        note(found.store, done, source=found.source, by=by, now=now)
    log.info("import.taken", extra={"store": str(found.store.public_id), "taken": done.taken})
    return found


def findings_of(one: FailedImport) -> Findings:
    """What was found, or done, as it was written down."""
    return msgspec.convert(one.findings, Findings)


def note(store: Store, done: Findings, *, source: str, by: Actor, now: datetime) -> None:
    """Write into the history that records came in."""
    audit.record(
        "failed.imported",
        store,
        by=by,
        now=now,
        subject=f"{done.taken:,} for {store.name}, from {source}"[:200],
        after={"taken": done.taken, "known": done.known_count, "refused": done.refused_count},
    )


def records_of(one: FailedImport) -> FailedFilter:
    """The selection of what was taken from a file."""
    causes = Cause.objects.filter(merchant=one.store.merchant_id, platform="import", part="")
    cause = causes.filter(rule=one.source).values_list("pk", flat=True).first()
    moment = (one.finished_at or one.asked_at).replace(microsecond=0)
    return FailedFilter(
        state="",
        store=one.store.public_id,
        cause=cause,
        since=moment,
        until=moment + timedelta(seconds=1),
    )


def look(store: Store, chunks: Iterable[bytes], *, now: datetime) -> Findings:
    """What a file holds for this shop; nothing is written down."""
    return _Import(store, source="", now=now, keep=False).run(chunks)


def take(store: Store, chunks: Iterable[bytes], *, source: str, now: datetime) -> Findings:
    """Take what a file holds for this shop, a few hundred lines in one transaction."""
    return _Import(store, source=source, now=now, keep=True).run(chunks)


class _Import:
    """One way through a file."""

    def __init__(self, store: Store, *, source: str, now: datetime, keep: bool) -> None:
        self._store, self._source, self._keep = store, source, keep
        # To the second, so that the list of what was taken has an address.
        self._now = now.replace(microsecond=0)
        self._found = Findings()
        # Seen in this file: by name, since a line may come twice.
        self._seen: set[str] = set()

    def run(self, chunks: Iterable[bytes]) -> Findings:
        """Go through the file."""
        for batch in _batches(self._count(handed_in.lines(chunks))):
            if self._keep:
                with transaction.atomic():
                    self._take(batch)
            else:
                self._take(batch)
        return self._found

    def _count(self, lines: Iterable[Numbered]) -> Iterator[Numbered]:
        for number, line in lines:
            self._found.lines += 1
            yield number, line

    def _take(self, batch: list[Numbered]) -> None:
        records = self._new(self._readable(batch))
        wanted: list[tuple[Record, datetime]] = []
        for (number, record), ending in zip(records, self._endings(records), strict=True):
            if ending.state != "skipped":
                wanted.append((record, self._age(record, ending)))
                self._found.topics[record.topic] = self._found.topics.get(record.topic, 0) + 1
            elif ending.skip in windows.KNOWN:
                self._found.leave_out(self._found.known, "there", KNOWN_THERE, number)
            else:
                sentence = SENTENCES[Skip(ending.skip)]
                self._found.leave_out(self._found.refused, ending.skip, sentence, number)
        self._found.taken += len(wanted)
        if self._keep and wanted:
            self._write(wanted)

    def _age(self, record: Record, ending: Ending) -> datetime:
        """When it happened, since news of the last hours may start flows and older may not.

        What nobody dates counts as old.
        """
        told = [operation.version for operation in ending.reading.operations]
        return record.triggered_at or min(told, default=self._now - UNDATED)

    def _readable(self, batch: list[Numbered]) -> Iterator[tuple[int, Record]]:
        for number, line in batch:
            try:
                yield (
                    number,
                    handed_in.read(
                        line,
                        shop=self._store.domain,
                        knows=messages.is_known,
                        most_bytes=settings.WEBHOOK_MAX_BYTES,
                    ),
                )
            except BadLine as exc:
                self._found.leave_out(self._found.refused, exc.code, exc.sentence, number)

    def _new(self, records: Iterator[tuple[int, Record]]) -> list[tuple[int, Record]]:
        """Without those whose message is here, or came earlier in the file."""
        found = list(records)
        names = [one.name for _, one in found]
        here = Event.objects.filter(store=self._store, webhook_id__in=names)
        known = set(here.values_list("webhook_id", flat=True))
        new = []
        for number, record in found:
            if record.name in known or record.name in self._seen:
                self._found.leave_out(self._found.known, "here", KNOWN_HERE, number)
            else:
                self._seen.add(record.name)
                new.append((number, record))
        return new

    def _endings(self, records: list[tuple[int, Record]]) -> list[Ending]:
        """How each would end, were it sent now."""
        store = self._store
        events = [
            Taken(-1 - place, one.topic, one.body, one.triggered_at, self._now, 0, 0)
            for place, (_, one) in enumerate(records)
        ]
        readings = read_all(
            events,
            settings=store.translation,
            find_buyers=lambda ids: ledger.read_buyers(
                store.klaviyo_account_id, str(store.pk), ids
            ),
            # The shop is not asked while somebody looks at a file; sending again does that.
            fetch_orders=lambda _: {},
        )
        plan = Plan(store, history=True, now=self._now, known=Imagined())
        for item in plan.add_all(readings):
            item.end(Outcome.ACCEPTED)
        return endings(readings, plan.items, now=self._now)

    def _write(self, records: list[tuple[Record, datetime]]) -> None:
        events = [
            Event(
                public_id=uuid4(),
                store=self._store,
                lane=Lane.REPLAY,
                topic=one.topic,
                webhook_id=one.name,
                api_version=one.api_version,
                body=one.body,
                triggered_at=at,
                received_at=self._now,
                state="dead",
                settled_at=self._now,
                next_attempt_at=self._now,
            )
            for one, at in records
        ]
        # The shop itself may be telling us of one of them at this moment.
        Event.objects.bulk_create(events, ignore_conflicts=True)
        kept = Event.objects.filter(
            store=self._store, webhook_id__in=[one.name for one, _ in records]
        )
        ours = dict(kept.values_list("public_id", "pk"))
        for one in events:
            one.pk = ours.get(one.public_id)
        find = Grouping(self._store, now=self._now).find
        cause = find("import", "imported", "", self._source)
        said = f"{self._source} could not deliver it."
        dead_letters.put_aside(
            [
                DeadLetter(
                    store=self._store,
                    klaviyo_account_id=self._store.klaviyo_account_id,
                    event=event,
                    cause_id=cause,
                    state=DeadLetterState.OPEN,
                    message=record.error or said,
                    created_at=self._now,
                    failed_at=self._now,
                )
                for event, (record, _) in zip(events, records, strict=True)
                if event.pk
            ],
            now=self._now,
        )
        tallies.add(self._store.pk, [(one, "dead", "") for one in events if one.pk], now=self._now)


def _batches(lines: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    batch: list[Numbered] = []
    weight = 0
    for number, line in lines:
        size = len(line or b"")
        if batch and (len(batch) >= AT_ONCE or weight + size > MOST_BYTES):
            yield batch
            batch, weight = [], 0
        batch.append((number, line))
        weight += size
    if batch:
        yield batch


def forget(one: FailedImport) -> None:
    """Drop a file that nobody wants to take after all."""
    FailedImport.objects.filter(pk=one.pk, finished_at=None).delete()


def chunks_of(file: Readable) -> Iterator[bytes]:
    """The bytes of a file, a part in memory at a time."""
    return iter(lambda: file.read(PART), b"")
