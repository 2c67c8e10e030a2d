"""Letting the records of a replay go: a bounded number a turn, in one transaction each.

Before that its records are taken off the list, and where it is cancelled they are put back: turns
of the same kind.

From there an event takes the road of every webhook, in the replay lane. What the shop or its
account is held back for holds the records here as well, so that no try is burnt.
"""

import logging
import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from integrations import queue
from integrations.domain import replaying as domain
from integrations.domain.lanes import Lane
from integrations.domain.replays import AT_WORK, ItemState, ReplayState, Stage
from integrations.models import Event, Replay
from integrations.models.replays import ReplayClaim

from . import audit, health, replay_forecasts, replay_moves, replays, tallies, windows
from .sending_again import YOUNG

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

# Below the task's own timeout.
LONGEST = 45.0
# A turn that comes this soon is waited for.
SOON = timedelta(seconds=5)
LOOK_EVERY = 0.25
# Nothing can go because its shop or account is held back.
HELD_WAIT = timedelta(seconds=15)
# What is on its way for longer is looked at less often.
SLOW_AFTER, SLOW_WAIT = timedelta(minutes=2), timedelta(seconds=20)
SIBLING = "Another part of the same message is on its way first."
PAUSED = "The shop is paused."
NO_LOGIN = "The login of the Klaviyo account does not work."
TROUBLE = "Klaviyo has trouble."


