"""How a client talks to the stand-ins, and bodies to say."""

from dataclasses import dataclass
from typing import Any

import requests

from sandbox.klaviyo import Klaviyo
from sandbox.server import Sandbox
from sandbox.shopify import Shopify

ALICE = "alice@mail.alpine-demo.shop"
BOB = "bob@mail.alpine-demo.shop"


@dataclass
class Caller:
    server: Sandbox
    session: requests.Session

    def script(self, **settings: Any) -> None:
        answer = self.session.post(f"{self.server.url}/_sandbox/script", json=settings, timeout=5)
        assert answer.status_code == 204, answer.text

    def look(self, what: str, **query: str) -> Any:
        url = f"{self.server.url}/_sandbox/{what}"
        return self.session.get(url, params=query, timeout=5).json()


@dataclass
class KlaviyoCaller(Caller):
    server: Klaviyo
    session: requests.Session

    def call(
        self, method: str, path: str, body: Any = None, *, key: str = "pk_demo", **query: str
    ) -> requests.Response:
        headers = {"Authorization": f"Klaviyo-API-Key {key}", "revision": "2026-07-15"}
        url = f"{self.server.url}/api/{path}"
        return self.session.request(
            method, url, json=body, params=query, headers=headers, timeout=5
        )

    def get(self, path: str, **query: str) -> requests.Response:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.call("POST", path, body)

    def events(self, metric: str = "Placed Order") -> list[Any]:
        return self.look("events", metric=metric)["events"]


@dataclass
class ShopifyCaller(Caller):
    server: Shopify
    session: requests.Session
    domain: str

    def ask(self, query: str, **variables: Any) -> Any:
        url = f"{self.server.url}/{self.domain}/admin/api/2026-10/graphql.json"
        headers = {"X-Shopify-Access-Token": "shpat_demo"}
        body = {"query": query, "variables": variables}
        return self.session.post(url, json=body, headers=headers, timeout=10).json()

    def act(self, what: str, **body: Any) -> Any:
        url = f"{self.server.url}/_sandbox/{what}"
        return self.session.post(url, json=body, timeout=10).json()


def attributes(unique_id: str = "1001", metric: str = "Placed Order", **changes: Any) -> Any:
    return {
        "properties": {"OrderId": unique_id},
        "time": "2026-11-01T10:00:00+00:00",
        "value": 99.5,
        "unique_id": unique_id,
        "metric": {"data": {"type": "metric", "attributes": {"name": metric}}},
        **changes,
    }


def person(**fields: Any) -> Any:
    return {"data": {"type": "profile", "attributes": fields or {"email": ALICE}}}


def an_event(unique_id: str = "1001", profile: Any = None, **changes: Any) -> Any:
    own = {**attributes(unique_id, **changes), "profile": profile or person()}
    return {"data": {"type": "event", "attributes": own}}


def a_batch(*groups: tuple[Any, list[Any]]) -> Any:
    data = [
        {
            "type": "event-bulk-create",
            "attributes": {
                "profile": profile,
                "events": {"data": [{"type": "event", "attributes": own} for own in events]},
            },
        }
        for profile, events in groups
    ]
    own = {"events-bulk-create": {"data": data}}
    return {"data": {"type": "event-bulk-create-job", "attributes": own}}


def a_profile(**fields: Any) -> Any:
    return person(**fields)


def profile_job(*profiles: Any) -> Any:
    data = [{"type": "profile", "attributes": fields} for fields in profiles]
    own = {"profiles": {"data": data}}
    return {"data": {"type": "profile-bulk-import-job", "attributes": own}}


def catalog_job(kind: str, action: str, *objects: Any) -> Any:
    plural = {"item": "items", "variant": "variants"}[kind]
    data = [{"type": f"catalog-{kind}", **one} for one in objects]
    own = {plural: {"data": data}}
    return {"data": {"type": f"catalog-{kind}-bulk-{action}-job", "attributes": own}}


def an_item(external_id: str = "1") -> Any:
    own = {"external_id": external_id, "title": "Mug", "description": "A mug.",
           "url": "https://alpine-demo.shop/mug"}  # fmt: skip
    return {"attributes": own}


def a_variant(external_id: str = "1-1", item: str = "1") -> Any:
    own = {"external_id": external_id, "title": "Mug", "description": "A mug.", "sku": "MUG-1",
           "inventory_quantity": 3, "price": 9.5,
           "url": "https://alpine-demo.shop/mug"}  # fmt: skip
    parent = {"data": {"type": "catalog-item", "id": f"$custom:::$default:::{item}"}}
    return {"attributes": own, "relationships": {"item": parent}}


def pointers(answer: requests.Response) -> list[str]:
    return [error["source"].get("pointer", "") for error in answer.json()["errors"]]
