"""How much lies in a job's windows, asked before they are read; what is too much is cut smaller."""

import math
import time
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from integrations.domain import scopes
from integrations.domain.failures import FailureKind, PlatformError
from integrations.domain.windows import JobKind, Stretch, WindowState, split
from integrations.models import SyncWindow
from integrations.models.sync_jobs import WINDOW_LEASE
from integrations.platforms.shopify import counts
from integrations.platforms.shopify.counts import Count

from . import logins
from .turns import Turn

# Shopify, API limits: at most 25,000 objects of a list can be paged through. Whether that binds
# the Admin API is unconfirmed, so no window comes near it.
MOST_ROWS = 25_000
COMFORTABLE_ROWS = 20_000
# A stretch this short is read as it is, whatever it holds.
SHORTEST = timedelta(minutes=10)
SHORTEST_OF_DAYS = timedelta(days=7)
# Windows behind the one in hand are counted for so long; the rest when their turn comes.
LOOKING_AHEAD = 10.0
# Without an answer to these, nothing can be read either.
STOPPING = {FailureKind.AUTH, FailureKind.RATE_LIMITED, FailureKind.TRANSIENT}


def measure(turn: Turn) -> bool:
    """Count what is in the window in hand, and then in the job's others.

    False when the window was given back meanwhile. Raises PlatformError, LostWindow.
    """
    while True:
        if not turn.take_points(counts.POINTS):
            return False
        found = _count(turn, turn.window)
        if found is None or not _is_too_much(turn.window, found):
            break
        _cut(turn, found)
    turn.note(expected=_expected(found), counted_at=turn.clock())
    return _look_ahead(turn)


def _look_ahead(turn: Turn) -> bool:
    began = time.monotonic()
    others = SyncWindow.objects.filter(
        job=turn.window.job_id, state=WindowState.WAITING, counted_at=None
    ).exclude(pk=turn.window.pk)
    for window in others.order_by("position"):
        if time.monotonic() - began > LOOKING_AHEAD:
            break
        if not turn.goes_on() or not turn.take_points(counts.POINTS):
            return False
        turn.note(lease_until=turn.clock() + WINDOW_LEASE)
        window.job = turn.window.job
        found = _count(turn, window)
        if found is None or not _is_too_much(window, found):
            others.filter(pk=window.pk).update(expected=_expected(found), counted_at=turn.clock())
        else:
            # It is cut when its turn comes; until then the number is worth knowing.
            others.filter(pk=window.pk).update(expected=_expected(found))
    return True


def _count(turn: Turn, window: SyncWindow) -> Count | None:
    """What the shop says; None where it gives no answer that we understand."""
    stretch, now = Stretch(window.since, window.until), turn.clock()
    changed = window.job.kind == JobKind.CATCH_UP
    try:
        return logins.ask_shop(
            window.job.store,
            lambda shop: counts.count(shop, window.stream, stretch, changed=changed),
            now=now,
        )
    except PlatformError as exc:
        # A permission that one stream lacks says nothing of the others.
        if exc.failure.kind in STOPPING and exc.failure.code != scopes.REFUSED:
            raise
        # A number is a comfort and a check; the records themselves are asked for regardless.
        return None


def _expected(found: Count | None) -> int | None:
    return found.number if found is not None and found.exact else None


def _is_too_much(window: SyncWindow, found: Count) -> bool:
    # A count of whole days stays as it is, however the days are cut.
    shortest = SHORTEST if found.exact else SHORTEST_OF_DAYS
    return found.number > MOST_ROWS and window.until - window.since > shortest


def _cut(turn: Turn, found: Count) -> None:
    """Make several windows of the one in hand, which becomes the newest of them."""
    window = turn.window
    parts = math.ceil(found.number / COMFORTABLE_ROWS)
    newest, *older = split(Stretch(window.since, window.until), parts=parts)
    with transaction.atomic():
        turn.note(since=newest.since, lease_until=turn.clock() + WINDOW_LEASE)
        behind = SyncWindow.objects.filter(job=window.job_id, position__gt=window.position)
        behind.update(position=F("position") + len(older))
        SyncWindow.objects.bulk_create(
            SyncWindow(
                job_id=window.job_id,
                stream=window.stream,
                since=piece.since,
                until=piece.until,
                position=window.position + number,
                next_attempt_at=turn.clock(),
            )
            for number, piece in enumerate(older, start=1)
        )
