"""A reader's turn at a window: how it is let go of, and the waits that end it."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import F

from integrations.domain.lanes import Lane
from integrations.models import SyncWindow
from integrations.models.sync_jobs import WindowClaim

from . import landing, points

Clock = Callable[[], datetime]

AHEAD = "Enough is read; what has been read is being sent first."
LIMITED = "The shop's limit is used up for the moment."
LOGIN = "The shop's login does not work."

AHEAD_WAIT = timedelta(seconds=1)
# A shorter wait for points is sat out with the window in hand.
SHORT_WAIT = timedelta(seconds=5)
LONG_WAIT = timedelta(seconds=30)


class GivenBack(Exception):
    """The window was given back before its page was whole; nothing of it was landed."""


class Turn(msgspec.Struct, frozen=True):
    """A window in hand, and what its reader must look at between two steps."""

    claim: WindowClaim
    window: SyncWindow
    clock: Clock
    is_over: Callable[[], bool]
    alive: Callable[[], None]

    def goes_on(self) -> bool:
        """Whether to take another step; if not, the window is given back."""
        self.alive()
        if self.is_over() or not landing.standing(self.window).is_wanted:
            give_back(self.claim, until=self.clock())
            return False
        return True

    def may_land(self) -> bool:
        """Whether to take another step that lands something; if not, the window is given back.

        Not while enough is landed that is not sent yet.
        """
        self.alive()
        standing = landing.standing(self.window)
        if self.is_over() or not standing.is_wanted:
            give_back(self.claim, until=self.clock())
            return False
        if standing.is_far_ahead:
            give_back(self.claim, until=self.clock() + AHEAD_WAIT, reason=AHEAD)
            return False
        return True

    def pay(self, price: float) -> None:
        """Take points for one more call in the middle of a page. Raises GivenBack.

        The page would have to be read again, so a longer wait is sat out.
        """
        if not self.take_points(price, patience=LONG_WAIT):
            raise GivenBack
        SyncWindow.objects.owned(self.claim).update(calls=F("calls") + 1)

    def take_points(self, price: float, *, patience: timedelta = SHORT_WAIT) -> bool:
        """Take query points, sitting out a short wait; False when the window was given back."""
        store_id = self.window.job.store_id
        while True:
            now = self.clock()
            wait = points.take(store_id, price, lane=Lane.BACKFILL, now=now)
            if wait is None:
                return True
            if wait - now > patience:
                give_back(self.claim, until=wait, reason=LIMITED)
                return False
            time.sleep(max(0.05, min(1.0, (wait - now).total_seconds())))
            if not self.goes_on():
                return False

    def note(self, **changes: Any) -> None:
        """Write changes to the window, if it is still ours. Raises LostWindow."""
        if not SyncWindow.objects.owned(self.claim).update(**changes):
            raise landing.LostWindow(f"window {self.claim.pk} is past epoch {self.claim.epoch}")
        for name, value in changes.items():
            setattr(self.window, name, value)


def give_back(claim: WindowClaim, *, until: datetime, reason: str = "") -> None:
    """Let go of a window; it goes on at its cursor."""
    SyncWindow.objects.owned(claim).update(
        lease_until=None, lease_by="", next_attempt_at=until, wait_reason=reason
    )
