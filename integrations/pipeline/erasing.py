"""Erasing what is kept of a customer, or of a whole shop, when the shop asks for it.

A request becomes a row when it is settled; a worker then goes through the shop's messages and the
ledger, a batch in a transaction, and begins again where it stopped. What was told to Klaviyo stays
counted; whose it was does not. The request's own message goes last.
"""

import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from integrations import queue
from integrations.domain import erasing as domain
from integrations.domain.erasing import Wanted
from integrations.domain.operations import Profile, identity_of
from integrations.domain.replays import UNDER_WAY, ItemState
from integrations.domain.skips import SENTENCES, Skip
from integrations.models import (
    Before,
    BulkLine,
    Credential,
    DeadLetter,
    Erasure,
    Event,
    ReplayItem,
    Store,
)
from integrations.models.dead_letters import DeadLetterState
from integrations.models.events import EventState
from integrations.models.lanes import LEASE, Taken

from . import audit, contents, set_aside, tallies, windows
from .retention import LANES, LONG_AGO

Clock = Callable[[], datetime]

# Messages looked at in one transaction, bytes of them, and rows of the ledger.
AT_ONCE = 200
MOST_BYTES = 8_000_000
ROWS = 5_000
LONGEST = 45.0
# What a drain had in hand when its message was erased is in the ledger by then.
SETTLED = 2 * LEASE
# While lines of an export wait to be landed, the past is not complete.
LATER = timedelta(minutes=5)

# The parts in their order; each is gone through by its own cursor.
LIVE, PAST, LEDGER, LAST = "live", "past", "ledger", "last"
PARTS = (LIVE, PAST, LEDGER, LAST)
_LANES = dict(zip((LIVE, PAST), LANES, strict=True))
# Oldest first, by the index that lists them; so many bytes at most, but always one.
_MESSAGES = """
SELECT id, topic, body, received_at FROM (
  SELECT id, topic, body, received_at, sum(octet_length(body)) OVER arrival AS bytes,
    row_number() OVER arrival AS place
  FROM (SELECT id, topic, body, received_at FROM integrations_event
        WHERE store_id = %(store)s AND {lane} AND received_at <= %(until)s
          AND (received_at, id) > (%(at)s, %(id)s)
        ORDER BY received_at, id LIMIT %(most)s) found
  WINDOW arrival AS (ORDER BY received_at, id)) sized
WHERE bytes <= %(bytes)s OR place = 1 ORDER BY place
"""
_LEDGER_SLICE = """
SELECT max(id) FROM (SELECT id FROM integrations_delivery WHERE store_id = %s AND id > %s
                     ORDER BY id LIMIT %s) slice
"""
_LEDGER = """
UPDATE integrations_delivery SET profile = ''
WHERE store_id = %(store)s AND id > %(after)s AND id <= %(to)s AND profile <> ''
  AND (%(all)s OR lower(profile) = ANY(%(people)s) OR source_id = ANY(%(orders)s))
"""
_OF_BREAKER = """%s IN (
  SELECT store.id FROM integrations_store store
  WHERE store.id = integrations_breaker.store_id
    OR store.klaviyo_account_id = integrations_breaker.klaviyo_account_id)"""
# What a platform answered may quote whom it was about, wherever the answer is kept as a proof.
_QUOTES = (
    ("call", "error", "store_id = %s"),
    ("storelane", "wait_reason", "store_id = %s"),
    ("breaker", "last_error", _OF_BREAKER),
    (
        "opening",
        "reason",
        f"breaker_id IN (SELECT id FROM integrations_breaker WHERE {_OF_BREAKER})",
    ),
)
# Signs with a meaning of their own in a pattern.
_SIGN, _ESCAPED = re.compile(r"[\\%_]"), r"\\\g<0>"
_QUOTED = "UPDATE integrations_{} SET {} = %s WHERE {} AND {} <> '' AND {} ILIKE ANY(%s)"


class _Message(NamedTuple):
    pk: int
    topic: str
    body: bytes
    received_at: datetime


