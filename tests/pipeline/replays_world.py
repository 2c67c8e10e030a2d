"""Failed records, and sending them again, as the tests of replays need it."""

import json
import uuid
from datetime import timedelta

from integrations.models import DeadLetter, Event, Repair, Replay, StoreLane
from integrations.pipeline import audit, inbox, replaying, replays
from integrations.pipeline.failed_lists import FailedFilter
from tests import factories

from .conftest import an_order


def given_order(store, number, clock, **changes):
    """An order that arrived just now."""
    body = json.dumps(an_order(number, **changes)).encode()
    return given(store, "orders/create", body, clock)


def given(store, topic, body, clock, *, ago=None):
    at = clock() - (ago or timedelta())
    return factories.an_event(store, topic=topic, body=body, received_at=at, next_attempt_at=at)


def drafted(store, clock, *, user=None, wanted=None, **changes):
    """A draft of everything that is open, or of what is wanted."""
    user = user or staff()
    replay = replays.draft(
        user,
        wanted or FailedFilter(),
        merchant=store.merchant,
        by=audit.person(user),
        key=uuid.uuid4(),
        now=clock(),
    )
    if changes:
        Replay.objects.filter(pk=replay.pk).update(**changes)
        replay.refresh_from_db()
    return replay


def begun(store, clock, **changes):
    """A replay of everything that is open, begun."""
    user = changes.get("user") or staff()
    replay = drafted(store, clock, **changes | {"user": user})
    confirmed = replays.open_now(replay)
    by = audit.person(user)
    replays.start(replay, confirmed=confirmed, by=by, user=user, now=clock())
    return replay


def staff():
    return factories.a_user(is_staff=True)


def turns(clock, number=1):
    """Take so many turns of whatever is due; returns how many records were let go."""
    gone = 0
    for _ in range(number):
        clock.forward(seconds=21)
        if claim := Replay.objects.claim(by="test", now=clock()):
            gone += replaying.take_turn(claim, now=clock())
    return gone


def work(clock, rounds=20):
    for _ in range(rounds):
        claim = StoreLane.objects.claim(by="test", now=clock())
        if claim is None:
            return
        inbox.work_off(claim, clock=clock, stopping=lambda: False)


def finish(replay, clock, rounds=40):
    """Take turns and work until nothing more happens by itself."""
    for _ in range(rounds):
        turns(clock)
        work(clock)
        replay.refresh_from_db()
        if replay.state not in {"running"}:
            return replay
    return replay


def repaired(letter, content, **changes):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    number = letter.repairs.count() + 1
    return Repair.objects.create(
        dead_letter=letter, number=number, content=raw, made_at=letter.created_at, **changes
    )


def states(replay):
    return {state.value: number for state, number in replays.counts(replay).items() if number}


def letters():
    return sorted(DeadLetter.objects.values_list("state", flat=True))


def events():
    return sorted(Event.objects.values_list("state", flat=True))
