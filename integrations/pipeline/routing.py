"""Which endpoint an operation goes to, and what must go before what."""

from typing import TypeGuard

from integrations.domain.operations import (
    DeleteCatalogItem,
    DeleteCatalogVariant,
    Operation,
    TrackEvent,
    UpsertCatalogItem,
    UpsertProfile,
)
from integrations.platforms.klaviyo.endpoints import Endpoint

from .items import Item

# Up to this many go one by one where the bulk endpoint is exhausted or has no answer to give.
FEW = 10
# Up to this many do so where the bulk endpoint has nothing left: its budget is the smaller one.
MANY = 40
# Where to go when a bulk endpoint has nothing left, and few enough items wait.
SIBLINGS = {
    Endpoint.EVENTS: Endpoint.EVENT,
    Endpoint.PROFILE: Endpoint.PROFILES,
    Endpoint.PROFILES: Endpoint.PROFILE,
}

# What names a person at Klaviyo.
IDENTIFIERS = ("email", "phone_number")


def seat(items: list[Item]) -> list[Item]:
    """Let what is told of a person go as the profile of an event of theirs; returns who leads.

    Klaviyo: an event may create or update the profile it belongs to. Only where one identifier is
    all that is known: an event that names an address and a number may join two people for good.
    """
    events: dict[str, Item] = {}
    for item in items:
        if isinstance(item.operation, TrackEvent):
            events.setdefault(item.operation.profile.key, item)
    leading: list[Item] = []
    for item in items:
        event = events.get(item.operation.profile.key) if _says_little(item.operation) else None
        if event is None:
            leading.append(item)
        else:
            event.companion = item
    return leading


def _says_little(operation: Operation) -> TypeGuard[UpsertProfile]:
    if not isinstance(operation, UpsertProfile):
        return False
    named = [operation.attributes.get(name) for name in IDENTIFIERS]
    return [one for one in named if one] == [operation.profile.key]


def phases(items: list[Item]) -> list[list[tuple[Endpoint, list[Item]]]]:
    """Group by endpoint; what must exist first goes first."""
    groups: dict[Endpoint, list[Item]] = {}
    for item in items:
        groups.setdefault(_endpoint(item), []).append(item)
    profiles = groups.get(Endpoint.PROFILES)
    if profiles and len(profiles) <= FEW:
        groups[Endpoint.PROFILE] = groups.pop(Endpoint.PROFILES)
    later = (Endpoint.VARIANTS_CREATE, Endpoint.VARIANTS_UPDATE)
    first = [(one, part) for one, part in groups.items() if one not in later]
    second = [(one, part) for one, part in groups.items() if one in later]
    return [phase for phase in (first, second) if phase]


def _endpoint(item: Item) -> Endpoint:
    match item.operation:
        case TrackEvent():
            return Endpoint.EVENTS
        case UpsertProfile():
            return Endpoint.PROFILES
        case DeleteCatalogItem():
            return Endpoint.ITEMS_DELETE
        case DeleteCatalogVariant():
            return Endpoint.VARIANTS_DELETE
        case UpsertCatalogItem():
            return Endpoint.ITEMS_UPDATE if item.known else Endpoint.ITEMS_CREATE
        case _:
            return Endpoint.VARIANTS_UPDATE if item.known else Endpoint.VARIANTS_CREATE
