"""Filling requests: past data that would travel in a half-empty one waits for the next batch.

Klaviyo counts requests, and a request takes a thousand events. A batch of past orders makes some
thousands of them, and what is left over after the last full request would cost as much of the
limit as a full one does. While more is waiting than a batch holds, the messages it comes from stay
where they are, untouched, and lead the next batch.
"""

from integrations.domain.operations import TrackEvent
from integrations.platforms.klaviyo.endpoints import FACTS, Endpoint

from .items import Item, Outcome
from .reading import Reading

FULL = FACTS[Endpoint.EVENTS].most
# Fuller than this, the last request goes: reading its messages once more would cost more.
FULL_ENOUGH = 0.85


def cut(readings: list[Reading], to_send: list[Item]) -> tuple[list[Reading], list[Item]]:
    """Leave out what would travel in a half-empty request; returns what stays in this batch."""
    events = [item for item in to_send if isinstance(item.operation, TrackEvent)]
    rest = len(events) % FULL
    if len(events) < FULL or not rest or rest >= FULL * FULL_ENOUGH:
        return readings, to_send
    room, left_out = len(events) - rest, set[int]()
    weights: dict[int, int] = {}
    for item in events:
        weights[item.event_id] = weights.get(item.event_id, 0) + 1
    for reading in readings:
        room -= weights.get(reading.event.pk, 0)
        if room < 0:
            left_out.add(reading.event.pk)
    for item in to_send:
        if item.event_id in left_out:
            # A message that stays may have its news carried by one that waits, and waits with it.
            item.end(Outcome.WAIT)
    return (
        [one for one in readings if one.event.pk not in left_out],
        [item for item in to_send if item.event_id not in left_out],
    )
