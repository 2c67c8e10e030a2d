"""A selection of failed records: what it is narrowed to, in an address, in words, and its rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet

from integrations.domain import parameters
from integrations.domain.operations import Kind
from integrations.models import Binning, Cause, DeadLetter, GroupRepairItem, Store, User
from integrations.models.dead_letters import DeadLetterQuerySet, DeadLetterState
from integrations.models.group_repairs import RepairResult

ALL = "all"
# The kind of what could not even be read, as an address calls it; the rows say nothing there.
UNREADABLE = "unreadable"
KINDS = {kind.value: kind.value.replace("_", " ").capitalize() for kind in Kind} | {
    UNREADABLE: "Could not be read"
}
_STATE_WORDS = {
    "": "All failed records",
    DeadLetterState.OPEN.value: "Failed records that need a decision",
    DeadLetterState.SENDING.value: "Failed records on their way again",
    DeadLetterState.RESOLVED.value: "Failed records that are settled",
    DeadLetterState.BINNED.value: "Failed records in the bin",
}


class FailedFilter(msgspec.Struct, frozen=True):
    """What the list of failed records is narrowed to; empty parts do not narrow."""

    state: str = DeadLetterState.OPEN.value
    store: UUID | None = None
    # A reason stands for itself and for those that were merged into it.
    cause: int | None = None
    record: str = ""
    kind: str = ""
    # By when a record failed last; the end is left out.
    since: datetime | None = None
    until: datetime | None = None
    # Those that failed first before this moment and still have their content.
    first_until: datetime | None = None
    # Past data: those of one fetch, or of one of its periods.
    fetch: UUID | None = None
    period: UUID | None = None
    # What became of them when somebody changed many by one rule, or put many into the bin.
    changed: UUID | None = None
    outcome: str = ""
    binning: UUID | None = None

    @property
    def active(self) -> bool:
        """Whether anything but the state is narrowed."""
        named = self.record or self.kind or self.since or self.until or self.first_until
        return bool(self.store or self.cause or named or self.close)

    @property
    def close(self) -> bool:
        """Whether it is narrowed to what one fetch or one decision was about."""
        return bool(self.fetch or self.period or self.changed or self.binning)

    @property
    def counted(self) -> bool:
        """Whether the counts PostgreSQL keeps count the same thing."""
        narrowed = self.record or self.kind or self.since or self.until or self.first_until
        return not (narrowed or self.close)

    def to_query(self) -> dict[str, str]:
        """Write the filter as the parts of an address; what does not narrow is left out."""
        parts = {
            "state": "" if self.state == DeadLetterState.OPEN else self.state or ALL,
            "store": str(self.store or ""),
            "cause": str(self.cause or ""),
            "record": self.record,
            "kind": self.kind,
            "since": _written(self.since),
            "until": _written(self.until),
            "first_until": _written(self.first_until),
            "fetch": str(self.fetch or ""),
            "period": str(self.period or ""),
            "changed": str(self.changed or ""),
            "outcome": self.outcome,
            "binning": str(self.binning or ""),
        }
        return {name: value for name, value in parts.items() if value}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """Read the filter an address asks for; what we do not know does not narrow."""
        state, kind = query.get("state", ""), query.get("kind", "")
        outcome = query.get("outcome", "")
        return cls(
            state="" if state == ALL else state if state in DeadLetterState.values else "open",
            store=parameters.identifier(query.get("store", "")),
            cause=parameters.key(query.get("cause", "")),
            record=query.get("record", "").strip()[:64].replace("\x00", ""),
            kind=kind if kind in KINDS else "",
            since=parameters.moment(query.get("since", "")),
            until=parameters.moment(query.get("until", "")),
            first_until=parameters.moment(query.get("first_until", "")),
            fetch=parameters.identifier(query.get("fetch", "")),
            period=parameters.identifier(query.get("period", "")),
            changed=parameters.identifier(query.get("changed", "")),
            outcome=outcome if outcome in RepairResult.values else "",
            binning=parameters.identifier(query.get("binning", "")),
        )

    def words(self) -> str:
        """Say what is selected, in a line."""
        parts = [_STATE_WORDS[self.state]]
        if self.store:
            name = Store.objects.filter(public_id=self.store).values_list("name", flat=True).first()
            parts.append(f"of {name or 'a shop that is gone'}")
        if self.cause:
            parts.append(f"because: {_sentence(self.cause)}")
        if self.kind:
            parts.append(f"of the kind “{KINDS[self.kind]}”")
        if self.record:
            parts.append(f"with the number {self.record}")
        parts += self._close_words()
        if self.since:
            parts.append(f"that failed since {self.since:%d %b %Y, %H:%M} UTC")
        if self.until:
            parts.append(f"that failed before {self.until:%d %b %Y, %H:%M} UTC")
        if self.first_until:
            parts.append(f"kept since before {self.first_until:%d %b %Y}, whose content ends soon")
        return ", ".join(parts)

    def _close_words(self) -> list[str]:
        parts = ["of past data"] if self.fetch or self.period else []
        if self.changed:
            parts.append("that were to be changed by a rule")
        if self.outcome:
            parts.append(f"with the outcome “{RepairResult(self.outcome).label}”")
        if self.binning:
            parts.append("that were put into the bin together")
        return parts


def rows(user: User, wanted: FailedFilter) -> DeadLetterQuerySet:
    """The failed records of a selection that a person may see, in no order."""
    found = DeadLetter.objects.all()
    if not user.is_staff:
        # By their keys, which the indexes have; a merchant has a handful.
        found = found.filter(store__in=stores_of(user))
    if wanted.store:
        found = found.filter(store__in=store_ids(wanted.store))
    if wanted.cause:
        found = found.filter(cause__in=group_ids(wanted.cause))
    if wanted.kind:
        found = found.filter(kind="" if wanted.kind == UNREADABLE else wanted.kind)
    if wanted.first_until:
        found = found.filter(created_at__lt=wanted.first_until, erased_at=None)
    if wanted.changed:
        found = found.filter(pk__in=_of_rule(wanted.changed, wanted.outcome))
    if wanted.binning:
        found = found.filter(Exists(_of_binning(wanted.binning)))
    conditions = {
        "state": wanted.state,
        "source_id": wanted.record,
        "failed_at__gte": wanted.since,
        "failed_at__lt": wanted.until,
        "event__window__job__public_id": wanted.fetch,
        "event__window__public_id": wanted.period,
    }
    return found.filter(**{name: value for name, value in conditions.items() if value})


def _of_rule(decision: UUID, outcome: str) -> QuerySet[GroupRepairItem, Any]:
    items = GroupRepairItem.objects.filter(group__public_id=decision)
    return (items.filter(result=outcome) if outcome else items).values("dead_letter")


def _of_binning(decision: UUID) -> QuerySet[Binning]:
    """The decision by which a record lies in the bin: its person and its moment stand on both."""
    same = {"asked_at": OuterRef("binned_at"), "asked_by": OuterRef("binned_by")}
    return Binning.objects.filter(public_id=decision, inward=True, **same)


def stores_of(user: User) -> list[int]:
    """The keys of the shops a person may see."""
    return list(Store.objects.visible_to(user).values_list("pk", flat=True))


def group_ids(cause: int) -> list[int]:
    """The keys of a reason and of those that were merged into it."""
    group = Cause.objects.filter(Q(pk=cause) | Q(merged_into=cause))
    return list(group.values_list("pk", flat=True).order_by("pk"))


def store_ids(public_id: UUID) -> list[int]:
    """The key of a shop, or none when there is no such shop."""
    return list(Store.objects.filter(public_id=public_id).values_list("pk", flat=True))


def _sentence(pk: int) -> str:
    cause = Cause.objects.filter(pk=pk).first()
    return cause.words.sentence if cause else "a reason that is gone"


def _written(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
