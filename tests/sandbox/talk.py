"""How a client talks to the stand-ins, and bodies to say."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from sandbox.config import callbacks
from sandbox.klaviyo import Klaviyo
from sandbox.server import Sandbox
from sandbox.shopify import Shopify

ALICE = "alice@mail.alpine-demo.shop"
BOB = "bob@mail.alpine-demo.shop"
SHOPIFY_CALLBACK, KLAVIYO_CALLBACK = callbacks("shopify")[0], callbacks("klaviyo")[0]
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().strip("=")


def sent_back(answer: requests.Response) -> dict[str, str]:
    """Read what a browser is sent back to the console with."""
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


@dataclass
class Caller:
    server: Sandbox
    session: requests.Session

    def script(self, **settings: Any) -> None:
        answer = self.session.post(f"{self.server.url}/_sandbox/script", json=settings, timeout=5)
        assert answer.status_code == 204, answer.text

    def act(self, what: str, **body: Any) -> Any:
        url = f"{self.server.url}/_sandbox/{what}"
        return self.session.post(url, json=body, timeout=10).json()

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

    def authorize(self, decision: str = "", account: str = "DEMO01", **changes: str) -> Any:
        """Open the page of the app, or press one of its buttons."""
        asked = {"response_type": "code", "client_id": "demo-klaviyo-app", "state": "abc",
                 "redirect_uri": KLAVIYO_CALLBACK, "scope": "accounts:read events:write",
                 "code_challenge_method": "S256", "code_challenge": CHALLENGE,
                 **changes}  # fmt: skip
        url = f"{self.server.url}/oauth/authorize"
        if not decision:
            return self.session.get(url, params=asked, allow_redirects=False, timeout=5)
        pressed = {"decision": decision, "account": account}
        return self.session.post(url, params=asked, data=pressed, allow_redirects=False, timeout=5)

    def oauth(self, what: str = "token", secret: str = "demo-klaviyo-secret", **fields: str) -> Any:
        """Ask the token endpoint, or its neighbour, as the app that is known there."""
        url, app = f"{self.server.url}/oauth/{what}", ("demo-klaviyo-app", secret)
        return self.session.post(url, data=fields, auth=app, timeout=5)

    def exchange(self, code: str, **changes: str) -> Any:
        fields = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER,
                  "redirect_uri": KLAVIYO_CALLBACK, **changes}  # fmt: skip
        return self.oauth(**fields)

    def refresh(self, refresh_token: str) -> Any:
        return self.oauth(grant_type="refresh_token", refresh_token=refresh_token)

    def login(self, account: str = "DEMO01", **changes: str) -> dict[str, Any]:
        code = sent_back(self.authorize("allow", account, **changes))["code"]
        return self.exchange(code).json()

    def bearing(self, token: str, method: str, path: str, body: Any = None) -> requests.Response:
        """Call the API with an access token."""
        headers = {"Authorization": f"Bearer {token}", "revision": "2026-07-15"}
        url = f"{self.server.url}/api/{path}"
        return self.session.request(method, url, json=body, headers=headers, timeout=5)

    def events(self, metric: str = "Placed Order") -> list[Any]:
        return self.look("events", metric=metric)["events"]


@dataclass
class ShopifyCaller(Caller):
    server: Shopify
    session: requests.Session
    domain: str

    def ask(self, query: str, **variables: Any) -> Any:
        return self.query(query, **variables).json()

    def query(
        self, query: str, *, token: str = "shpat_demo", **variables: Any
    ) -> requests.Response:
        url = f"{self.server.url}/{self.domain}/admin/api/2026-10/graphql.json"
        headers = {"X-Shopify-Access-Token": token}
        body = {"query": query, "variables": variables}
        return self.session.post(url, json=body, headers=headers, timeout=10)

    def authorize(self, decision: str = "", **changes: str) -> requests.Response:
        """Open the page of the app, or press one of its buttons."""
        url = f"{self.server.url}/{self.domain}/admin/oauth/authorize"
        asked = {"client_id": "demo-app", "scope": "read_orders,read_products",
                 "redirect_uri": SHOPIFY_CALLBACK, "state": "abc", **changes}  # fmt: skip
        if not decision:
            return self.session.get(url, params=asked, timeout=5)
        return self.session.post(
            url, params=asked, data={"decision": decision}, allow_redirects=False, timeout=5
        )

    def code(self, **changes: str) -> str:
        return sent_back(self.authorize("install", **changes))["code"]

    def token(self, **fields: str) -> requests.Response:
        """Ask the token endpoint, as the app that is known there."""
        url = f"{self.server.url}/{self.domain}/admin/oauth/access_token"
        own = {"client_id": "demo-app", "client_secret": "shpss_demo", **fields}
        return self.session.post(url, data=own, timeout=5)

    def login(self, *, expiring: bool = True, **changes: str) -> dict[str, Any]:
        kind = {"expiring": "1"} if expiring else {}
        return self.token(code=self.code(**changes), **kind).json()


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
