"""When a figure is a trouble: fixed shares, and enough of a number that one of two is no alarm."""

from enum import StrEnum

FAILURES_WARN = 5
FAILURES_CRITICAL = 20
TOO_MANY_REFUSED_FOR_SPEED = 10
LAG_WARNS, LAG_CRITICAL = 60, 15 * 60
# Fewer than so many say nothing about a share.
LEAST = 20


class Verdict(StrEnum):
    """How bad a share is, in the order of what to look at first."""

    CRITICAL = "critical"
    WARNING = "warning"
    FINE = "fine"
    TOO_FEW = "too_few"


WORDS = {
    Verdict.CRITICAL: "Critical",
    Verdict.WARNING: "Warning",
    Verdict.FINE: "Fine",
    Verdict.TOO_FEW: "Too few to say",
}


def of_failures(failed: int, total: int) -> Verdict:
    """Judge the share of messages that failed: 5 % is a warning, 20 % is critical."""
    if total < LEAST:
        return Verdict.TOO_FEW
    if failed * 100 >= FAILURES_CRITICAL * total:
        return Verdict.CRITICAL
    return Verdict.WARNING if failed * 100 >= FAILURES_WARN * total else Verdict.FINE


def of_refusals_for_speed(throttled: int, calls: int) -> Verdict:
    """Judge the share of calls that came too fast (429): more than 10 % is too many."""
    if calls < LEAST:
        return Verdict.TOO_FEW
    return Verdict.WARNING if throttled * 100 > TOO_MANY_REFUSED_FOR_SPEED * calls else Verdict.FINE


def of_lag(seconds: float | None) -> Verdict:
    """Judge how long messages take, or wait: a minute warns, a quarter of an hour is critical."""
    if seconds is None:
        return Verdict.TOO_FEW
    if seconds > LAG_CRITICAL:
        return Verdict.CRITICAL
    return Verdict.WARNING if seconds > LAG_WARNS else Verdict.FINE


def share(part: int, total: int) -> float:
    """A part in per cent; nought of nothing."""
    return 100 * part / total if total else 0.0


def worst(*verdicts: Verdict) -> Verdict:
    """The one to look at first."""
    order = list(Verdict)
    return min(verdicts, key=order.index, default=Verdict.TOO_FEW)
