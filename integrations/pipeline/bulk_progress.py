"""How far the export of a window is, as it is kept in the window's row between two steps."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from integrations.models import SyncWindow


class Step(StrEnum):
    """What was done last; each is written down before or with what it stands for."""

    NOTHING = "nothing"
    ASKED = "asked"  # the run may have begun; its answer is not here
    RUNNING = "running"
    FETCHING = "fetching"  # the run is complete, and its file comes
    LANDING = "landing"  # all of the file is here, and whole


# A run of ours holds one of the shop's places.
HOLDING = (Step.ASKED, Step.RUNNING)


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """One window's export."""

    step: Step = Step.NOTHING
    # What its query is called at the shop, to find it again by.
    name: str = ""
    run_id: str = ""
    asked_at: datetime | None = None
    # How many runs were begun, and why the last one came to nothing.
    runs: int = 0
    why: str = ""
    polls: int = 0
    objects: int = 0
    # What the shop says of the file.
    roots: int = 0
    size: int | None = None
    # How much of it is staged, and the mark of the file that was.
    offset: int = 0
    mark: str = ""
    downloads: int = 0
    refusals: int = 0

    @classmethod
    def of(cls, window: SyncWindow) -> "Progress":
        """Read it from the row; a window that is at its beginning has none."""
        return msgspec.convert(window.bulk, cls)

    def but(self, **changes: Any) -> dict[str, Any]:
        """The same with changes, as the row keeps it."""
        kept: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self, **changes))
        return kept
