"""The shop's message that an export has ended: whoever waits for it looks at once.

Source: topic `bulk_operations/finish`; its delivery is not guaranteed, so runs are asked about too.
"""

from datetime import datetime

import msgspec

from integrations import queue
from integrations.domain.windows import WindowState
from integrations.models import Store, SyncWindow

from .bulk_progress import Step

FINISH = "bulk_operations/finish"


class _Finish(msgspec.Struct):
    admin_graphql_api_id: str = ""


def take(store: Store, body: bytes, *, now: datetime) -> None:
    """Make the window due whose run has ended; what became of the run is asked, never believed."""
    try:
        run_id = msgspec.json.decode(body, type=_Finish).admin_graphql_api_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # the window asks by itself before long
    waiting = SyncWindow.objects.filter(
        job__store=store,
        state=WindowState.READING,
        bulk__step=Step.RUNNING,
        bulk__run_id=run_id,
        next_attempt_at__gt=now,
    )
    if run_id and waiting.update(next_attempt_at=now):
        queue.ask_for(queue.READ)
