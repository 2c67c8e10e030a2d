# ruff: noqa: D101 - each class is a level of a documented body, its name says which
"""The bodies Klaviyo takes for events, as types: the decoder does the strict part."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

STRING_LIMIT = 100_000
ARRAY_LIMIT = 4000
DEPTH_LIMIT = 10
PROPERTY_LIMIT = 400

Text = Annotated[str, Meta(max_length=STRING_LIMIT)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Scalar = Text | Whole | float | bool | None


def nested(depth: int) -> Any:
    """Make the type of a value that holds at most `depth` levels of lists and objects."""
    value: Any = Scalar
    for _ in range(depth):
        value = Scalar | Annotated[list[value], Meta(max_length=ARRAY_LIMIT)] | dict[Text, value]
    return value


_VALUE: Any = nested(DEPTH_LIMIT - 1)
_PROPERTIES: Any = Annotated[dict[Text, _VALUE], Meta(max_length=PROPERTY_LIMIT)]
PROPERTIES: Any = msgspec.json.Decoder(_PROPERTIES)


class Strict(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An object that knows all its keys."""


class Location(Strict):
    address1: Text | UnsetType | None = UNSET
    address2: Text | UnsetType | None = UNSET
    city: Text | UnsetType | None = UNSET
    country: Text | UnsetType | None = UNSET
    latitude: str | float | UnsetType | None = UNSET
    longitude: str | float | UnsetType | None = UNSET
    region: Text | UnsetType | None = UNSET
    zip: Text | UnsetType | None = UNSET
    timezone: Text | UnsetType | None = UNSET
    ip: Text | UnsetType | None = UNSET


class ProfileAttributes(Strict):
    email: Text | UnsetType | None = UNSET
    phone_number: Text | UnsetType | None = UNSET
    external_id: Text | UnsetType | None = UNSET
    first_name: Text | UnsetType | None = UNSET
    last_name: Text | UnsetType | None = UNSET
    organization: Text | UnsetType | None = UNSET
    locale: Text | UnsetType | None = UNSET
    title: Text | UnsetType | None = UNSET
    image: Text | UnsetType | None = UNSET
    location: Location | UnsetType | None = UNSET
    properties: dict[str, Any] | UnsetType | None = UNSET
    kx: Text | UnsetType | None = msgspec.field(default=UNSET, name="_kx")


class EventProfileAttributes(ProfileAttributes):
    anonymous_id: Text | UnsetType | None = UNSET
    meta: dict[str, Any] | UnsetType | None = UNSET


class EventProfile(Strict):
    type: Literal["profile"]
    attributes: EventProfileAttributes
    id: str | None = None


class EventProfileBox(Strict):
    data: EventProfile


class MetricAttributes(Strict):
    name: Annotated[str, Meta(min_length=1, max_length=127)]
    service: str | None = None


class Metric(Strict):
    type: Literal["metric"]
    attributes: MetricAttributes


class MetricBox(Strict):
    data: Metric


class InnerEventAttributes(Strict):
    properties: msgspec.Raw
    metric: MetricBox
    time: str | None = None
    value: float | None = None
    value_currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    unique_id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    backfill: bool | None = None


class EventAttributes(InnerEventAttributes, kw_only=True):
    profile: EventProfileBox


class Event(Strict):
    type: Literal["event"]
    attributes: EventAttributes


class EventBody(Strict):
    data: Event


class InnerEvent(Strict):
    type: Literal["event"]
    attributes: InnerEventAttributes


class InnerEvents(Strict):
    data: Annotated[list[InnerEvent], Meta(min_length=1)]


class GroupAttributes(Strict):
    profile: EventProfileBox
    events: InnerEvents
    backfill: bool | None = None


class Group(Strict):
    type: Literal["event-bulk-create"]
    attributes: GroupAttributes


class Groups(Strict):
    data: Annotated[list[Group], Meta(min_length=1)]


class JobAttributes(Strict):
    groups: Groups = msgspec.field(name="events-bulk-create")


class EventJob(Strict):
    type: Literal["event-bulk-create-job"]
    attributes: JobAttributes


class EventJobBody(Strict):
    data: EventJob


class ProfileData(Strict):
    """One profile as the profile endpoints take it."""

    type: Literal["profile"]
    attributes: ProfileAttributes
    id: str | None = None
    meta: dict[str, Any] | None = None


class ProfileBody(Strict):
    data: ProfileData


class Profiles(Strict):
    data: Annotated[list[ProfileData], Meta(min_length=1)]


class ImportAttributes(Strict):
    profiles: Profiles


class ImportJob(Strict):
    type: Literal["profile-bulk-import-job"]
    attributes: ImportAttributes
    relationships: dict[str, Any] | None = None


class ImportBody(Strict):
    data: ImportJob


EVENT: msgspec.json.Decoder[EventBody] = msgspec.json.Decoder(EventBody)
EVENT_JOB: msgspec.json.Decoder[EventJobBody] = msgspec.json.Decoder(EventJobBody)
PROFILE: msgspec.json.Decoder[ProfileBody] = msgspec.json.Decoder(ProfileBody)
IMPORT: msgspec.json.Decoder[ImportBody] = msgspec.json.Decoder(ImportBody)
