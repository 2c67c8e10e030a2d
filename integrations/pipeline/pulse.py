"""Between two sweeps: finding soon what somebody who was killed left behind."""

from collections.abc import Callable
from datetime import datetime, timedelta

from . import backfill, maintenance, undoing

# A lease that has run out is seen this soon.
LOOK_EVERY = timedelta(seconds=5)
# Whoever was asked for may have to wait for a free worker; more of them would only wait with him.
PATIENCE = timedelta(seconds=15)


class Pulse:
    """Looks at what is due and asks for whoever does it, where nobody does.

    It costs a few short statements; everything else is left to the sweep.
    """

    def __init__(self) -> None:
        self._asked_at: dict[Callable[..., bool], datetime] = {}

    def look(self, *, now: datetime) -> None:
        """Ask for those who are missing, and not for the same one again and again."""
        for wake in (maintenance.wake, maintenance.wake_past, backfill.wake, undoing.wake):
            asked_at = self._asked_at.get(wake)
            if asked_at is not None and now - asked_at < PATIENCE:
                continue
            if wake(now=now):
                self._asked_at[wake] = now
