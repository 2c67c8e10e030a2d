"""What the page about taking back shows: its list, and what it waits for. Read-only."""

from datetime import datetime

from integrations.domain.undo import UndoState
from integrations.domain.windows import JobState
from integrations.models import Undo, UndoItem

from . import cursors
from .browsing import Page
from .fetch_holds import Hold

SHOWN = 50


def items(undo: Undo, *, after: str) -> Page[UndoItem]:
    """The things on a list, in the order in which they are taken back."""
    rows = UndoItem.objects.filter(undo=undo)
    count = rows.count()
    found, behind = cursors.page(rows, "pk", after=after, size=SHOWN)
    return Page(found, behind, count)


def hold(undo: Undo, *, now: datetime) -> Hold | None:
    """What taking back waits for; None while it goes on, or is over."""
    if undo.state != UndoState.RUNNING:
        return None
    store = undo.job.store
    account = store.klaviyo_account
    if undo.job.state not in (JobState.DONE, JobState.CANCELLED):
        return Hold("The fetch runs again. Taking back goes on when that is over.")
    if store.paused_at:
        return Hold(
            "The shop is paused. Nothing is taken back until it goes on.",
            help="store",
            button="See the shop",
        )
    if account.held_since:
        return Hold("Klaviyo does not let us in.", help="account-reconnect", button="Reconnect")
    if account.tripped_at:
        return Hold(
            "Klaviyo has trouble at the moment. Taking back goes on by itself when it answers "
            "again.",
            help="account",
            button="See what is known",
        )
    if undo.wait_reason:
        until = undo.next_attempt_at if undo.next_attempt_at > now else None
        return Hold(undo.wait_reason.rstrip(".") + ".", until=until)
    return None
