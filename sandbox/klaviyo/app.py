"""Klaviyo, as far as the console can tell."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.klaviyo import catalog, events, imports, profiles, reads, sums, views
from sandbox.klaviyo.errors import MEDIA_TYPE, Refusal, unauthorized
from sandbox.klaviyo.jobs import Job
from sandbox.klaviyo.memory import Account
from sandbox.klaviyo.rates import TIERS, Rates
from sandbox.messages import Call, Reply
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
    flow_triggers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

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
    ) -> None:
        super().__init__(port=port, host=host, clock=clock)
        chosen = list(accounts) if accounts else [Account("DEMO01", {"pk_demo"})]
        self.accounts = {account.id: account for account in chosen}
        self.settings = Settings()
        self.rates = Rates()

    def account_of(self, key: str) -> Account | None:
        """Find the account a key opens."""
        if key in self.script.revoked:
            return None
        return next((a for a in self.accounts.values() if key in a.keys), None)

    def answer(self, call: Call) -> Reply:
        """Answer as the platform would."""
        with self.lock:
            try:
                return self._answer(call)
            except Refusal as refusal:
                return refusal.reply(with_pointer=self.settings.pointers)

    def _answer(self, call: Call) -> Reply:
        name, endpoint, parts = _route(call)
        account = self._caller(call)
        if not REVISION.fullmatch(call.headers.get("revision", "")):
            detail = "A revision header is required."
            raise Refusal(400, detail, parameter="revision", title="Missing revision.")
        headers = self.rates.take(account.id, name, self.clock())
        self.advance(account)
        try:
            reply = endpoint(self, account, call, *parts)
        except Refusal as refusal:
            reply = refusal.reply(with_pointer=self.settings.pointers)
        return Reply(reply.status, reply.body, {**headers, **reply.headers}, MEDIA_TYPE)

    def _caller(self, call: Call) -> Account:
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() in ("klaviyo-api-key", "bearer") and (account := self.account_of(key)):
            return account
        raise unauthorized()

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

    def configure(self, settings: dict[str, Any]) -> None:
        """Take limits and settings from a script."""
        with self.lock:
            self.settings.load(settings)
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
