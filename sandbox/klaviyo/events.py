"""Taking events in, one at a time or a thousand."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING
from uuid import uuid4

from sandbox.klaviyo.checks import (
    decoded,
    event_faults,
    event_profile_faults,
    is_thrown_away,
)
from sandbox.klaviyo.errors import Refusal, accepted, too_large
from sandbox.klaviyo.memory import Account, StoredEvent
from sandbox.klaviyo.people import IDENTIFIERS, given, key_of
from sandbox.klaviyo.shapes import EVENT, EVENT_JOB, EventProfile, Group, InnerEventAttributes
from sandbox.klaviyo.times import parse
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

BULK_LIMIT = 1000
# The smaller of the two meanings of MB: whoever keeps to it is right either way.
BODY_LIMIT = 5_000_000
FAULTS_SHOWN = 20
GROUPS = "/data/attributes/events-bulk-create/data"


def create_event(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """POST /api/events"""
    if len(call.body) > BODY_LIMIT:
        raise too_large("The body is larger than 5 MB.")
    event = decoded(EVENT, call.body).data.attributes
    at, now = "/data/attributes", klaviyo.clock()
    _refuse(event_profile_faults(event.profile.data, f"{at}/profile/data"))
    _refuse(event_faults(event, now, at))
    _refuse(_unknown_profile(account, event.profile.data, f"{at}/profile/data"))
    _take(klaviyo, account, event.profile.data, [(event, bool(event.backfill))])
    return accepted()


def create_events(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """POST /api/event-bulk-create-jobs: all or nothing."""
    if len(call.body) > BODY_LIMIT:
        raise too_large("The body is larger than 5 MB.")
    groups = decoded(EVENT_JOB, call.body).data.attributes.groups.data
    _refuse(_batch_faults(account, groups, klaviyo.clock()))
    for group in groups:
        inner = [
            (event.attributes, _is_backfill(group, event.attributes))
            for event in group.attributes.events.data
        ]
        _take(klaviyo, account, group.attributes.profile.data, inner)
    return accepted()


def _is_backfill(group: Group, event: InnerEventAttributes) -> bool:
    # Which of the two wins is not documented; the event is the more specific one.
    return bool(group.attributes.backfill if event.backfill is None else event.backfill)


def _refuse(faults: Iterator[Refusal]) -> None:
    if first := next(faults, None):
        first.others = list(islice(faults, FAULTS_SHOWN - 1))
        raise first


def _batch_faults(account: Account, groups: list[Group], now: float) -> Iterator[Refusal]:
    if sum(len(group.attributes.events.data) for group in groups) > BULK_LIMIT:
        yield Refusal(400, f"At most {BULK_LIMIT} events are allowed.", pointer=GROUPS)
        return
    for number, group in enumerate(groups):
        at = f"{GROUPS}/{number}/attributes"
        yield from event_profile_faults(group.attributes.profile.data, f"{at}/profile/data")
        yield from _unknown_profile(account, group.attributes.profile.data, f"{at}/profile/data")
        for position, event in enumerate(group.attributes.events.data):
            yield from event_faults(
                event.attributes, now, f"{at}/events/data/{position}/attributes"
            )
    yield from _repeats(groups)


def _repeats(groups: list[Group]) -> Iterator[Refusal]:
    seen: set[tuple[tuple[str, str], str, str]] = set()
    for number, group in enumerate(groups):
        who = _who(group.attributes.profile.data)
        for position, event in enumerate(group.attributes.events.data):
            unique_id = event.attributes.unique_id
            identity = (who, event.attributes.metric.data.attributes.name, unique_id or "")
            if unique_id and identity in seen:
                at = f"{GROUPS}/{number}/attributes/events/data/{position}/attributes/unique_id"
                yield Refusal(400, f"unique_id {unique_id} is repeated in the batch.", pointer=at)
            seen.add(identity)


def _who(profile: EventProfile) -> tuple[str, str]:
    if profile.id:
        return "id", profile.id
    fields = given(profile.attributes)
    return next(key_of(name, fields[name]) for name in IDENTIFIERS if fields.get(name))


def _unknown_profile(account: Account, profile: EventProfile, at: str) -> Iterator[Refusal]:
    if profile.id and profile.id not in account.people.by_id:
        yield Refusal(400, f"Profile {profile.id} does not exist.", pointer=f"{at}/id")


def _take(
    klaviyo: "Klaviyo",
    account: Account,
    profile: EventProfile,
    events: list[tuple[InnerEventAttributes, bool]],
) -> None:
    fields, now = given(profile.attributes), klaviyo.clock()
    if is_thrown_away(fields):
        account.dropped += len(events)
        return
    person = account.people.of_event(profile.id, fields, now)
    for event, backfill in events:
        stored = _stored(account, person.id, event, backfill=backfill, now=now)
        account.sent[stored.identity] += 1
        if klaviyo.script.happens(klaviyo.settings.lose_after_202):
            account.lost.append(stored.identity)
        elif account.record(stored):
            person.last_event = max(person.last_event or 0.0, stored.time)


def _stored(
    account: Account, profile_id: str, event: InnerEventAttributes, *, backfill: bool, now: float
) -> StoredEvent:
    time = float(int(parse(event.time) if event.time else now))
    return StoredEvent(
        id=uuid4().hex[:20],
        profile_id=profile_id,
        metric_id=account.metric(event.metric.data.attributes.name, now).id,
        # Without an id the second it happened in stands for it, as Klaviyo documents.
        unique_id=event.unique_id or str(int(time)),
        time=time,
        properties=bytes(event.properties),
        value=event.value,
        currency=event.value_currency,
        backfill=backfill,
        accepted=now,
    )
