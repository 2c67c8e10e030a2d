"""The bodies Klaviyo takes for events, as types: the decoder does the strict part."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

STRING_LIMIT = 100 * 1024
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


PROPERTIES: Any = msgspec.json.Decoder(
    Annotated[dict[Text, nested(DEPTH_LIMIT - 1)], Meta(max_length=PROPERTY_LIMIT)]
)


class Strict(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An object that knows all its keys."""


class Location(Strict):
    address1: Text | None | UnsetType = UNSET
    address2: Text | None | UnsetType = UNSET
    city: Text | None | UnsetType = UNSET
    country: Text | None | UnsetType = UNSET
    latitude: str | float | None | UnsetType = UNSET
    longitude: str | float | None | UnsetType = UNSET
    region: Text | None | UnsetType = UNSET
    zip: Text | None | UnsetType = UNSET
    timezone: Text | None | UnsetType = UNSET
    ip: Text | None | UnsetType = UNSET


class ProfileAttributes(Strict):
    email: Text | None | UnsetType = UNSET
    phone_number: Text | None | UnsetType = UNSET
    external_id: Text | None | UnsetType = UNSET
    first_name: Text | None | UnsetType = UNSET
    last_name: Text | None | UnsetType = UNSET
    organization: Text | None | UnsetType = UNSET
    locale: Text | None | UnsetType = UNSET
    title: Text | None | UnsetType = UNSET
    image: Text | None | UnsetType = UNSET
    location: Location | None | UnsetType = UNSET
    properties: dict[str, Any] | None | UnsetType = UNSET
    kx: Text | None | UnsetType = msgspec.field(default=UNSET, name="_kx")


class EventProfileAttributes(ProfileAttributes):
    anonymous_id: Text | None | UnsetType = UNSET
    meta: dict[str, Any] | None | UnsetType = UNSET


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
