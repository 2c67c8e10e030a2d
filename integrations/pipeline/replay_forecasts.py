"""What sending failed records again would lead to: each on the real road, without its end.

Nothing is sent, and the ledger is only read. For a whole replay it is made in the background, a
batch at a time; each batch is kept, so that nothing is looked at twice.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Length

from integrations.domain.failures import FailureKind, PlatformError
from integrations.domain.forecast import Forecast
from integrations.domain.masking import mask_text
from integrations.domain.operations import TrackEvent
from integrations.domain.prospects import Facts, Outlook, outlook
from integrations.domain.replay_words import was_refused
from integrations.domain.replays import ItemState, Prospect, ReplayState
from integrations.models import Attempt, DeadLetter, Event, Replay, ReplayItem, Store
from integrations.models.dead_letters import DeadLetterState
from integrations.models.lanes import Taken
from integrations.platforms.klaviyo.bodies import document

from . import ledger, listeners, sending_again
from .dry_runs import Imagined
from .items import Item, Outcome
from .planning import Plan
from .reading import Reading, read_all
from .replay_results import RESULTS
from .sending_again import YOUNG, Again, Letter

log = logging.getLogger(__name__)

# So many records, and so many bytes of their messages, are looked at in one step.
A_STEP = 200
MOST_BYTES = 20_000_000
# Of so many accounts it is asked which flows listen; a merchant has one or two.
MOST_ACCOUNTS = 3
MOST_TRIES = 5
IMPORTED = "import"
UNANSWERED = Q(kind="crash") | Q(kind__in=["transient", "unexpected"], status=None)


class ReplayForecast(msgspec.Struct, kw_only=True):
    """What is known of a draft, as far as it was looked at."""

    recorded: int = 0
    ignored: int = 0
    twice: int = 0
    refused: int = 0
    gone: int = 0
    # Of those that would be sent: younger than four hours, so that flows may start.
    young: int = 0
    # How far it is, by position, and which kinds of entry it would write.
    at: int = 0
    kinds: list[str] = []
    looked_at_flows: bool = False
    # The names of flows that listen to them and are switched on.
    flows: list[str] = []
    ready: bool = False
    # Not before then, in seconds: Klaviyo asked us to wait.
    after: float = 0
    tries: int = 0

    def could_message(self, *, silent: bool) -> bool:
        """Whether customers could get a message because of it; what is not known counts as yes."""
        if silent and not self.young:
            return False
        listened = bool(self.flows) or not self.looked_at_flows
        return bool(self.kinds) and listened and bool(self.recorded + self.twice)


def read(replay: Replay) -> ReplayForecast:
    """The forecast as far as it is."""
    return msgspec.convert(replay.forecast, ReplayForecast)


def of(letter: DeadLetter, *, now: datetime) -> Prospect:
    """What sending one record again would lead to."""
    return outlook_of(letter, now=now).prospect


def outlook_of(letter: DeadLetter, *, now: datetime) -> Outlook:
    """The same, with the sentence that says why."""
    return _look([letter.pk], now=now).outlooks[letter.pk]


def outlooks(letters: Sequence[int], *, now: datetime) -> dict[int, Outlook]:
    """What sending a few records again would lead to, looked at together."""
    return _look(letters, now=now).outlooks


def is_due(*, now: datetime) -> bool:
    """Whether a draft has no forecast yet."""
    return _due(now).exists()


def step(*, now: datetime) -> bool:
    """Look at the next records of a draft, the newest one first; False when there is none."""
    with transaction.atomic():
        replay = _due(now).order_by("-id").select_for_update(skip_locked=True).first()
        if replay is None:
            return False
        found = read(replay)
        rows = list(
            replay.items.filter(position__gt=found.at, state=ItemState.LISTED)
            .annotate(bytes=Length("dead_letter__event__body"))
            .order_by("position")[:A_STEP]
        )
        found.tries += 1
        if rows:
            _look_at(found, _within(rows), now)
        _keep(replay, found)
    if not rows:
        _listen(replay, found, now)
        _keep(replay, found)
    return True


def _due(now: datetime) -> QuerySet[Replay]:
    return Replay.objects.filter(
        Q(forecast__after__isnull=True) | Q(forecast__after__lte=now.timestamp()),
        state__in=[ReplayState.DRAFT, ReplayState.AWAITING],
        forecast_at=None,
    )


def _keep(replay: Replay, found: ReplayForecast) -> None:
    plain: dict[str, Any] = msgspec.to_builtins(found)
    changes: dict[str, Any] = {"forecast": plain}
    if found.ready:
        changes["forecast_at"] = datetime.fromtimestamp(found.after, tz=replay.asked_at.tzinfo)
        plain["after"] = 0.0
    Replay.objects.filter(pk=replay.pk).update(**changes)


def _within(rows: list[Any]) -> list[ReplayItem]:
    """As many as their messages leave room for; one always."""
    kept: list[ReplayItem] = []
    weight = 0
    for row in rows:
        weight += row.bytes or 0
        if kept and weight > MOST_BYTES:
            break
        kept.append(row)
    return kept


_PROSPECTS = """
UPDATE integrations_replayitem item SET prospect = seen.prospect
FROM unnest(%s::bigint[], %s::text[]) AS seen(id, prospect) WHERE item.id = seen.id
"""


def _look_at(found: ReplayForecast, rows: Sequence[ReplayItem], now: datetime) -> None:
    looked = _look([row.dead_letter_id for row in rows], now=now)
    prospects = [looked.outlooks[row.dead_letter_id].prospect for row in rows]
    with connection.cursor() as cursor:
        values: list[Any] = [[row.pk for row in rows], [one.value for one in prospects]]
        cursor.execute(_PROSPECTS, values)
    for prospect, number in Counter(prospects).items():
        setattr(found, prospect.value, getattr(found, prospect.value) + number)
    found.young += sum(
        row.dead_letter_id in looked.young and prospect in {Prospect.RECORDED, Prospect.TWICE}
        for row, prospect in zip(rows, prospects, strict=True)
    )
    found.kinds = sorted({*found.kinds, *looked.kinds})
    found.at, found.tries = rows[-1].position, 0


def _listen(replay: Replay, found: ReplayForecast, now: datetime) -> None:
    """Ask Klaviyo which flows listen to what would be written."""
    found.after, found.ready, found.looked_at_flows = now.timestamp(), True, not found.kinds
    if not found.kinds:
        return
    used = replay.items.values("dead_letter__store").distinct()
    stores = Store.objects.filter(pk__in=used).select_related("klaviyo_account")
    by_account = {store.klaviyo_account_id: store for store in stores.order_by("pk")}
    flows: set[str] = set()
    found.looked_at_flows = len(by_account) <= MOST_ACCOUNTS
    for store in list(by_account.values())[:MOST_ACCOUNTS]:
        seen = Forecast(began_at=now, updated_at=now)
        try:
            listeners.look(store, seen, found.kinds, clock=lambda: now)
        except listeners.MustWait as exc:
            found.after, found.ready = exc.until.timestamp(), False
            return
        except PlatformError as exc:
            # Asked again in a while; what cannot be looked at is never taken for nothing there.
            found.looked_at_flows = False
            if found.tries < MOST_TRIES and exc.failure.kind is FailureKind.TRANSIENT:
                found.after = (now + timedelta(minutes=1)).timestamp()
                found.ready = False
                return
            continue
        assert seen.klaviyo is not None  # noqa: S101 - it has just been filled in
        found.looked_at_flows &= seen.klaviyo.looked_at_flows
        flows |= {one.name for one in seen.klaviyo.flows if one.is_live}
    found.flows = sorted(flows)


class _Looked(msgspec.Struct):
    """What a batch of records would come to."""

    outlooks: dict[int, Outlook] = {}
    young: set[int] = set()
    kinds: set[str] = set()


def _look(letters: Sequence[int], *, now: datetime) -> _Looked:
    """Take records along the road of the replay lane as far as Klaviyo's door."""
    rows = list(
        DeadLetter.objects.filter(pk__in=letters)
        .select_related("store__klaviyo_account", "cause")
        .defer("payload", "answer")
        .order_by("pk")
    )
    looked = _Looked()
    by_store: dict[int, list[DeadLetter]] = defaultdict(list)
    for row in rows:
        by_store[row.store_id].append(row)
    for several in by_store.values():
        _look_in_store(looked, several, now)
    return looked