def take(store: Store, event: Taken, *, now: datetime) -> None:
    """Take a request in, inside the transaction that settles its message."""
    if event.topic == domain.DATA_REQUEST:
        audit.record("erasure.data_asked", store, by=audit.AUTOMATIC, now=now)
        return
    wanted = domain.read(event.topic, event.body, shop=store.domain)
    if wanted is None:
        return
    _, is_new = Erasure.objects.get_or_create(
        event_id=event.pk,
        defaults={
            "store": store,
            "whole_shop": wanted.whole_shop,
            "asked_at": _until(store, wanted, event.happened_at, now),
            "part": LIVE,
            "after_at": LONG_AGO,
            "next_turn_at": now,
        },
    )
    if is_new:
        audit.record(
            "erasure.asked", store, by=audit.AUTOMATIC, now=now, subject=_words(wanted.whole_shop)
        )


def wake(*, now: datetime) -> None:
    """Ask for a worker if anything is to be erased now."""
    if Erasure.objects.filter(finished_at=None, next_turn_at__lte=now).exists():
        queue.ask_for(queue.ERASE)


def run(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Erase what is due, a batch at a time; returns how many batches were gone through."""
    until, turns = time.monotonic() + LONGEST, 0
    while not stopping() and time.monotonic() < until and _turn(clock()):
        turns += 1
    return turns


def _until(store: Store, wanted: Wanted, asked_at: datetime, now: datetime) -> datetime:
    """Up to when messages are meant.

    A customer's request means all there is by now. A shop's comes two days after it removed our
    app (Shopify), perhaps late: what arrived since it connected us again is not meant by it.
    """
    if not wanted.whole_shop:
        return now
    login = Credential.objects.filter(store=store).first()
    is_back = login is not None and login.state == "active" and login.connected_at < asked_at
    return login.connected_at if login is not None and is_back else asked_at


def _words(whole_shop: bool) -> str:
    return "everything of this shop" if whole_shop else "one customer"


@transaction.atomic
def _turn(now: datetime) -> bool:
    """Go on with one request; False when none is due."""
    due = Erasure.objects.filter(finished_at=None, next_turn_at__lte=now)
    one = due.order_by("next_turn_at", "pk").select_for_update(skip_locked=True, of=("self",))
    found = one.select_related("store", "event").first()
    if found is None:
        return False
    wanted = domain.read(found.event.topic, bytes(found.event.body), shop=found.store.domain)
    if wanted is None:
        _finish(found, now)
    elif found.part in _LANES:
        _messages(found, wanted, now)
    elif found.part == LEDGER:
        _ledger(found, wanted)
    else:
        _finish(found, now)
    found.save()
    return True


def _messages(one: Erasure, wanted: Wanted, now: datetime) -> None:
    """Erase what is to go among the next messages."""
    if one.part == PAST and BulkLine.objects.filter(window__job__store=one.store_id).exists():
        one.next_turn_at = now + LATER
        return
    rows = _read(one)
    if not rows:
        _next_part(one, now)
        return
    mine = one.event_id
    meant = [
        row
        for row in rows
        if row.pk != mine and row.body and domain.is_about(wanted, row.topic, row.body)
    ]
    if meant:
        _erase([row.pk for row in meant], one, now)
    one.after_at, one.after_id = rows[-1].received_at, rows[-1].pk


def _read(one: Erasure) -> list[_Message]:
    values: dict[str, Any] = {
        "store": one.store_id,
        "until": one.asked_at,
        "at": one.after_at,
        "id": one.after_id,
        "most": AT_ONCE,
        "bytes": MOST_BYTES,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES.format(lane=_LANES[one.part]), values)
        return [_Message(pk, topic, bytes(body), at) for pk, topic, body, at in cursor.fetchall()]


def _next_part(one: Erasure, now: datetime) -> None:
    one.part = PARTS[PARTS.index(one.part) + 1]
    one.after_at, one.after_id = LONG_AGO, 0
    if one.part == LEDGER:
        one.next_turn_at = now + SETTLED


def _erase(pks: list[int], one: Erasure, now: datetime) -> None:
    """Messages before records: the order in which batches settle."""
    events = list(Event.objects.filter(pk__in=pks).order_by("pk").select_for_update())
    letters = DeadLetter.objects.filter(event__in=pks)
    rows = list(letters.order_by("pk").select_for_update().values_list("pk", "state"))
    keys = [pk for pk, _ in rows]
    waiting = [event for event in events if event.state == EventState.WAITING]
    _settle(one, waiting, now)
    set_aside.end(events, leaving=keys, rule=Skip.ERASED, now=now)
    open_ones = [pk for pk, state in rows if state != DeadLetterState.RESOLVED]
    DeadLetter.objects.filter(pk__in=open_ones).update(
        state=DeadLetterState.RESOLVED, settled_as=ItemState.SKIPPED.value, settled_at=now
    )
    items = ReplayItem.objects.filter(dead_letter__in=keys, state__in=list(UNDER_WAY))
    items.update(state=ItemState.SKIPPED, message=SENTENCES[Skip.ERASED], settled_at=now)
    contents.erase(keys, now=now)
    contents.erase_words(keys, pks)
    _unquote(one, set().union(*(domain.words_of(bytes(event.body)) for event in events)))
    Event.objects.filter(pk__in=pks).update(body=b"")
    _count(one, "messages", len(pks))
    _count(one, "failed records", len(keys))
    _count(one, "not sent any more", len(waiting))


def _unquote(one: Erasure, words: set[str]) -> None:
    """Take answers away that quote one of these words."""
    patterns = [f"%{_SIGN.sub(_ESCAPED, word)}%" for word in words]
    with connection.cursor() as cursor:
        for table, column, whose in _QUOTES if patterns else ():
            statement = _QUOTED.format(table, column, whose, column, column)
            cursor.execute(statement, [contents.GONE, one.store_id, patterns])


def _settle(one: Erasure, waiting: Sequence[Event], now: datetime) -> None:
    """End messages that were still to be sent."""
    Event.objects.filter(pk__in=[event.pk for event in waiting]).update(
        state=EventState.SKIPPED, skip=Skip.ERASED, settled_at=now
    )
    ended = [(event, EventState.SKIPPED, Skip.ERASED) for event in waiting]
    tallies.add(one.store_id, ended, now=now)
    windows.count(ended, now=now)


def _ledger(one: Erasure, wanted: Wanted) -> None:
    """Erase whose the next entries of the ledger were; that they were told stays."""
    people = sorted(wanted.emails | {f"+{digits}" for digits in wanted.phones})
    with connection.cursor() as cursor:
        cursor.execute(_LEDGER_SLICE, [one.store_id, one.after_id, ROWS])
        to = cursor.fetchone()[0]
        if to is None:
            _forget_profiles(one, wanted, people)
            one.part = LAST
            return
        values: dict[str, Any] = {
            "store": one.store_id,
            "after": one.after_id,
            "to": to,
            "all": wanted.whole_shop,
            "people": people,
            "orders": sorted(wanted.orders),
        }
        cursor.execute(_LEDGER, values)
        _count(one, "entries of the ledger", cursor.rowcount)
    one.after_id = to


def _forget_profiles(one: Erasure, wanted: Wanted, people: list[str]) -> None:
    """Erase what profiles held before past data was brought in."""
    kept = Before.objects.filter(job__store=one.store_id)
    if not wanted.whole_shop:
        kept = kept.filter(identity__in=[identity_of(Profile.from_key(key)) for key in people])
    _count(one, "profiles as they were", kept.delete()[0])


def _finish(one: Erasure, now: datetime) -> None:
    one.finished_at = now
    Event.objects.filter(pk=one.event_id).update(body=b"")
    audit.record(
        "erasure.finished",
        one.store,
        by=audit.AUTOMATIC,
        now=now,
        subject=_words(one.whole_shop),
        after=one.counts,
    )


def _count(one: Erasure, what: str, number: int) -> None:
    if number:
        one.counts[what] = one.counts.get(what, 0) + number
