"""Asking a shop on behalf of a window: what it cost is learned, and the call is counted."""

from collections.abc import Callable
from typing import TypeVar

from django.db.models import F

from integrations.models import SyncWindow
from integrations.platforms.shopify.client import Shopify, Told

from . import logins, points
from .turns import Turn

T = TypeVar("T")


def ask(turn: Turn, question: Callable[[Shopify], Told[T]]) -> T:
    """Ask, and return what was told. Raises PlatformError."""
    store = turn.window.job.store
    told = logins.ask_shop(store, question, now=turn.clock())
    points.learn(store.pk, told.cost, now=turn.clock())
    SyncWindow.objects.owned(turn.claim).update(calls=F("calls") + 1)
    return told.data
