"""What a look at real records says beforehand: how each would end, and why."""

import msgspec

from .forecast import EXAMPLES, Ends, Example, Reason, Remark, StreamAudit, spread
from .people import EMAIL_DROPPED, PHONE_DROPPED
from .skips import Skip

NEW = "new"
ARRIVED = "arrived_before"
GUEST = "guest_order"
ELSEWHERE = "known_from_other_shop"
NOBODY_BAD_EMAIL = "nobody_bad_email"
NULL_FIELD = "null_field"
BAD_DATE = "bad_date"
TRUNCATED = "truncated"
REMARKS = {EMAIL_DROPPED: "bad_email", PHONE_DROPPED: "bad_phone"}
_NULLS = ("got `null`", "missing required field", "has no date")
_DATES = ("believable date", "RFC3339", "datetime")


class Seen(msgspec.Struct, frozen=True):
    """One record that was looked at: how it would end, why, and what else is worth knowing."""

    ends: Ends
    code: str
    example: Example
    remarks: tuple[tuple[str, str], ...] = ()


def code_of_fault(rule: str, message: str) -> str:
    """The reason by which a record cannot be read, told apart further than its rule does."""
    if any(mark in message for mark in _NULLS):
        return NULL_FIELD
    if rule == "date" or any(mark in message for mark in _DATES):
        return BAD_DATE
    return rule or "unreadable"


def code_of_skip(skip: str, notes: tuple[str, ...]) -> str:
    """The reason by which a record needs nothing sent."""
    return NOBODY_BAD_EMAIL if skip == Skip.NOBODY and EMAIL_DROPPED in notes else skip


def add(audit: StreamAudit, seen: Seen) -> None:
    """Count one record in."""
    audit.looked += 1
    alike = (one for one in audit.reasons if (one.code, one.ends) == (seen.code, seen.ends))
    reason = next(alike, None)
    if reason is None:
        reason = Reason(code=seen.code, ends=seen.ends)
        audit.reasons.append(reason)
    reason.seen += 1
    if seen.code != NEW and len(reason.examples) < EXAMPLES:
        reason.examples = [*reason.examples, seen.example]
    for code, shows in seen.remarks:
        remark(audit, code, msgspec.structs.replace(seen.example, shows=shows))


def remark(audit: StreamAudit, code: str, example: Example) -> None:
    """Note something about a record that does not change how it ends."""
    found = next((one for one in audit.remarks if one.code == code), None)
    if found is None:
        found = Remark(code=code)
        audit.remarks.append(found)
    found.seen += 1
    if len(found.examples) < EXAMPLES:
        found.examples = [*found.examples, example]


def scale(audit: StreamAudit, total: int | None) -> None:
    """Say of everything what was seen of a part; the reasons add up to the total exactly.

    A count may lag behind, or be of whole days, so what was read whole stands by itself.
    """
    audit.total = audit.looked if audit.whole or total is None else max(total, audit.looked)
    seen = {str(place): one.seen for place, one in enumerate(audit.reasons)}
    expected = spread(seen, audit.total)
    for place, one in enumerate(audit.reasons):
        one.expected = expected[str(place)]
    for found in audit.remarks:
        found.expected = scaled(found.seen, audit.looked, audit.total)
    audit.reasons = sorted(audit.reasons, key=lambda one: (_ORDER[one.ends], -one.expected))


def scaled(seen: int, looked: int, total: int) -> int:
    """A count of a sample, for everything."""
    return seen if looked == 0 or total <= looked else max(seen, round(seen * total / looked))


_ORDER = {ends: place for place, ends in enumerate(Ends)}
