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
# Of a period in one of these, something is still to be read.
OPEN = (WindowState.WAITING, WindowState.READING)


class Hold(msgspec.Struct, frozen=True):
    """A reason to wait, until when, and where somebody can help."""

    sentence: str
    until: datetime | None = None
    # A page that helps: `store-reconnect`, `account-reconnect`, `store`, or none.
    help: str = ""
    button: str = ""
    # The part of that page which tells more.
    part: str = ""


# What a breaker holds (docs/adr/0017): the panel it leads to says since when, and lets people try.
SHOP_TROUBLE = Hold(
    "Shopify has trouble, so nothing is read for now. It goes on where it stopped, by itself.",
    help="store",
    button="See since when, or try now",
    part="trouble-shop",
)
ACCOUNT_TROUBLE = Hold(
    "Klaviyo has trouble. What was read is kept, and sent by itself when Klaviyo answers again.",
    help="store",
    button="See since when, or try now",
    part="trouble-account",
)

LIMITED = "The shop asks us to slow down."


def of_job(job: SyncJob, windows: Sequence[SyncWindow], *, now: datetime) -> Hold | None:
    """What a running fetch waits for; None while it goes on."""
    if general := _of_store(job):
        return general
    if job.store.tripped_at and any(one.state in OPEN for one in windows):
        return SHOP_TROUBLE
    reading = [one for one in windows if one.state == WindowState.READING]
    if any(one.lease_until and one.lease_until > now for one in reading):
        return None
    held = next((one for one in [*reading, *windows] if _waits(one)), None)
    return _of_window(held) if held else None


def of_window(window: SyncWindow) -> Hold | None:
    """What one period waits for."""
    if window.state in (WindowState.DONE, WindowState.FAILED, WindowState.CANCELLED):
        return None
    if general := _of_store(window.job):
        return general
    if window.job.store.tripped_at and window.state in OPEN:
        return SHOP_TROUBLE
    return _of_window(window) if _waits(window) else None


def _waits(window: SyncWindow) -> bool:
    return bool(window.wait_reason) and window.state in OPEN


def _of_window(window: SyncWindow) -> Hold:
    if window.wait_reason == backfill.LOGIN:
        return Hold(
            "The login of the shop does not work.", help="store-reconnect", button="Reconnect"
        )
    if window.wait_reason == backfill.LIMITED:
        return Hold(LIMITED, until=window.next_attempt_at)
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
    if store.klaviyo_account.tripped_at:
        return ACCOUNT_TROUBLE
    if Credential.objects.filter(store=store).exclude(state__in=USABLE).exists():
        return Hold(
            "The login of the shop does not work.", help="store-reconnect", button="Reconnect"
        )
    return None
