"""What sending a failed record again would lead to, from what is known beforehand."""

import msgspec

from .replays import Prospect


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one record before it is sent again."""

    # Its content has served its term, or was erased on request.
    is_gone: bool = False
    # The ledger says that Klaviyo has it, in this version or a newer one.
    is_held: bool = False
    # It is an entry in somebody's history, which Klaviyo adds up; anything else is written over.
    is_event: bool = False
    # Somebody has tried to send it, and Klaviyo's answer never came.
    unanswered: bool = False
    # A repair gives it to another person or another time, so Klaviyo cannot know it again.
    is_changed: bool = False
    # It was left behind by another integration, which names its entries in ways of its own.
    is_imported: bool = False
    # What of our own rules it breaks, in words; or that it still cannot be read; or what Klaviyo
    # said when it refused exactly this.
    refusal: str = ""
    refused_before: str = ""


class Outlook(msgspec.Struct, frozen=True):
    """What it would come to, and why."""

    prospect: Prospect
    why: str


GONE = "Its content is not kept any more, so there is nothing to send."
HELD = "Klaviyo already has it, so it is not sent a second time."
IMPORTED = "The other integration may have sent it under a name of its own."
CHANGED = (
    "An earlier try got no answer, so it may have arrived as it was then. With another person or "
    "time Klaviyo cannot tell that it is the same."
)
ANSWERLESS = (
    "An earlier try got no answer. If it arrived after all, Klaviyo knows it by its id and ignores "
    "this one."
)
REFUSED_BEFORE = "Klaviyo refused exactly this, and would again:"
PLAIN = "Klaviyo does not have it yet."


def outlook(facts: Facts) -> Outlook:
    """Say what sending it again would lead to, worst knowledge first."""
    if facts.is_gone:
        return Outlook(Prospect.GONE, GONE)
    if facts.is_held:
        return Outlook(Prospect.IGNORED, HELD)
    if facts.refusal:
        return Outlook(Prospect.REFUSED, facts.refusal)
    if facts.refused_before:
        return Outlook(Prospect.REFUSED, f"{REFUSED_BEFORE} {facts.refused_before}")
    if facts.is_event and facts.is_imported:
        return Outlook(Prospect.TWICE, IMPORTED)
    if facts.is_event and facts.unanswered and facts.is_changed:
        return Outlook(Prospect.TWICE, CHANGED)
    return Outlook(Prospect.RECORDED, ANSWERLESS if facts.unanswered else PLAIN)
