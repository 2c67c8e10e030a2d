"""Every body we send, judged by Klaviyo's own models and its published description."""

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from integrations.domain.catalog import deletion, upserts
from integrations.domain.metrics import Settings
from integrations.domain.operations import Operation
from integrations.domain.records import Deletion, Product, Stream, Variant
from integrations.domain.translation import translate
from integrations.platforms.klaviyo.bodies import assemble, fragment
from integrations.platforms.klaviyo.endpoints import FACTS, Endpoint
from integrations.platforms.shopify.webhooks import parse
from tests.pipeline.conftest import an_order

SPEC = (
    Path(__file__).resolve().parents[3]
    / "shared"
    / "contracts"
    / "klaviyo-openapi-2026-07-15.slice.json"
)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SETTINGS = Settings(scope="1", shop_url="https://alpine.shop")
MODELS = {
    Endpoint.EVENT: "EventCreateQueryV2",
    Endpoint.EVENTS: "EventsBulkCreateJob",
    Endpoint.PROFILE: "ProfileUpsertQuery",
    Endpoint.PROFILES: "ProfileImportJobCreateQuery",
    Endpoint.ITEMS_CREATE: "CatalogItemCreateJobCreateQuery",
    Endpoint.ITEMS_UPDATE: "CatalogItemUpdateJobCreateQuery",
    Endpoint.ITEMS_DELETE: "CatalogItemDeleteJobCreateQuery",
    Endpoint.VARIANTS_CREATE: "CatalogVariantCreateJobCreateQuery",
    Endpoint.VARIANTS_UPDATE: "CatalogVariantUpdateJobCreateQuery",
}

ADDRESS = {
    "first_name": "Ann",
    "last_name": "Lee",
    "address1": "High Street 1",
    "city": "Bern",
    "province": "Bern",
    "province_code": "BE",
    "zip": "3000",
    "country": "Switzerland",
    "country_code": "CH",
    "phone": "+41446681800",
}
REFUND = {
    "id": 21,
    "order_id": 100,
    "created_at": "2026-11-20T12:00:00Z",
    "note": "broken",
    "transactions": [{"kind": "refund", "status": "success", "amount": "9.5", "currency": "EUR"}],
    "refund_line_items": [{"quantity": 1, "line_item": {"id": 71, "price": "9.5", "title": "T"}}],
}
PARCEL = {
    "id": 31,
    "order_id": 100,
    "created_at": "2026-11-20T12:00:00Z",
    "tracking_company": "DHL",
    "tracking_numbers": ["1Z"],
    "tracking_urls": ["https://t/1Z"],
    "line_items": [{"id": 71, "title": "Tent", "quantity": 1, "price": "49.75"}],
}
ORDER = an_order(
    1,
    billing_address=ADDRESS,
    shipping_address=ADDRESS,
    discount_codes=[{"code": "TEN"}],
    total_discounts="5.00",
    cancelled_at="2026-11-20T13:00:00Z",
    cancel_reason="customer",
    tags="vip, new",
    source_name="web",
    customer_locale="de-CH",
    refunds=[REFUND],
    fulfillments=[PARCEL],
    customer={"first_name": "Ann", "last_name": "Lee", "phone": "+41446681800"},
)
ANN = {"id": 5, "email": "a@b.shop", "updated_at": "2026-11-20T12:00:00Z"}
BOB = {
    "id": 6,
    "phone": "+41446681800",
    "locale": "de",
    "updated_at": "2026-11-20T12:00:00Z",
    "default_address": ADDRESS,
}
PRODUCT = Product(
    "7", "Tent", "<p>Dry</p>", "tent", True, "Fjord", "Camping", ("new",), "https://cdn/1.png",
    (Variant("8", "Red", "T-R", Decimal("49.75"), 3, None, NOON),), NOON,
)  # fmt: skip
BARE = Product("9", "Bag", "", "bag", False, None, None, (), None, (), NOON)


def spoken(topic: str, body: dict) -> list[Operation]:
    return translate(
        parse(topic, json.dumps(body).encode(), triggered_at=NOON), settings=SETTINGS
    ).operations


def given_operations(endpoint: Endpoint) -> list[Operation]:
    everything = [
        *spoken("orders/create", ORDER),
        *spoken("orders/create", an_order(2, email=None, phone="+41446681800")),
        *spoken("checkouts/create", an_order(3)),
        *spoken("customers/create", ANN),
        *spoken("customers/create", BOB),
        *upserts(PRODUCT, "1", "https://alpine.shop"),
        *upserts(BARE, "1", "https://alpine.shop"),
        deletion(Deletion(Stream.PRODUCTS, "7", NOON), "1"),
    ]
    wanted = {
        Endpoint.EVENT: "TrackEvent",
        Endpoint.EVENTS: "TrackEvent",
        Endpoint.PROFILE: "UpsertProfile",
        Endpoint.PROFILES: "UpsertProfile",
        Endpoint.ITEMS_CREATE: "UpsertCatalogItem",
        Endpoint.ITEMS_UPDATE: "UpsertCatalogItem",
        Endpoint.ITEMS_DELETE: "DeleteCatalogItem",
        Endpoint.VARIANTS_CREATE: "UpsertCatalogVariant",
        Endpoint.VARIANTS_UPDATE: "UpsertCatalogVariant",
    }[endpoint]
    found = [one for one in everything if type(one).__name__ == wanted]
    assert found
    return found


