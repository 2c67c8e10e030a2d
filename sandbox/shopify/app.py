"""Shopify, as far as the console can tell."""

import re
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
from graphql import DocumentNode, GraphQLError, execute_sync, parse, validate

from sandbox.config import AppConfig, Config, ShopConfig
from sandbox.html import page
from sandbox.messages import Call, Reply
from sandbox.panel import Place
from sandbox.server import Sandbox
from sandbox.shop.memory import ShopMemory
from sandbox.shopify import authorize, bulk_links, places, tokens, views
from sandbox.shopify.breaking import standing_reply
from sandbox.shopify.bulk import Bulk, BulkScript
from sandbox.shopify.cost import MAX_COST, actual_cost, requested_cost
from sandbox.shopify.graph import field_resolver, schema
from sandbox.shopify.oauth_errors import error_page
from sandbox.shopify.resolving import Request
from sandbox.shopify.signing import API_VERSION
from sandbox.shopify.store import Store
from sandbox.shopify.webhooks import Sender

PATH = re.compile(
    r"(?:/(?P<shop>[\w.-]+\.myshopify\.com))?"
    r"/admin/(?:api/(?P<version>[\w-]+)/graphql\.json|oauth/(?P<oauth>authorize|access_token))"
)
VERSION = re.compile(r"\d{4}-\d{2}|unstable")
UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"
DOCUMENTS_KEPT = 200
FILE = re.compile(r"/bulk-operation-outputs/(?P<shop>[\w.-]+)/(?P<run>\d+)\.jsonl")
# How often the runs are looked at when nobody asks, so that their end is told.
TICK = 0.1
METHODS = {"authorize": ("GET", "POST"), "access_token": ("POST",)}