def run(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Take the turns of all replays, and make the forecasts of drafts.

    Returns how many records were let go.
    """
    name = f"{health.REPLAYER}{socket.gethostname()}:{os.getpid()}"
    began, let_go = time.monotonic(), 0

    def is_over() -> bool:
        return stopping() or time.monotonic() - began > LONGEST

    try:
        while not is_over():
            health.beat(name, now=clock())
            if claim := Replay.objects.claim(by=name, now=clock()):
                let_go += take_turn(claim, now=clock())
            elif replay_forecasts.step(now=clock()):
                continue
            elif _soon(clock()).exists():
                time.sleep(LOOK_EVERY)
            else:
                break
    finally:
        health.gone(name)
    if not stopping() and _soon(clock()).exists():
        queue.ask_for(queue.REPLAY)
    return let_go


def wake(*, now: datetime) -> None:
    """Ask for a worker if a replay is due, or a draft has no forecast yet."""
    if Replay.objects.due(now).exists() or replay_forecasts.is_due(now=now):
        replays.ask_for_turn(now=now)


def take_turn(claim: ReplayClaim, *, now: datetime) -> int:
    """Take one turn of a replay that is ours; returns how many records it let go.

    Whoever holds a later epoch has the say, and so has who paused or cancelled it.
    """
    with transaction.atomic():
        row = (
            Replay.objects.owned(claim)
            .filter(state__in=sorted(AT_WORK))
            .select_for_update(of=("self",))
            .select_related("merchant")
            .first()
        )
        if row is None:
            log.info("replay.lost_turn", extra={"replay": claim.pk, "epoch": claim.epoch})
            return 0
        if row.state == ReplayState.RUNNING:
            return _turn(row, now)
        move = replay_moves.take if row.state == ReplayState.BEGINNING else replay_moves.put_back
        move(row, now=now)
        _give_back(row, now)
        return 0


def _turn(row: Replay, now: datetime) -> int:
    counted = replays.counts(row)
    match domain.turn(_progress(row, counted)):
        case domain.LetGo(number=number, then=then):
            gone = _let_go(row, number, now)
            if gone:
                _give_back(row, now + then)
            else:
                _give_back(row, now + HELD_WAIT, _why_held(row))
            return gone
        case domain.Wait(span=span, reason=reason):
            _give_back(row, now + (_slower(row, now) or span), reason.value)
        case domain.GoOn(stage=stage):
            row.stage = stage
            row.ended_before, row.failed_before = replays.ended(counted), counted[ItemState.FAILED]
            row.save(update_fields=["stage", "ended_before", "failed_before"])
            _give_back(row, now)
        case domain.Stop(reason=reason):
            _end(row, ReplayState.STOPPED, counted, now, reason=reason)
        case domain.Done():
            _end(row, ReplayState.DONE, counted, now, finished_at=now)
    return 0


def _progress(row: Replay, counted: dict[ItemState, int]) -> domain.Progress:
    return domain.Progress(
        stage=Stage(row.stage),
        waiting=counted[ItemState.WAITING],
        on_way=counted[ItemState.ON_WAY],
        ended=max(0, replays.ended(counted) - row.ended_before),
        failed=max(0, counted[ItemState.FAILED] - row.failed_before),
        rate=row.rate,
        most_failures=row.most_failures,
    )


def _give_back(row: Replay, until: datetime, reason: str = "") -> None:
    Replay.objects.filter(pk=row.pk).update(
        lease_until=None, lease_by="", next_turn_at=until, wait_reason=reason[:200]
    )


def _end(
    row: Replay, state: ReplayState, counted: dict[ItemState, int], now: datetime, **changes: object
) -> None:
    Replay.objects.filter(pk=row.pk).update(
        state=state, lease_until=None, lease_by="", wait_reason="", **changes
    )
    audit.record(
        "replay.finished" if state is ReplayState.DONE else "replay.stopped",
        row.merchant,
        by=audit.AUTOMATIC,
        now=now,
        subject=row.words,
        after={name.value: number for name, number in counted.items() if number},
        reason=str(changes.get("reason", "")),
    )


class Gone(NamedTuple):
    """An event as it ended before it was let go again."""

    pk: int
    store_id: int
    state: str
    skip: str
    window_id: int | None
    received_at: datetime
    settled_at: datetime
    lane: int


# Whatever of an event is under way already comes first. Events that somebody has in hand are left
# for the next turn. `failures` and `crashes` begin anew, since a person has looked.
_LET_GO = """
WITH ready AS (
  SELECT item.id, event.id AS event_id, event.store_id, event.state, event.skip, event.window_id,
    event.received_at, event.settled_at, event.lane
  FROM integrations_replayitem item
  JOIN integrations_deadletter letter ON letter.id = item.dead_letter_id
  JOIN integrations_event event ON event.id = letter.event_id
  JOIN integrations_store store ON store.id = letter.store_id
  JOIN integrations_klaviyoaccount account ON account.id = store.klaviyo_account_id
  WHERE item.replay_id = %(replay)s AND item.state = 'waiting' AND event.state <> 'waiting'
    AND store.paused_at IS NULL AND account.held_since IS NULL AND account.tripped_at IS NULL
  ORDER BY item.position LIMIT %(most)s FOR UPDATE OF event SKIP LOCKED
), gone AS (
  UPDATE integrations_replayitem item SET state = 'on_way', let_go_at = %(now)s
  FROM ready WHERE item.id = ready.id RETURNING item.id
), moved AS (
  UPDATE integrations_event event
  SET state = 'waiting', skip = '', lane = %(lane)s, failures = 0, crashes = 0, settled_at = NULL,
      next_attempt_at = %(now)s, last_error = '',
      loud = %(loud)s
        OR (window_id IS NULL AND coalesce(triggered_at, received_at) > %(young)s)
  WHERE event.id IN (SELECT event_id FROM ready)
)
SELECT DISTINCT (SELECT count(*) FROM gone), event_id, store_id, state, skip, window_id,
  received_at, settled_at, lane
FROM ready
"""


def _let_go(row: Replay, most: int, now: datetime) -> int:
    values: dict[str, Any] = {
        "replay": row.pk,
        "most": most,
        "now": now,
        "lane": int(Lane.REPLAY),
        "loud": not row.silent,
        "young": now - YOUNG,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LET_GO, values)
        found = cursor.fetchall()
    if not found:
        return 0
    _count_back([Gone(*one[1:]) for one in found], now)
    health.ask_for_drain(now=now)
    return int(found[0][0])


def _count_back(events: list[Gone], now: datetime) -> None:
    """Take back how these had ended, since they have not."""
    by_store: dict[int, list[Gone]] = defaultdict(list)
    for one in events:
        by_store[one.store_id].append(one)
    for pk in sorted({one.window_id for one in events if one.window_id is not None}):
        windows.reopen(pk)
    for store_id, several in sorted(by_store.items()):
        ended = [(_as_event(one), one.state, one.skip) for one in several]
        # Records of runs that were read anew stand in no window any more, and never were counted.
        live = [one for one, was in zip(ended, several, strict=True) if was.lane < Lane.BACKFILL]
        tallies.take_back(store_id, live, now=now)
        windows.count(ended, now=now, sign=-1)


def _as_event(one: Gone) -> Event:
    return Event(
        pk=one.pk,
        window_id=one.window_id,
        received_at=one.received_at,
        settled_at=one.settled_at,
    )


_WHY = """
SELECT store.paused_at IS NOT NULL, account.held_since IS NOT NULL, account.tripped_at IS NOT NULL
FROM integrations_replayitem item
JOIN integrations_deadletter letter ON letter.id = item.dead_letter_id
JOIN integrations_store store ON store.id = letter.store_id
JOIN integrations_klaviyoaccount account ON account.id = store.klaviyo_account_id
WHERE item.replay_id = %s AND item.state = 'waiting' ORDER BY item.position LIMIT 1
"""


def _why_held(row: Replay) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_WHY, [row.pk])
        found = cursor.fetchone() or (False, False, False)
    words = (PAUSED, NO_LOGIN, TROUBLE)
    return next((said for said, holds in zip(words, found, strict=True) if holds), SIBLING)


def _slower(row: Replay, now: datetime) -> timedelta | None:
    """A longer wait for what has been on its way for long."""
    on_way = row.items.filter(state=ItemState.ON_WAY)
    latest = on_way.order_by("-let_go_at").values_list("let_go_at", flat=True).first()
    return SLOW_WAIT if latest and now - latest > SLOW_AFTER else None


def _soon(now: datetime) -> QuerySet[Replay]:
    return Replay.objects.due(now + SOON)
