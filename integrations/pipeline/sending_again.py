"""What of an event in the replay lane is to be sent: what people chose, as they repaired it.

Looked up once a batch, and in this lane alone.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from integrations.domain.failures import Unreadable
from integrations.domain.operations import Operation, Profile, TrackEvent, UpsertProfile
from integrations.domain.patching import BadRepair, patched, read
from integrations.models import statements
from integrations.models.dead_letters import DeadLetterState
from integrations.models.lanes import Taken

from . import repairs
from .reading import Reading

# An event this young may start flows, as it would have (ADR 21).
YOUNG = timedelta(hours=4)
# Settled like this, an operation was not sent from this event, and is not now.
NOT_OURS = {"skipped", "replaced"}

_LETTERS = """
SELECT letter.id, letter.event_id, letter.identity, letter.state, letter.settled_as, item.id,
  replay.silent
FROM integrations_deadletter letter
LEFT JOIN integrations_replayitem item ON item.dead_letter_id = letter.id AND item.state = 'on_way'
LEFT JOIN integrations_replay replay ON replay.id = item.replay_id
WHERE letter.event_id = ANY(%s)
"""


@dataclass(slots=True)
class Letter:
    """A failed record of an event in hand."""

    pk: int
    event_id: int
    identity: str
    state: str
    settled_as: str
    # The item by which it is on its way, or None.
    item: int | None
    silent: bool | None
    content: bytes = b""
    # A repair gives an entry to another person or time.
    is_moved: bool = False

    @property
    def passes(self) -> bool:
        """Whether its operation goes along: it is on its way, or was sent from here before."""
        if self.item is not None:
            return self.state == DeadLetterState.SENDING
        return self.state == DeadLetterState.RESOLVED and self.settled_as not in NOT_OURS


@dataclass(slots=True)
class Again:
    """The failed records of the events in hand, and which operations are theirs."""

    letters: dict[int, dict[str, Letter]] = field(default_factory=dict)
    # By event and the identity an operation is sent under, which a repair may have changed.
    theirs: dict[tuple[int, str], Letter] = field(default_factory=dict)

    def bodies(self, events: list[Taken], *, now: datetime) -> list[Taken]:
        """The events as they are to be read: repaired, and loud only while they are young."""
        return [self._body(event, now) for event in events]

    def _body(self, event: Taken, now: datetime) -> Taken:
        letters = self.letters.get(event.pk)
        if not letters:
            return event
        silent = any(one.silent for one in letters.values() if one.item is not None)
        is_young = event.happened_at > now - YOUNG
        event = event._replace(loud=event.loud and (is_young or not silent))
        whole = letters.get("")
        if whole is not None and whole.passes and whole.content:
            event = event._replace(body=whole.content)
        return event

    def change(self, readings: Iterable[Reading]) -> None:
        """Hold back what nobody chose, and put repairs in the place of what was read."""
        for reading in readings:
            letters = self.letters.get(reading.event.pk)
            if letters and reading.operations:
                self._change(reading, letters)

    def _change(self, reading: Reading, letters: dict[str, Letter]) -> None:
        whole = letters.get("")
        kept: list[Operation] = []
        for operation in reading.operations:
            letter = next((letters[name] for name in _names(operation) if name in letters), None)
            if letter is None:
                # What has no record of its own goes the way of the whole message.
                if whole is None or whole.passes:
                    kept.append(operation)
                continue
            if not letter.passes:
                continue
            try:
                changed = patched(operation, read(letter.content)) if letter.content else operation
            except BadRepair:
                message = "What was changed of this record cannot be read."
                reading.unreadable = Unreadable(message, rule="repair")
                return
            letter.is_moved = _whose(operation) != _whose(changed)
            for name in _names(changed):
                self.theirs[reading.event.pk, name] = letter
            kept.append(changed)
        reading.operations = kept

    def own_names(self) -> dict[tuple[int, str], str]:
        """What the record of an operation is called, by event and what it is sent as."""
        return {place: letter.identity for place, letter in self.theirs.items()}


def load(events: Iterable[int]) -> Again:
    """Look up the failed records of events, and how they were repaired."""
    found = statements.run(_LETTERS, (list(events),)).fetchall()
    letters = [Letter(*row) for row in found]
    contents = repairs.current(one.pk for one in letters) if letters else {}
    by_event: dict[int, dict[str, Letter]] = defaultdict(dict)
    for one in letters:
        one.content = contents.get(one.pk, b"")
        by_event[one.event_id][one.identity] = one
    return Again(dict(by_event))


def own_names(event_id: int, identities: Iterable[str]) -> dict[str, str]:
    """What the records of an event are called whose operations were sent under these identities.

    A repair that changes somebody's address sends under another name than the record has.
    """
    again = load([event_id])
    letters = again.letters.get(event_id, {})
    wanted = {one for one in identities if one not in letters}
    names = {}
    for letter in letters.values():
        if wanted and letter.content and letter.identity.startswith("profile:"):
            sent_as = _person_in(letter)
            if sent_as in wanted:
                names[sent_as] = letter.identity
    return names


def _person_in(letter: Letter) -> str:
    blank = UpsertProfile(Profile(), "", datetime.min.replace(tzinfo=UTC), {})
    try:
        return patched(blank, read(letter.content)).identity
    except BadRepair:
        return ""


def _whose(operation: Operation) -> tuple[object, ...]:
    """What Klaviyo tells an entry by, apart from its id."""
    if isinstance(operation, TrackEvent):
        return (operation.profile, operation.occurred_at)
    return ()


def _names(operation: Operation) -> list[str]:
    """Under which identities an operation may be sent: of siblings, one gets another id."""
    names = [operation.identity]
    if isinstance(operation, TrackEvent) and operation.fallback_id:
        names.append(f"{operation.kind}:{operation.scope}:{operation.fallback_id}")
    return names
