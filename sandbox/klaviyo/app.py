"""Klaviyo, as far as the console can tell."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.config import AppConfig, klaviyo_app
from sandbox.klaviyo import (
    breaking,
    catalog,
    consent,
    events,
    imports,
    natives,
    places,
    profiles,
    reads,
    scopes,
    sums,
    tokens,
    views,
)
from sandbox.klaviyo.consent import Code
from sandbox.klaviyo.doors import visitor
from sandbox.klaviyo.errors import MEDIA_TYPE, Refusal
from sandbox.klaviyo.jobs import Job
from sandbox.klaviyo.memory import Account
from sandbox.klaviyo.rates import TIERS, Rates
from sandbox.messages import Call, Reply
from sandbox.panel import Place
from sandbox.script import html_forbidden
from sandbox.server import Sandbox

REVISION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z0-9-]+)?")
Endpoint = Callable[..., Reply]

ROUTES: dict[str, Endpoint] = {
    "GET /api/accounts": reads.get_accounts,
    "POST /api/events": events.create_event,
    "GET /api/events": reads.get_events,
    "POST /api/event-bulk-create-jobs": events.create_events,
    "GET /api/metrics": reads.get_metrics,
    "GET /api/metrics/{id}": reads.get_metric,
    "GET /api/metrics/{id}/flow-triggers": reads.get_flow_triggers,
    "GET /api/mapped-metrics": natives.get_mapped_metrics,
    "POST /api/metric-aggregates": sums.query_sums,
    "POST /api/profile-import": profiles.import_profile,
    "GET /api/profiles": profiles.get_profiles,
    "GET /api/profiles/{id}": profiles.get_profile,
    "PATCH /api/profiles/{id}": profiles.patch_profile,
    "POST /api/profile-bulk-import-jobs": imports.submit,
    "GET /api/profile-bulk-import-jobs": imports.get_jobs,
    "GET /api/profile-bulk-import-jobs/{id}": imports.get_job,
    "GET /api/profile-bulk-import-jobs/{id}/import-errors": imports.get_errors,
    "POST /api/data-privacy-deletion-jobs": profiles.delete_person,
    **catalog.ROUTES,
}

OAUTH: dict[str, Endpoint] = {
    "GET /oauth/authorize": consent.answer,
    "POST /oauth/authorize": consent.answer,
    "POST /oauth/token": tokens.token,
    "POST /oauth/revoke": tokens.revoke,
}


def _pattern(name: str) -> tuple[str, str, re.Pattern[str]]:
    method, path = name.split(" ", 1)
    return name, method, re.compile(path.replace("{id}", "([^/]+)"))


_PATTERNS = [_pattern(name) for name in ROUTES]


@dataclass
class Settings:
    """How this Klaviyo behaves where the real one leaves it open or takes its time."""

    visible_after: float = 2.0
    lose_after_202: float = 0.0
    pointers: bool = True
    job_seconds: float = 0.5
    max_jobs: int = 500
    # Whether a refresh gives another refresh token; Klaviyo does not say.
    rotation: bool = True
    flow_triggers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    # Other integrations that write metrics: their name, key and category, and the metrics' names.
    natives: list[dict[str, Any]] = field(default_factory=list)
    # Which metric each report is mapped to, like {"revenue": "shopify/Placed Order"}.
    mapped: dict[str, str] = field(default_factory=dict)

    def load(self, settings: dict[str, Any]) -> None:
        """Take what a script says about them."""
        for name, value in settings.items():
            if hasattr(self, name):
                kind = type(getattr(self, name))
                setattr(self, name, kind(value))


class Klaviyo(Sandbox):
    """A Klaviyo with memory: what it answers is what it keeps."""

    name: ClassVar[str] = "klaviyo"

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
        accounts: Iterable[Account] | None = None,
        app: AppConfig | None = None,
    ) -> None:
        super().__init__(port=port, host=host, clock=clock)
        chosen = list(accounts) if accounts else [Account("DEMO01", {"pk_demo"})]
        self.accounts = {account.id: account for account in chosen}
        self.settings = Settings()
        self.rates = Rates()
        self.app = app or klaviyo_app()
        self.codes: dict[str, Code] = {}
        self.page_until = 0.0

    def answer(self, call: Call) -> Reply:
        """Answer as the platform would."""
        with self.lock:
            try:
                return self._answer(call)
            except Refusal as refusal:
                return refusal.reply(with_pointer=self.settings.pointers)

    def _answer(self, call: Call) -> Reply:
        if self.clock() < self.page_until:
            return html_forbidden()
        if oauth := OAUTH.get(f"{call.method} {call.path}"):
            return oauth(self, call)
        name, endpoint, parts = _route(call)
        caller = visitor(call, self.accounts.values(), self.script.revoked, self.clock())
        account = caller.account
        if not REVISION.fullmatch(call.headers.get("revision", "")):
            detail = "A revision header is required."
            raise Refusal(400, detail, parameter="revision", title="Missing revision.")
        scopes.check(name, caller.scopes)
        headers = self.rates.take(caller.budget, name, self.clock())
        self.advance(account)
        try:
            reply = endpoint(self, account, call, *parts)
        except Refusal as refusal:
            reply = refusal.reply(with_pointer=self.settings.pointers)
        return Reply(reply.status, reply.body, {**headers, **reply.headers}, MEDIA_TYPE)

    def endpoint(self, call: Call) -> str:
        """Name the endpoint without its ids."""
        try:
            return _route(call)[0]
        except Refusal:
            return super().endpoint(call)

    def advance(self, account: Account) -> None:
        """Do the work of the jobs whose time has come, in the order they came."""
        now = self.clock()
        for job in account.jobs.values():
            if not job.done and job.due <= now:
                self._run(account, job)

    def _run(self, account: Account, job: Job) -> None:
        run = imports.run if job.kind == imports.KIND else catalog.run
        run(account, job)
        job.done, job.work = True, []

    def state(self) -> dict[str, Any]:
        """Count what is remembered."""
        for account in self.accounts.values():
            self.advance(account)
        return views.state(self)

    def listing(self, name: str, call: Call) -> Any:
        """Show one part of the memory."""
        with self.lock:
            return views.listing(self, name, call)

    def act(self, name: str, call: Call) -> Any:
        """Do something to a login at the control door's request."""
        with self.lock:
            return breaking.act(self, name, call.fields)

    def places(self) -> list[Place]:
        """List the accounts a person may break."""
        with self.lock:
            facts = {"now": self.clock(), "page_until": self.page_until}
            return [places.place(account, **facts) for account in self.accounts.values()]

    def configure(self, settings: dict[str, Any]) -> None:
        """Take limits and settings from a script."""
        with self.lock:
            self.settings.load(settings)
            if "redirect_uris" in settings:
                self.app.redirect_uris = list(settings["redirect_uris"])
            match settings.get("limits"):
                case "on" | "off" as switch:
                    self.rates.enabled = switch == "on"
                case dict() as tiers:
                    own = {
                        name: (int(burst), int(steady)) for name, (burst, steady) in tiers.items()
                    }
                    self.rates.enabled, self.rates.tiers = True, {**TIERS, **own}

    def reset(self) -> None:
        """Forget everything and drop the script."""
        super().reset()
        with self.lock:
            self.settings, self.rates = Settings(), Rates()
            self.codes, self.page_until = {}, 0.0
            for account in self.accounts.values():
                account.forget()


def _route(call: Call) -> tuple[str, Endpoint, tuple[str, ...]]:
    allowed = False
    for name, method, pattern in _PATTERNS:
        if match := pattern.fullmatch(call.path):
            if method == call.method:
                return name, ROUTES[name], match.groups()
            allowed = True
    if allowed:
        detail = f'Method "{call.method}" not allowed.'
        raise Refusal(405, detail, code="method_not_allowed", title="Method not allowed.")
    raise Refusal(404, "The path could not be found.", code="not_found", title="Not found.")
