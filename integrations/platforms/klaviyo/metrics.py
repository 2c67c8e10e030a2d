"""The metrics of an account, who writes each, and which of them its reports count."""

import msgspec

from .client import Klaviyo
from .collections import read_all

UNNAMED = "API"


class Metric(msgspec.Struct, frozen=True):
    """One kind of event. Klaviyo tells metrics apart by name *and* integration."""

    id: str
    name: str
    # Who writes it: its name, its key and its category (`API` for private keys; unconfirmed:
    # what an OAuth app's own metrics carry, other than that they are branded with the app).
    integration: str = UNNAMED
    key: str = ""
    category: str = ""


class _Integration(msgspec.Struct):
    name: str | None = None
    key: str | None = None
    category: str | None = None


class _Attributes(msgspec.Struct):
    name: str | None = None
    integration: _Integration | None = None


class _Metric(msgspec.Struct):
    id: str
    attributes: _Attributes


class _Pointer(msgspec.Struct):
    id: str


class _Relation(msgspec.Struct):
    data: _Pointer | None = None


class _Relations(msgspec.Struct):
    metric: _Relation | None = None


class _Mapping(msgspec.Struct):
    id: str
    relationships: _Relations | None = None


def read(client: Klaviyo) -> list[Metric]:
    """Every metric of the account; Klaviyo has no filter by name. Raises PlatformError."""
    return [_metric(one) for one in read_all(client, "metrics", _Metric)]


def mapped(client: Klaviyo) -> dict[str, str]:
    """Which metric each report counts, like `revenue`; custom ones are left out.

    Raises PlatformError.
    """
    found = {}
    for one in read_all(client, "mapped-metrics", _Mapping):
        relation = one.relationships.metric if one.relationships else None
        if relation and relation.data:
            found[one.id] = relation.data.id
    return found


def _metric(found: _Metric) -> Metric:
    told = found.attributes.integration or _Integration()
    return Metric(
        found.id,
        found.attributes.name or "",
        told.name or UNNAMED,
        (told.key or "").lower(),
        (told.category or "").lower(),
    )
