"""Letting go of exports nobody waits for any more: their runs at the shop, and their lines here."""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db.models import Q

from integrations.domain.failures import PlatformError
from integrations.domain.lanes import Lane
from integrations.domain.windows import OVER, JobState, WindowState
from integrations.models import BulkLine, SyncWindow
from integrations.models.sync_jobs import SyncWindowQuerySet
from integrations.platforms.shopify import bulk as shop
from integrations.platforms.shopify.client import Shopify

from . import logins, points
from .bulk_progress import HOLDING, Progress

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def tidy(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Stop runs of windows that are paused or over, and drop lines of windows that are read.

    Returns how many runs were stopped. A paused window begins its export anew when it goes on; one
    whose file is being fetched or landed keeps it.
    """
    BulkLine.objects.filter(window__state__in=[*OVER, WindowState.SENDING]).delete()
    stopped = 0
    for window in _unwanted(clock()).select_related("job__store"):
        if stopping():
            break
        stopped += _stop(window, clock())
    return stopped


def _unwanted(now: datetime) -> SyncWindowQuerySet:
    held = Q(job__state__in=[JobState.PAUSED, JobState.CANCELLED]) | Q(state__in=OVER)
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return SyncWindow.objects.filter(held, free, bulk__step__in=HOLDING)


def _stop(window: SyncWindow, now: datetime) -> bool:
    store, progress = window.job.store, Progress.of(window)
    price = shop.LIST_POINTS + shop.CANCEL_POINTS
    if points.take(store.pk, price, lane=Lane.BACKFILL, now=now) is not None:
        return False

    def question(client: Shopify) -> bool:
        run_id = progress.run_id or _found(client, progress.name)
        return bool(run_id and shop.cancel(client, run_id).data)

    try:
        stopped = logins.ask_shop(store, question, now=now)
    except PlatformError as exc:
        # It is tried again with the next sweep; Shopify ends a run by itself after ten days.
        log.info("bulk.not_stopped", extra={"window": window.pk, "code": exc.failure.code})
        return False
    SyncWindow.objects.filter(pk=window.pk, epoch=window.epoch).update(bulk={})
    return stopped


def _found(client: Shopify, name: str) -> str:
    run = shop.find(client, name).data
    return run.id if run else ""
