"""Klaviyo's rules, each checked before anything is sent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from integrations.domain.operations import (
    DeleteCatalogItem,
    Kind,
    Profile,
    TrackEvent,
    UpsertCatalogItem,
    UpsertProfile,
)
from integrations.platforms.klaviyo.bodies import assemble, catalog_path, fragment
from integrations.platforms.klaviyo.endpoints import Endpoint
from integrations.platforms.klaviyo.rules import refusal
from sandbox.klaviyo import Klaviyo

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ANN = Profile(email="ann@alpine-demo.shop")


def an_event(**changes: object) -> TrackEvent:
    fields = {
        "kind": Kind.PLACED_ORDER,
        "metric": "Placed Order",
        "profile": ANN,
        "scope": "1",
        "source_id": "1",
        "unique_id": "1",
        "occurred_at": NOON,
        "version": NOON,
        "value": Decimal("1.00"),
        "currency": "EUR",
        "properties": {"OrderId": "1"},
    }
    return TrackEvent(**fields | changes)


def nested(depth: int) -> object:
    value: object = "deep " * 1000
    for _ in range(depth):
        value = {"in": value}
    return value


def judged(operation, *, now=NOON):
    return refusal(operation, fragment(operation, history=False), now=now)


@pytest.mark.parametrize(
    ("changes", "rule", "place"),
    [
        ({"occurred_at": datetime(1999, 12, 31, tzinfo=UTC)}, "time", "time"),
        ({"occurred_at": NOON + timedelta(days=366)}, "time", "time"),
        ({"unique_id": "x" * 256}, "unique_id", "unique_id"),
        ({"unique_id": ""}, "unique_id", "unique_id"),
        ({"metric": "x" * 128}, "metric", "metric"),
        ({"metric": ""}, "metric", "metric"),
        ({"properties": {f"p{n}": 1 for n in range(401)}}, "properties", "properties"),
        ({"properties": {"note": "x" * 100_001}}, "text", "properties.note"),
        ({"properties": {"note": "é" * 50_001}}, "text", "properties.note"),
        ({"properties": {"ids": [1] * 4001}}, "list", "properties.ids"),
        ({"properties": {"Items": [{"n": ["x" * 100_001]}]}}, "text", "properties.Items.0.n.0"),
        ({"properties": {"deep": nested(10)}}, "depth", "properties.deep" + ".in" * 9),
    ],
    ids=lambda one: str(one)[:30],
)  # fmt: skip
def test_an_event_klaviyo_would_refuse_is_named_with_its_place(changes, rule, place):
    found = judged(an_event(**changes))

    assert found is not None
    assert (found.code, found.pointer) == (f"rule_{rule}", place)


@pytest.mark.parametrize(
    "changes",
    [
        {"occurred_at": datetime(2000, 1, 1, tzinfo=UTC)},
        {"occurred_at": NOON + timedelta(days=364)},
        {"unique_id": "x" * 255},
        {"metric": "x" * 127},
        {"properties": {f"p{n}": 1 for n in range(400)}},
        {"properties": {"note": "x" * 100_000}},
        {"properties": {"ids": [1] * 4000}},
        {"properties": {"deep": nested(8)}},
        {"properties": {}},
        {"value": None, "currency": None},
    ],
    ids=lambda one: str(one)[:30],
)
def test_what_just_fits_is_sent_and_taken(changes):
    now = datetime.now(UTC)
    operation = an_event(**{"occurred_at": now} | changes)
    if "occurred_at" in changes and changes["occurred_at"] > NOON:
        operation = an_event(occurred_at=now + timedelta(days=364))

    assert judged(operation, now=now) is None
    with Klaviyo() as klaviyo:
        from integrations.platforms.klaviyo.client import Klaviyo as Client

        body = assemble(Endpoint.EVENT, [(operation, fragment(operation, history=False))])
        answer = Client(klaviyo.url, "pk_demo").post(Endpoint.EVENT, body)
    assert answer.status == 202, answer.text


@pytest.mark.parametrize("kind", [UpsertProfile, UpsertCatalogItem])
def test_a_record_over_a_hundred_kilobytes_is_named(kind):
    large, small = {"title": "x" * 100_001}, {"title": "x"}
    make = {
        UpsertProfile: lambda said: UpsertProfile(ANN, "1", NOON, said),
        UpsertCatalogItem: lambda said: UpsertCatalogItem("1", "1", NOON, said),
    }[kind]

    assert judged(make(large)).code == "rule_size"
    assert judged(make(small)) is None
    assert judged(DeleteCatalogItem("1", "1", NOON)) is None


def test_a_compound_id_is_written_safely_into_an_address():
    assert catalog_path("7/8") == "%24custom%3A%3A%3A%24default%3A%3A%3A7%2F8"