def bodies(endpoint: Endpoint, *, history: bool) -> list[dict]:
    items = [(one, fragment(one, history=history)) for one in given_operations(endpoint)]
    parts = [[item] for item in items] if FACTS[endpoint].most == 1 else [items]
    return [json.loads(assemble(endpoint, part)) for part in parts]


@pytest.mark.parametrize("history", [False, True], ids=["live", "history"])
@pytest.mark.parametrize("endpoint", MODELS, ids=str)
def test_klaviyos_own_models_take_every_body(endpoint, history):
    module = pytest.importorskip(f"openapi_client.models.{snake(MODELS[endpoint])}")
    model = getattr(module, MODELS[endpoint])

    for body in bodies(endpoint, history=history):
        found = model.model_validate(body)
        assert unknown_keys(body, found) == []


def snake(name: str) -> str:
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("_")


def unknown_keys(raw, model, at="$"):
    """The SDK passes over keys it does not know; Klaviyo does not."""
    if isinstance(raw, list):
        return [
            fault
            for number, (inner, known) in enumerate(zip(raw, model, strict=True))
            for fault in unknown_keys(inner, known, f"{at}[{number}]")
        ]
    fields = getattr(type(model), "model_fields", None)
    if not isinstance(raw, dict) or fields is None:
        return []
    names = {field.alias or name: name for name, field in fields.items()}
    faults = [f"{at}.{key}" for key in raw if key not in names]
    for key, inner in raw.items():
        if key in names:
            faults += unknown_keys(inner, getattr(model, names[key]), f"{at}.{key}")
    return faults


def test_the_walk_finds_a_key_nobody_knows():
    from openapi_client.models.event_create_query_v2 import EventCreateQueryV2

    [body, *_] = bodies(Endpoint.EVENT, history=False)
    body["data"]["attributes"]["colour"] = "red"

    found = unknown_keys(body, EventCreateQueryV2.model_validate(body))
    assert found == ["$.data.attributes.colour"]


@pytest.fixture(scope="module")
def spec():
    if not SPEC.is_file():
        pytest.skip("Klaviyo's published description is not beside this project")
    found = json.loads(SPEC.read_text())
    close(found["components"]["schemas"])
    return found


def close(node):
    """Forbid what is not described; the description itself leaves that open."""
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
        for inner in node.values():
            close(inner)
    elif isinstance(node, list):
        for inner in node:
            close(inner)


@pytest.mark.parametrize("history", [False, True], ids=["live", "history"])
@pytest.mark.parametrize("endpoint", MODELS, ids=str)
def test_the_published_description_takes_every_body(spec, endpoint, history):
    validate = validator(spec, endpoint)

    for body in bodies(endpoint, history=history):
        assert [error.message for error in validate.iter_errors(body)] == []


def validator(spec, endpoint):
    from openapi_schema_validator import OAS30Validator

    operation = spec["paths"][f"/api/{endpoint}"]["post"]
    [content] = operation["requestBody"]["content"].values()
    schema = copy.copy(content["schema"]) | {"components": spec["components"]}
    return OAS30Validator(schema)


def test_the_description_refuses_what_nobody_knows(spec):
    [body, *_] = bodies(Endpoint.EVENT, history=False)
    body["data"]["attributes"]["colour"] = "red"

    assert list(validator(spec, Endpoint.EVENT).iter_errors(body))


def test_history_says_so_in_both_places_and_live_in_none():
    [live] = bodies(Endpoint.EVENTS, history=False)
    [history] = bodies(Endpoint.EVENTS, history=True)

    assert "backfill" not in json.dumps(live)
    for group in history["data"]["attributes"]["events-bulk-create"]["data"]:
        assert group["attributes"]["backfill"] is True
        [event] = group["attributes"]["events"]["data"]
        assert event["attributes"]["backfill"] is True


def test_no_body_ever_says_null():
    for endpoint in MODELS:
        for body in bodies(endpoint, history=False):
            assert "null" not in json.dumps(body)


def test_amounts_are_numbers_and_exact():
    [operation, *_] = given_operations(Endpoint.EVENT)

    raw = assemble(Endpoint.EVENT, [(operation, fragment(operation, history=False))])

    assert b'"value":99.50' in raw
    assert b'"unique_id":"9007199254740994"' in raw
    assert b'"time":"2026-11-20T09:00:00Z"' in raw
