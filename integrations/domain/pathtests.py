"""What a test of the way from a shop to Klaviyo has shown so far, part by part."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

# Messages usually end within two seconds; after this long the worker is not just busy.
PATIENCE = timedelta(seconds=30)


class Mark(StrEnum):
    """How a part ended, or that it has not."""

    OK = "ok"
    BAD = "bad"
    WAITING = "waiting"
    KEPT = "kept"  # held on purpose, by a pause or a stopped account


class Part(msgspec.Struct, frozen=True):
    """One part of the way: what was found, and what to do where it is not well."""

    name: str
    mark: Mark
    text: str
    advice: str = ""


class Evidence(msgspec.Struct, frozen=True):
    """What is known of one test."""

    asked_at: datetime
    now: datetime
    # None where the shop could not be asked.
    subscribed: int | None = None
    wanted: int = 0
    shop_trouble: str = ""
    # What our own address answered; None where it did not.
    status: int | None = None
    milliseconds: int | None = None
    trouble: str = ""
    received_at: datetime | None = None
    settled_at: datetime | None = None
    paused: bool = False
    held: bool = False
    klaviyo_answered: bool | None = None
    klaviyo_trouble: str = ""


def judge(evidence: Evidence) -> list[Part]:
    """Say of each part of the way whether it works."""
    return [
        _shop(evidence),
        _address(evidence),
        _inbox(evidence),
        _worker(evidence),
        _klaviyo(evidence),
    ]


def is_running(parts: list[Part]) -> bool:
    """Whether looking again soon may show something new."""
    return any(part.mark is Mark.WAITING for part in parts)


def _shop(evidence: Evidence) -> Part:
    name = "The shop knows where to send"
    if evidence.subscribed is None:
        return Part(
            name,
            Mark.BAD,
            evidence.shop_trouble or "The shop could not be asked.",
            "Check the login of the shop. If it needs you, reconnect it.",
        )
    text = (
        f"{evidence.subscribed} of {evidence.wanted} kinds of message are set up to come here, "
        "the shop says."
    )
    if evidence.subscribed < evidence.wanted:
        return Part(
            name,
            Mark.BAD,
            text,
            "We set up what is missing by ourselves within the hour. Where a permission is "
            "missing, the list of messages says which: reconnect the shop and allow it.",
        )
    return Part(name, Mark.OK, text)


def _address(evidence: Evidence) -> Part:
    name = "Our address accepts its messages"
    if evidence.status == 200:
        return Part(name, Mark.OK, f"Accepted in {_milliseconds(evidence.milliseconds)}.")
    text = evidence.trouble
    if evidence.status is not None:
        text = f"Our own address answered with status {evidence.status} instead of 200."
    return Part(
        name,
        Mark.BAD,
        text or "Nothing was sent.",
        "Messages from the shop cannot arrive like this. Tell your support contact: the public "
        "address of this console has to be put right.",
    )


def _inbox(evidence: Evidence) -> Part:
    name = "It lies in the inbox"
    if evidence.received_at is not None:
        return Part(name, Mark.OK, "The test message is kept.")
    if evidence.status != 200:
        return Part(name, Mark.BAD, "It cannot, because it was not accepted.")
    return Part(
        name,
        Mark.BAD,
        "It was accepted, but not by this console.",
        "The public address leads to another installation. Tell your support contact.",
    )


def _worker(evidence: Evidence) -> Part:
    name = "A worker takes it from there"
    if evidence.received_at is None:
        return Part(name, Mark.BAD, "There was nothing to take.")
    if evidence.settled_at is not None:
        took = (evidence.settled_at - evidence.received_at).total_seconds()
        words = f"{took:.1f} seconds" if took >= 1 else _milliseconds(max(1, round(took * 1000)))
        return Part(name, Mark.OK, f"Worked off {words} after it arrived.")
    if evidence.paused or evidence.held:
        why = "Delivery is paused" if evidence.paused else "Klaviyo does not let us in"
        return Part(name, Mark.KEPT, f"{why}, so it waits like every other message.")
    waited = evidence.now - evidence.received_at
    if waited < PATIENCE:
        return Part(name, Mark.WAITING, "Waiting for a worker.")
    return Part(
        name,
        Mark.BAD,
        f"No worker has taken it in {int(waited.total_seconds())} seconds.",
        "Our own delivery is behind or has stopped. Nothing is lost. You do not have to do "
        "anything; if it lasts, tell your support contact.",
    )


def _klaviyo(evidence: Evidence) -> Part:
    name = "Klaviyo lets us in"
    if evidence.klaviyo_answered:
        return Part(name, Mark.OK, "Klaviyo answered and accepted our login.")
    if evidence.klaviyo_answered is None:
        return Part(name, Mark.WAITING, "Klaviyo is being asked.")
    return Part(
        name,
        Mark.BAD,
        evidence.klaviyo_trouble or "Klaviyo did not accept our login.",
        "Open the Klaviyo account and reconnect it, unless Klaviyo itself is down.",
    )


def _milliseconds(value: int | None) -> str:
    return f"{value:,} ms" if value is not None else "time"
