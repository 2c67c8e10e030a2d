"""Taking a job back: what can be, what cannot, and why."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from .operations import EVENTS


class UndoState(StrEnum):
    """Where an undo is."""

    DRAFT = "draft"
    RUNNING = "running"
    CANCELLED = "cancelled"
    DONE = "done"


class What(StrEnum):
    """What is taken back, in the order in which it is: a variant before its item."""

    VARIANT = "variant"
    ITEM = "item"
    PROFILE = "profile"


class ItemState(StrEnum):
    """What became of one thing on the list."""

    WAITING = "waiting"
    SENT = "sent"  # Klaviyo has taken it and has not said yet what became of it
    DONE = "done"
    LEFT = "left"  # it was not touched, and the message says why
    FAILED = "failed"


# Klaviyo: "No update and no delete of events"; only erasing a whole person redacts theirs.
RECORDED = EVENTS
# Everything we ever write to a profile, apart from the address or number it is known by.
WRITTEN = ("email", "phone_number", "first_name", "last_name", "locale", "location")
CHANGED_SINCE = "Something newer was sent since, so this was left as it is."
NEW_VARIANTS = "It has variants that came later, which would go with it."


class Kept(msgspec.Struct):
    """A profile before a job first wrote to it, and everything the job has written since."""

    key: str
    before: dict[str, Any]
    after: dict[str, Any]
    # Whether there was a profile at all; one that the job made cannot be removed alone.
    existed: bool = True

    def wrote(self, attributes: Mapping[str, Any]) -> None:
        """Note what is written now, over what was written before."""
        self.after = merged(self.after, attributes)


def merged(known: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """What a profile holds once more is written: a location is put together part by part."""
    whole = {**known, **added}
    if isinstance(known.get("location"), dict) and isinstance(added.get("location"), dict):
        whole["location"] = {**known["location"], **added["location"]}
    return whole


def restoring(kept: Kept, current: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What to write so that a profile is as it was, and the fields somebody has changed since.

    None empties a field (Klaviyo: null clears it, leaving it out keeps it). What the profile is
    known by stays.
    """
    back: dict[str, Any] = {}
    changed: list[str] = []
    for name, wrote in kept.after.items():
        if name not in WRITTEN or kept.key == wrote:
            continue
        if name == "location":
            _restore_location(kept, current, back, changed)
        else:
            _restore(name, wrote, kept.before.get(name), current.get(name), back, changed)
    return back, changed


def _restore_location(
    kept: Kept, current: Mapping[str, Any], back: dict[str, Any], changed: list[str]
) -> None:
    parts: dict[str, Any] = {}
    before, now = kept.before.get("location") or {}, current.get("location") or {}
    for name, wrote in kept.after["location"].items():
        _restore(name, wrote, before.get(name), now.get(name), parts, changed)
    if parts:
        back["location"] = parts


def _restore(
    name: str, wrote: Any, before: Any, now: Any, back: dict[str, Any], changed: list[str]
) -> None:
    before, now = before or None, now or None
    if now == before:
        return
    if now == wrote:
        back[name] = before
    else:
        changed.append(name)