class Shopify(Sandbox):
    """Some shops behind one GraphQL endpoint, and the webhooks they send."""

    name: ClassVar[str] = "shopify"

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
        shops: Iterable[ShopConfig] | None = None,
        app: AppConfig | None = None,
        memories: dict[str, ShopMemory] | None = None,
        time_scale: float = 1.0,
    ) -> None:
        super().__init__(port=port, host=host, clock=clock)
        self.sender = Sender(time_scale=time_scale)
        self.app = app or AppConfig()
        self._configs = list(shops or Config().shops)
        self.bulk = BulkScript()
        self._stopped = threading.Event()
        self.stores = self._open(memories or {})
        self._documents: dict[str, DocumentNode] = {}

    def _open(self, memories: dict[str, ShopMemory]) -> dict[str, Store]:
        return {
            config.domain: self._store(config, memories.get(config.domain))
            for config in self._configs
        }

    def _store(self, config: ShopConfig, memory: ShopMemory | None) -> Store:
        store = Store(
            config,
            sender=self.sender,
            clock=self.clock,
            memory=memory or ShopMemory(config.domain),
        )
        store.bulk = Bulk(store, self.bulk, address=lambda: self.url)
        self._give_past(store)
        return store

    def _give_past(self, store: Store) -> None:
        config = store.config
        if config.past_orders and not len(store.memory.orders):
            store.shop.fill(config.past_orders, over=timedelta(days=config.past_days))

    def start(self) -> "Shopify":
        """Begin."""
        self.sender.start()
        super().start()
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop serving, then stop sending."""
        self._stopped.set()
        super().stop()
        self.sender.stop()

    def _tick(self) -> None:
        while not self._stopped.wait(TICK):
            for store in self.stores.values():
                if store.bulk.running():
                    store.bulk.advance(self.clock())

    def answer(self, call: Call) -> Reply:
        """Answer as the platform would."""
        if file := FILE.fullmatch(call.path):
            return self._file(file, call)
        match = PATH.fullmatch(call.path)
        host = call.headers.get("host", "").partition(":")[0]
        store = self.stores.get(match["shop"] or host) if match else None
        if match is None or store is None:
            return Reply(404, {"errors": "Not Found"})
        store.bulk.wait(self.clock())
        with store.memory.lock:
            if match["oauth"]:
                return self._oauth(store, match["oauth"], call)
            if not VERSION.fullmatch(match["version"]):
                return Reply(404, {"errors": "Not Found"})
            return self._turned_away(store, call) or Reply(
                200, self._graphql(store, call), {"X-Shopify-API-Version": API_VERSION}
            )

    def _file(self, match: re.Match[str], call: Call) -> Reply:
        store = self.stores.get(match["shop"])
        run = store.bulk.runs.get(int(match["run"])) if store else None
        return bulk_links.answer(run, self.bulk, call, self.clock())

    def _oauth(self, store: Store, what: str, call: Call) -> Reply:
        if store.access.standing == 404 or call.method not in METHODS[what]:
            return Reply(404, {"errors": "Not Found"})
        if what == "authorize":
            return authorize.answer(store, self.app, call)
        if self.clock() < store.access.page_until:
            return error_page(store.access.page_slug)
        return tokens.answer(store, self.app, call, self.script.revoked)

    def _turned_away(self, store: Store, call: Call) -> Reply | None:
        if call.method != "POST":
            return Reply(405, {"errors": "Method Not Allowed"})
        if self.clock() < store.access.page_until:
            return page("Something went wrong", "Shopify is not available.", status=503)
        if store.access.standing != 200:
            return standing_reply(store.access.standing)
        token = call.headers.get("x-shopify-access-token", "")
        if token in self.script.revoked or not store.access.opens(token, self.clock()):
            return Reply(401, {"errors": UNAUTHORIZED})
        return None

    def _graphql(self, store: Store, call: Call) -> dict[str, Any]:
        try:
            asked = call.json
            query, variables = asked["query"], asked.get("variables") or {}
            document = self._document(query)
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return {"errors": [{"message": "query is missing"}]}
        except GraphQLError as exc:
            return {"errors": [exc.formatted]}
        if faults := validate(schema(), document):
            return {"errors": [fault.formatted for fault in faults]}
        return self._paid(store, document, asked.get("operationName"), variables)

    def _document(self, query: str) -> DocumentNode:
        if query not in self._documents:
            if len(self._documents) >= DOCUMENTS_KEPT:
                self._documents.clear()
            self._documents[query] = parse(query)
        return self._documents[query]

    def _paid(
        self, store: Store, document: DocumentNode, name: str | None, variables: dict[str, Any]
    ) -> dict[str, Any]:
        cost, now = requested_cost(schema(), document, name, variables), self.clock()
        if cost > MAX_COST:
            return {"errors": [_too_dear(cost)]}
        if not store.bucket.spend(cost, now):
            errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED",
                       "documentation": "https://shopify.dev/api/usage/rate-limits"}}]  # fmt: skip
            return {"errors": errors, "extensions": {"cost": self._cost(store, cost, None)}}
        request = Request(store)
        result = execute_sync(
            schema(),
            document,
            context_value=request,
            variable_values=variables,
            operation_name=name,
            field_resolver=field_resolver,
        )
        used = min(cost, actual_cost(result.data))
        store.bucket.refund(cost - used, now)
        return self._answer(store, result.formatted, request, (cost, used))

    def _answer(
        self, store: Store, answer: Any, request: Request, cost: tuple[int, int]
    ) -> dict[str, Any]:
        extensions = {"cost": self._cost(store, *cost)}
        if request.searches:
            extensions["search"] = request.searches  # type: ignore[assignment]
        return {**answer, "extensions": extensions}

    def _cost(self, store: Store, requested: int, actual: int | None) -> dict[str, Any]:
        return {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": store.bucket.status(self.clock()),
        }

    def state(self) -> dict[str, Any]:
        """Count what is remembered."""
        return views.state(self)

    def listing(self, name: str, call: Call) -> Any:
        """Show one part of the memory."""
        return views.listing(self, name, call)

    def act(self, name: str, call: Call) -> Any:
        """Do something at the control door's request."""
        return views.act(self, name, call)

    def configure(self, settings: dict[str, Any]) -> None:
        """Take what a script says of retries, scopes, bulk operations and where people may go."""
        self.sender.time_scale = float(settings.get("time_scale", self.sender.time_scale))
        for domain, scopes in settings.get("scopes", {}).items():
            self.stores[domain].access.scopes = list(scopes)
        self.bulk.load(settings.get("bulk", {}))
        if "redirect_uris" in settings:
            self.app.redirect_uris = list(settings["redirect_uris"])

    def places(self) -> list[Place]:
        """List the shops a person may break."""
        return [places.place(store) for store in self.stores.values()]

    def reset(self) -> None:
        """Forget everything and drop the script."""
        super().reset()
        self.sender.forget()
        self.bulk.load(vars(BulkScript()))
        for store in self.stores.values():
            store.forget()
            self._give_past(store)

    def utc_now(self) -> datetime:
        """Read the clock as a date and time."""
        return datetime.fromtimestamp(self.clock(), UTC)


def _too_dear(cost: int) -> dict[str, Any]:
    message = f"Query cost is {cost}, which exceeds the single query max cost limit ({MAX_COST})."
    extensions = {
        "code": "MAX_COST_EXCEEDED",
        "cost": cost,
        "maxCost": MAX_COST,
        "documentation": "https://shopify.dev/api/usage/rate-limits",
    }
    return {"message": message, "extensions": extensions}
