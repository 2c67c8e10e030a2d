"""Records through the real road without its end: nothing is sent, and nothing is written down."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from integrations.domain import audits
from integrations.domain.audits import Seen
from integrations.domain.failures import Unreadable
from integrations.domain.forecast import Ends, Example
from integrations.domain.masking import mask_email, mask_phone, mask_text, mask_word
from integrations.domain.operations import DeleteCatalogItem, TrackEvent, UpsertProfile
from integrations.domain.people import EMAIL_DROPPED, PHONE_DROPPED
from integrations.domain.planning import Held
from integrations.domain.records import Customer, Order, Product, Record
from integrations.models import Store
from integrations.models.lanes import Taken
from integrations.platforms.shopify import guests, past
from integrations.platforms.shopify.pages import Row

from . import ledger, windows
from .endings import Ending, endings
from .items import Item, Outcome
from .planning import Plan
from .reading import Reading, read_all

# What an event of the inbox would be called; nothing looks at it beyond one run.
_numbers = count(1)
ENDS = {"delivered": Ends.SENT, "skipped": Ends.SKIPPED, "dead": Ends.FAILED}


class Imagined:
    """The ledger as it would be by then: what stands in it, and what this run would have told."""

    def __init__(self, told: Mapping[str, Held] | None = None) -> None:
        self.told = dict(told or {})

    def read(self, account_id: int, identities: Iterable[str]) -> dict[str, Held]:
        """What Klaviyo would have been told under these identities."""
        wanted = list(identities)
        known = {one: self.told[one] for one in wanted if one in self.told}
        return ledger.read(account_id, [one for one in wanted if one not in known]) | known

    def reserve(self, store: Store, events: list[TrackEvent], *, now: datetime) -> dict[str, Held]:
        """Keep identities for their events, as the ledger does, but only in mind."""
        for one in events:
            free = Held(one.source_id, b"", ledger.OLDEST, False)
            self.told.setdefault(one.identity, free)
        return {one.identity: self.told[one.identity] for one in events}

    def remember(self, items: Iterable[Item]) -> None:
        """Take in what would have been accepted."""
        for item in items:
            if item.outcome is Outcome.ACCEPTED:
                one = item.operation
                self.told[item.identity] = Held(
                    getattr(one, "source_id", ""),
                    item.fingerprint,
                    one.version,
                    not isinstance(one, DeleteCatalogItem),
                )


@dataclass(slots=True)
class DryRun:
    """What would become of some records."""

    seen: list[Seen] = field(default_factory=list)
    # What would be sent.
    items: list[Item] = field(default_factory=list)

    @property
    def events(self) -> list[TrackEvent]:
        """The entries that people would get."""
        return [one.operation for one in self.items if isinstance(one.operation, TrackEvent)]

    @property
    def profiles(self) -> list[UpsertProfile]:
        """The people that would be written to."""
        return [one.operation for one in self.items if isinstance(one.operation, UpsertProfile)]


def run(
    store: Store, stream: str, rows: Sequence[Row], *, imagined: Imagined, now: datetime
) -> DryRun:
    """Read, translate and judge records as a drain would, and say how each would end."""
    events = [_taken(stream, row, now) for row in rows]
    readings = read_all(
        events,
        settings=store.translation,
        find_buyers=lambda _: {},
        fetch_orders=lambda _: {},
    )
    plan = Plan(store, history=True, now=now, known=imagined)
    for item in plan.add_all(readings):
        item.end(Outcome.ACCEPTED)
    imagined.remember(plan.items)
    ended = endings(readings, plan.items, now=now)
    failures = {item.event_id: item for item in plan.items if item.outcome is Outcome.DEAD}
    return DryRun(
        [
            _seen(stream, row, ending, failures.get(ending.reading.event.pk))
            for row, ending in zip(rows, ended, strict=True)
        ],
        [item for item in plan.items if item.outcome is Outcome.ACCEPTED],
    )


def _taken(stream: str, row: Row, now: datetime) -> Taken:
    return Taken(next(_numbers), past.topic(stream), row.body, row.version, now, 0, 0)


def _seen(stream: str, row: Row, ending: Ending, refused: Item | None) -> Seen:
    record = _record(stream, row)
    example = Example(row.source_id, _name(record))
    remarks = tuple(_remarks(stream, row, record, ending.reading))
    ends, code, shows = _why(ending, refused, record)
    return Seen(ends, code, Example(example.source_id, example.name, shows), remarks)


def _why(ending: Ending, refused: Item | None, record: Record | None) -> tuple[Ends, str, str]:
    reading = ending.reading
    if fault := reading.unreadable:
        code = audits.code_of_fault(fault.rule, fault.message)
        place = f" ({fault.field})" if fault.field else ""
        return Ends.FAILED, code, mask_text(f"{fault.message}{place}")[:200]
    if ending.state == "dead" and refused is not None and refused.failure is not None:
        failure = refused.failure
        return Ends.FAILED, failure.code, mask_text(failure.message)[:200]
    if ending.state == "skipped":
        ends = Ends.UNCHANGED if ending.skip in windows.KNOWN else Ends.SKIPPED
        code = audits.code_of_skip(ending.skip, reading.notes)
        return ends, code, _contact(record) if ends is Ends.SKIPPED else ""
    return ENDS[ending.state], audits.NEW, ""


def _remarks(
    stream: str, row: Row, record: Record | None, reading: Reading
) -> Iterable[tuple[str, str]]:
    if stream == "orders" and guests.is_guest(row.body):
        yield audits.GUEST, ""
    email, phone = _ways(record)
    if EMAIL_DROPPED in reading.notes:
        yield audits.REMARKS[EMAIL_DROPPED], mask_email(email)
    if PHONE_DROPPED in reading.notes:
        yield audits.REMARKS[PHONE_DROPPED], _masked_phone(phone)


def _record(stream: str, row: Row) -> Record | None:
    try:
        return past.parse(past.topic(stream), row.body, triggered_at=row.version)
    except Unreadable:
        return None


def _name(record: Record | None) -> str:
    match record:
        case Order():
            return record.name[:80]
        case Product():
            return record.title[:80]
        case _:
            # A customer's name is theirs; the number in the shop leads there.
            return ""


def _ways(record: Record | None) -> tuple[str, str]:
    match record:
        case Order():
            return record.buyer.email or "", record.buyer.phone or ""
        case Customer():
            return record.email or "", record.phone or ""
        case _:
            return "", ""


def _contact(record: Record | None) -> str:
    email, phone = _ways(record)
    return mask_email(email) if email else _masked_phone(phone)


def _masked_phone(phone: str) -> str:
    # Of something that is too short for a number, the last digits would be most of it.
    return mask_phone(phone) if sum(sign.isdigit() for sign in phone) >= 6 else mask_word(phone)