def _look_in_store(looked: _Looked, letters: list[DeadLetter], now: datetime) -> None:
    store = letters[0].store
    ids = sorted({letter.event_id for letter in letters})
    again = sending_again.load(ids)
    chosen = {letter.pk for letter in letters}
    for named in again.letters.values():
        for one in named.values():
            if one.pk in chosen:
                one.state, one.item, one.silent = DeadLetterState.SENDING, 0, True
    events = [_taken(event) for event in Event.objects.filter(pk__in=ids).order_by("pk")]
    whole = [event for event in events if event.body]
    readings = read_all(
        again.bodies(whole, now=now),
        settings=store.translation,
        find_buyers=lambda orders: ledger.read_buyers(
            store.klaviyo_account_id, str(store.pk), orders
        ),
        fetch_orders=lambda _: {},
    )
    again.change(readings)
    plan = Plan(store, history=True, now=now, known=Imagined())
    plan.add_all(readings)
    seen = _Seen(again, readings, plan.items, _refused(letters))
    unanswered = set(
        Attempt.objects.filter(UNANSWERED, event__in=ids).values_list("event_id", flat=True)
    )
    ages = {event.pk: event.happened_at for event in events}
    bodies = {event.pk for event in whole}
    for letter in letters:
        is_gone = letter.erased_at is not None or letter.event_id not in bodies
        facts = Facts(
            is_gone=is_gone,
            is_imported=letter.cause.platform == IMPORTED,
            unanswered=letter.event_id in unanswered,
            **({} if is_gone else seen.facts(letter)),
        )
        looked.outlooks[letter.pk] = outlook(facts)
        if ages[letter.event_id] > now - YOUNG:
            looked.young.add(letter.pk)
    looked.kinds |= {
        item.operation.kind.value
        for item in plan.items
        if isinstance(item.operation, TrackEvent) and item.outcome is Outcome.PENDING
    }


