"""Which endpoint an operation goes to, and what must go before what."""

from integrations.domain.operations import (
    DeleteCatalogItem,
    DeleteCatalogVariant,
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
