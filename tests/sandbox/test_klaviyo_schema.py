"""What Klaviyo's stand-in answers and accepts fits Klaviyo's own description."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from tests.sandbox.talk import (
    ALICE,
    a_batch,
    a_profile,
    a_variant,
    an_event,
    an_item,
    attributes,
    catalog_job,
    person,
    profile_job,
)

SLICE = Path(__file__).parents[3] / "shared/contracts/klaviyo-openapi-2026-07-15.slice.json"
ITEM_JOBS = "catalog-item-bulk-create-jobs"


@cache
def description() -> Any:
    if not SLICE.exists():
        pytest.skip("Klaviyo's description is not beside this checkout")
    return json.loads(SLICE.read_text(encoding="utf-8"))


def faults(place: Any, value: Any) -> list[str]:
    if ref := place.get("$ref"):
        place = description()["components"]["responses"][ref.rsplit("/", 1)[-1]]
    told = place["content"]
    schema = (told.get("application/vnd.api+json") or told["application/json"])["schema"]
    registry = Registry().with_resource("", Resource(description(), DRAFT4))
    validator = OAS30Validator(_rooted(schema), registry=registry)
    return [f"{list(error.path)}: {error.message[:150]}" for error in validator.iter_errors(value)]


def _rooted(schema: Any) -> Any:
    return (
        {**schema, "components": description()["components"]}
        if "$ref" not in schema
        else {
            "allOf": [schema],
            "components": description()["components"],
        }
    )


def operation(method: str, path: str) -> Any:
    return description()["paths"][f"/api/{path}"][method]


def expect_fit(answer: Any, method: str, path: str) -> None:
    responses = operation(method, path)["responses"]
    family = f"{answer.status_code // 100}XX"
    place = responses.get(str(answer.status_code)) or responses[family]
    body = answer.json()
    if "data" in body:
        # The live API writes null where there is no next page; its description forgot to say so.
        body["links"] = {k: v for k, v in body.get("links", {}).items() if v is not None}
        body = body if body["links"] else {k: v for k, v in body.items() if k != "links"}
    assert faults(place, body) == []


def test_refusals_fit(klaviyo):
    expect_fit(klaviyo.post("events", {}), "post", "events")
    expect_fit(klaviyo.call("GET", "accounts", key="pk_unknown"), "get", "accounts")
    klaviyo.script(limits={"GET /api/accounts": [0, 0]})
    expect_fit(klaviyo.get("accounts"), "get", "accounts")


def test_reads_fit(klaviyo, clock):
    klaviyo.post("events", an_event(profile=person(email=ALICE, first_name="Alice")))
    clock.forward(2)
    metric = klaviyo.get("metrics").json()["data"][0]["id"]
    klaviyo.script(flow_triggers={"Placed Order": [{"id": "FLOW01"}]})

    expect_fit(klaviyo.get("accounts"), "get", "accounts")
    expect_fit(klaviyo.get("metrics"), "get", "metrics")
    expect_fit(klaviyo.get("events", include="metric,profile"), "get", "events")
    expect_fit(klaviyo.get("profiles"), "get", "profiles")
    expect_fit(klaviyo.get(f"metrics/{metric}/flow-triggers"), "get", "metrics/{id}/flow-triggers")


def test_other_integrations_and_mappings_fit(klaviyo, clock):
    klaviyo.post("events", an_event())
    clock.forward(2)
    klaviyo.script(
        natives=[{"key": "shopify", "name": "Shopify", "metrics": ["Placed Order"]}],
        mapped={"revenue": "shopify/Placed Order", "ordered_product": "Placed Order"},
        flow_triggers={"shopify/Placed Order": [{"id": "FLOW02", "status": "draft"}]},
    )
    native = klaviyo.get("metrics", filter='equals(integration.name,"Shopify")').json()["data"]
    mapped = klaviyo.get("mapped-metrics")

    expect_fit(klaviyo.get("metrics"), "get", "metrics")
    expect_fit(mapped, "get", "mapped-metrics")
    expect_fit(
        klaviyo.get(f"metrics/{native[0]['id']}/flow-triggers"), "get", "metrics/{id}/flow-triggers"
    )
    revenue = next(one for one in mapped.json()["data"] if one["id"] == "revenue")
    assert revenue["relationships"]["metric"]["data"]["id"] == native[0]["id"]
    assert len(klaviyo.get("metrics").json()["data"]) == 2


def test_sums_fit(klaviyo, clock):
    klaviyo.post("events", an_event())
    clock.forward(2)
    metric = klaviyo.get("metrics").json()["data"][0]["id"]
    own = {
        "metric_id": metric,
        "measurements": ["count", "sum_value"],
        "filter": [
            "greater-or-equal(datetime,2026-10-01T00:00:00)",
            "less-than(datetime,2026-11-04T00:00:00)",
        ],
    }
    body = {"data": {"type": "metric-aggregate", "attributes": own}}

    assert faults(operation("post", "metric-aggregates")["requestBody"], body) == []
    expect_fit(klaviyo.post("metric-aggregates", body), "post", "metric-aggregates")


def test_profiles_and_their_jobs_fit(klaviyo, clock):
    made = klaviyo.post("profile-import", a_profile(email=ALICE))
    job = klaviyo.post("profile-bulk-import-jobs", profile_job({"first_name": "Nobody"}))
    clock.forward(1)
    path = "profile-bulk-import-jobs"
    at = f"{path}/{job.json()['data']['id']}"

    expect_fit(made, "post", "profile-import")
    expect_fit(job, "post", path)
    expect_fit(klaviyo.get(at), "get", f"{path}/{{job_id}}")
    expect_fit(klaviyo.get(f"{at}/import-errors"), "get", f"{path}/{{id}}/import-errors")


def test_the_catalog_and_its_jobs_fit(klaviyo, clock):
    job = klaviyo.post(ITEM_JOBS, catalog_job("item", "create", an_item(), an_item()))
    klaviyo.post("catalog-variant-bulk-create-jobs", catalog_job("variant", "create", a_variant()))
    clock.forward(5)

    expect_fit(job, "post", ITEM_JOBS)
    at = f"{ITEM_JOBS}/{job.json()['data']['id']}"
    expect_fit(klaviyo.get(at), "get", f"{ITEM_JOBS}/{{job_id}}")
    klaviyo.look("catalog")
    clock.forward(5)
    expect_fit(klaviyo.get("catalog-items"), "get", "catalog-items")
    expect_fit(klaviyo.get("catalog-variants"), "get", "catalog-variants")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("events", an_event()),
        ("event-bulk-create-jobs", a_batch((person(), [attributes()]))),
        ("profile-import", a_profile(email=ALICE)),
        ("profile-bulk-import-jobs", profile_job({"email": ALICE})),
    ],
)
def test_what_is_accepted_fits(klaviyo, path, body):
    assert klaviyo.post(path, body).ok
    assert faults(operation("post", path)["requestBody"], body) == []


def test_what_is_listed_as_an_endpoint_exists_at_klaviyo(klaviyo):
    told = {
        f"{method.upper()} {path}".replace("{job_id}", "{id}")
        for path, methods in description()["paths"].items()
        for method in methods
    }
    from sandbox.klaviyo.app import ROUTES

    ours = {name for name in ROUTES if not name.startswith("GET /api/catalog-categories")}
    assert ours <= told