def _refused(letters: Sequence[DeadLetter]) -> dict[int, bytes]:
    """What Klaviyo refused for good, of those records of which it refused anything."""
    asked = [
        one.pk for one in letters if one.cause.platform == "klaviyo" and was_refused(one.status)
    ]
    rows = DeadLetter.objects.filter(pk__in=asked) if asked else DeadLetter.objects.none()
    return {pk: bytes(payload) for pk, payload in rows.values_list("pk", "payload") if payload}


def _said(content: bytes) -> Any:
    """What a body says, whether flows may start because of it or not."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return content
    if isinstance(found, dict):
        found.pop("backfill", None)
    return found


class _Seen:
    """What became of the operations of a batch that was not sent."""

    def __init__(
        self,
        again: Again,
        readings: Iterable[Reading],
        items: Iterable[Item],
        refused: Mapping[int, bytes],
    ) -> None:
        self._again, self._refused = again, refused
        self._readings = {reading.event.pk: reading for reading in readings}
        self._by_event: dict[int, list[Item]] = defaultdict(list)
        self._by_letter: dict[int, tuple[Item, bool]] = {}
        for item in items:
            for event_id in (item.event_id, *item.followers):
                self._by_event[event_id].append(item)
                letter = again.theirs.get((event_id, item.identity))
                if letter is not None:
                    self._by_letter[letter.pk] = (item, event_id == item.event_id)

    def facts(self, letter: DeadLetter) -> dict[str, Any]:
        reading = self._readings[letter.event_id]
        if reading.unreadable is not None:
            return {"refusal": reading.unreadable.message}
        if not letter.identity:
            return _facts_of_all(reading, self._by_event[letter.event_id])
        if letter.pk not in self._by_letter:
            # What cannot be read without asking the store is looked at when it is sent.
            return {"is_held": reading.failure is None}
        item, leads = self._by_letter[letter.pk]
        own = self._own(letter)
        return {
            "is_event": isinstance(item.operation, TrackEvent),
            "is_changed": own is not None and own.is_moved,
            "is_held": item.outcome in RESULTS or not leads,
            "refusal": item.failure.message if item.failure else "",
            "refused_before": mask_text(letter.message) if self._is_as_it_was(letter, item) else "",
        }

    def _is_as_it_was(self, letter: DeadLetter, item: Item) -> bool:
        """Whether Klaviyo has refused what would be sent, to the last word."""
        refused = self._refused.get(letter.pk)
        return refused is not None and _said(refused) == _said(document(item.content))

    def _own(self, letter: DeadLetter) -> Letter | None:
        return self._again.letters.get(letter.event_id, {}).get(letter.identity)


def _facts_of_all(reading: Reading, items: list[Item]) -> dict[str, Any]:
    """What could not be read before, or was given up, is judged by all it says now."""
    refused = next((item.failure for item in items if item.failure is not None), None)
    nothing = reading.failure is None and all(item.outcome in RESULTS for item in items)
    return {
        "is_event": any(isinstance(item.operation, TrackEvent) for item in items),
        "is_held": nothing,
        "refusal": refused.message if refused else "",
    }


def _taken(event: Event) -> Taken:
    return Taken(
        event.pk,
        event.topic,
        bytes(event.body),
        event.triggered_at,
        event.received_at,
        event.attempts,
        event.failures,
        event.window_id,
        event.loud,
    )
