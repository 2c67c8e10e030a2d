"""Why a fetch does not go on at this moment, where there is a reason. Read-only."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from integrations.domain.logins import LoginState
from integrations.domain.windows import WindowState
from integrations.models import Credential, SyncJob, SyncWindow

from . import backfill

# With these, what can be read is read.
USABLE = (LoginState.ACTIVE, LoginState.MISSING_SCOPES)


class Hold(msgspec.Struct, frozen=True):
    """A reason to wait, until when, and where somebody can help."""

    sentence: str
    until: datetime | None = None
    # A page that helps: `store-reconnect`, `account-reconnect`, `store`, or none.
    help: str = ""
    button: str = ""


def of_job(job: SyncJob, windows: Sequence[SyncWindow], *, now: datetime) -> Hold | None:
    """What a running fetch waits for; None while it goes on."""
    if general := _of_store(job):
        return general
    reading = [one for one in windows if one.state == WindowState.READING]
    if any(one.lease_until and one.lease_until > now for one in reading):
        return None
    held = next((one for one in [*reading, *windows] if _waits(one)), None)
    return _of_window(held) if held else None


def of_window(window: SyncWindow) -> Hold | None:
    """What one period waits for."""
    if window.state in (WindowState.DONE, WindowState.FAILED, WindowState.CANCELLED):
        return None
    return _of_store(window.job) or (_of_window(window) if _waits(window) else None)


def _waits(window: SyncWindow) -> bool:
    open_states = (WindowState.WAITING, WindowState.READING)
    return bool(window.wait_reason) and window.state in open_states


def _of_window(window: SyncWindow) -> Hold:
    if window.wait_reason == backfill.LOGIN:
        return Hold(
            "The login of the shop does not work.", help="store-reconnect", button="Reconnect"
        )
    if window.wait_reason == backfill.LIMITED:
        return Hold("The shop asks us to slow down.", until=window.next_attempt_at)
    if window.wait_reason == backfill.AHEAD:
        return Hold("Enough has been read. It is sent first, then reading goes on.")
    return Hold(window.wait_reason.rstrip(".") + ".", until=window.next_attempt_at)


def _of_store(job: SyncJob) -> Hold | None:
    store = job.store
    if store.paused_at:
        return Hold(
            "The shop is paused. Nothing is read or sent until it goes on.",
            help="store",
            button="See the shop",
        )
    if store.klaviyo_account.held_since:
        return Hold(
            "Klaviyo does not let us in. What was read is kept.",
            help="account-reconnect",
            button="Reconnect",
        )
    if Credential.objects.filter(store=store).exclude(state__in=USABLE).exists():
        return Hold(
            "The login of the shop does not work.", help="store-reconnect", button="Reconnect"
        )
    return None
