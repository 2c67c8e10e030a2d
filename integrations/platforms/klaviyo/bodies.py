"""Operations as Klaviyo's JSON. Each is encoded once; a request is their bytes put together."""

from typing import Any
from urllib.parse import quote

import msgspec

from integrations.domain.operations import (
    DeleteCatalogItem,
    DeleteCatalogVariant,
    Kind,
    Operation,
    TrackEvent,
    UpsertCatalogItem,
    UpsertCatalogVariant,
    UpsertProfile,
)

from .endpoints import Endpoint

# Amounts are numbers for Klaviyo and Decimal for us, so no float ever rounds one.
encode = msgspec.json.Encoder(decimal_format="number").encode


class Fragment(msgspec.Struct, frozen=True, gc=False):
    """The bytes of one operation: whom it is about, and what it says."""

    profile: bytes
    content: bytes

    @property
    def size(self) -> int:
        """Bytes, without what wraps them."""
        return len(self.profile) + len(self.content)


def fragment(operation: Operation, *, history: bool) -> Fragment:
    """Encode one operation; `history` keeps Klaviyo from starting flows because of it."""
    match operation:
        case TrackEvent():
            return Fragment(encode(_identifiers(operation)), encode(_event(operation, history)))
        case UpsertProfile():
            return Fragment(b"", encode(operation.attributes))
        case UpsertCatalogItem() | UpsertCatalogVariant():
            return Fragment(b"", encode(operation.attributes))
        case DeleteCatalogItem() | DeleteCatalogVariant():
            return Fragment(b"", b"")


def document(one: Fragment) -> bytes:
    """One operation as one JSON object, `profile` beside what is said: what a person can read."""
    if not one.profile:
        return one.content
    return b'{"profile":' + one.profile + b"," + one.content[1:]


def assemble(endpoint: Endpoint, items: list[tuple[Operation, Fragment]]) -> bytes:
    """Put encoded operations together to the body of one request, in their order."""
    match endpoint:
        case Endpoint.EVENT:
            (_, one), *_rest = items
            return (
                b'{"data":{"type":"event","attributes":'
                + one.content[:-1]
                + b',"profile":{"data":{"type":"profile","attributes":'
                + one.profile
                + b"}}}}}"
            )
        case Endpoint.EVENTS:
            return _wrap(
                b"event-bulk-create-job", b"events-bulk-create", [_bulk_event(f) for _, f in items]
            )
        case Endpoint.PROFILE:
            (_, one), *_rest = items
            return b'{"data":{"type":"profile","attributes":' + one.content + b"}}"
        case Endpoint.PROFILES:
            return _wrap(
                b"profile-bulk-import-job",
                b"profiles",
                [b'{"type":"profile","attributes":' + f.content + b"}" for _, f in items],
            )
        case _:
            plural = b"variants" if "variant" in endpoint else b"items"
            job = endpoint.removesuffix("s").encode()
            return _wrap(job, plural, [_catalog(endpoint, op, f) for op, f in items])


def catalog_id(external_id: str) -> str:
    """The compound id Klaviyo gives to an item or variant of a custom catalog."""
    return f"$custom:::$default:::{external_id}"


def catalog_path(external_id: str) -> str:
    """The same, for a URL."""
    return quote(catalog_id(external_id), safe="")


def _identifiers(event: TrackEvent) -> dict[str, str]:
    if event.profile.email:
        return {"email": event.profile.email}
    return {"phone_number": event.profile.phone or ""}


def _event(event: TrackEvent, history: bool) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "metric": {"data": {"type": "metric", "attributes": {"name": event.metric}}},
        "properties": event.properties,
        "time": event.occurred_at,
        "unique_id": event.unique_id,
    }
    if event.value is not None:
        attributes["value"] = event.value
    if event.currency:
        attributes["value_currency"] = event.currency
    if history:
        attributes["backfill"] = True
    return attributes


def _bulk_event(one: Fragment) -> bytes:
    # Which of the two flags counts is not documented, so both say the same.
    flag = b'"backfill":true,' if one.content.endswith(b'"backfill":true}') else b""
    return (
        b'{"type":"event-bulk-create","attributes":{'
        + flag
        + b'"profile":{"data":{"type":"profile","attributes":'
        + one.profile
        + b'}},"events":{"data":[{"type":"event","attributes":'
        + one.content
        + b"}]}}}"
    )


def _catalog(endpoint: Endpoint, operation: Operation, one: Fragment) -> bytes:
    assert not isinstance(operation, TrackEvent | UpsertProfile)  # noqa: S101
    kind = b"catalog-variant" if operation.kind is Kind.CATALOG_VARIANT else b"catalog-item"
    if "create" not in endpoint:
        known = encode(catalog_id(operation.source_id))
        attributes = b"" if "delete" in endpoint else b',"attributes":' + one.content
        return b'{"type":"' + kind + b'","id":' + known + attributes + b"}"
    start = {
        "external_id": operation.source_id,
        "integration_type": "$custom",
        "catalog_type": "$default",
    }
    attributes = encode(start)[:-1] + b"," + one.content[1:]
    relation = b""
    if isinstance(operation, UpsertCatalogVariant):
        item = {"item": {"data": {"type": "catalog-item", "id": catalog_id(operation.item_id)}}}
        relation = b',"relationships":' + encode(item)
    return b'{"type":"' + kind + b'","attributes":' + attributes + relation + b"}"


def _wrap(job: bytes, plural: bytes, items: list[bytes]) -> bytes:
    return (
        b'{"data":{"type":"'
        + job
        + b'","attributes":{"'
        + plural
        + b'":{"data":['
        + b",".join(items)
        + b"]}}}}"
    )
