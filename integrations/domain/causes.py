"""Groups of failed records: what somebody has decided about one, and when it comes back."""

from enum import StrEnum


class CauseState(StrEnum):
    """What people have decided about a group; the value is kept, the label is on pages."""

    NEW = "new"
    KNOWN = "known"
    FIXING = "fixing"
    PARKED = "parked"
    BACK = "back"


LABELS = {
    CauseState.NEW: "New",
    CauseState.KNOWN: "Known",
    CauseState.FIXING: "Being repaired",
    CauseState.PARKED: "Parked",
    CauseState.BACK: "Back again",
}
