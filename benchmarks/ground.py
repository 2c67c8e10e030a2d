"""The ground to measure on: a PostgreSQL of its own, a world of twenty stores, the console."""

import os
import secrets
import shutil
import sys
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.processes import ROOT, Processes, fetch, free_port, procfile, wait_for
from benchmarks.shops import Stall

SECRET = "shpss_bench"
ACCOUNTS, STORES = 4, 20
# What describes the world; everything else is emptied between measurements.
KEPT = {
    "integrations_user",
    "integrations_user_groups",
    "integrations_user_user_permissions",
    "integrations_merchant",
    "integrations_membership",
    "integrations_klaviyoaccount",
    "integrations_credential",
    "integrations_store",
    "integrations_storelane",
}


class Ground:
    """Everything a measurement starts from."""

    def __init__(self, directory: Path) -> None:
        from syncconsole import embedded

        self.directory = directory
        self.database = directory / "pg"
        self.processes = Processes(directory)
        self.web_port = free_port()
        self.env = _environment(embedded.url(self.database))
        # Ours only: copying a large backlog in takes longer than any statement of the console.
        os.environ |= self.env | {"DB_STATEMENT_TIMEOUT_MS": "0"}
        self.stalls = self._build()

    def _build(self) -> list[Stall]:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", "--no-input", verbosity=0)
        return _world()

    @property
    def webhooks(self) -> str:
        """The path below which stores have their addresses."""
        return "/webhooks/shopify"

    def empty(self) -> None:
        """Forget what the last measurement left, and write it out of the way."""
        tables = [
            name
            for (name,) in self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            if (name.startswith("integrations_") and name not in KEPT)
            or name.startswith("django_q")
        ]
        self.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
        self.execute(
            "UPDATE integrations_storelane SET lease_until = NULL, lease_by = '', in_hand = '{}',"
            " batch_limit = 500, not_before = NULL, wait_reason = '', failures = 0"
        )
        self.execute("CHECKPOINT")

    def query(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Read rows."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()

    def one(self, statement: str, parameters: Any = None) -> Any:
        """Read one value."""
        return self.query(statement, parameters)[0][0]

    def execute(self, statement: str) -> None:
        """Change something."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(statement)

    def postmaster(self) -> int:
        """The process whose children are PostgreSQL."""
        return int((self.database / "postmaster.pid").read_text().split()[0])

    def console_env(self, klaviyo: str, **more: str) -> dict[str, str]:
        """The environment of a console that sends to this Klaviyo."""
        return (
            self.env
            | {"KLAVIYO_API_URL": klaviyo, "SHOPIFY_BASE_URL": f"{klaviyo}/shopify"}
            | {"PORT": str(self.web_port), "BIND": "127.0.0.1"}
            | more
        )

    def start_web(self, env: dict[str, str]) -> None:
        """Start the web process with the Procfile's own line."""
        self.processes.run("web", procfile()["web"], env)
        wait_for(f"http://127.0.0.1:{self.web_port}/healthz")

    def start_worker(self, env: dict[str, str]) -> None:
        """Start the worker with the Procfile's own line."""
        self.processes.run("worker", procfile()["worker"], env)

    def start_sink(self, delay: float = 0.0) -> str:
        """Start the server that takes everything at once; returns its address."""
        return self._klaviyo("sink", "--delay", str(delay))

    def start_stand_in(self, *, delay: float = 0.0, limits: bool = False) -> str:
        """Start the sandbox's Klaviyo, which checks and remembers; returns its address."""
        keys = [f"pk_bench_{number}" for number in range(ACCOUNTS)]
        url = self._klaviyo("standin", *keys)
        fetch(f"{url}/_sandbox/script", {"limits": "on" if limits else "off", "delay": delay})
        return url

    def _klaviyo(self, module: str, *arguments: str) -> str:
        port = free_port()
        self.processes.module(
            "klaviyo", module, "--port", str(port), *arguments, env=dict(os.environ)
        )
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/answered")
        return url


@contextmanager
def ground() -> Iterator[Ground]:
    """Make the ground, and leave nothing of it behind."""
    cache = ROOT / ".cache" / "bench"
    cache.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=cache))
    # The embedded server has a user of its own when we are root, who must get through to it.
    directory.chmod(0o755)
    made: Ground | None = None
    try:
        made = Ground(directory)
        yield made
    finally:
        if made is not None:
            made.processes.stop()
        _stop_database(directory / "pg")
        shutil.rmtree(directory, ignore_errors=True)


def _stop_database(data: Path) -> None:
    from django.db import connections

    from syncconsole import embedded

    if (data / "postmaster.pid").exists():
        connections.close_all()
        embedded.stop(data)
    for process in psutil.process_iter(["cmdline"]):
        assert str(data) not in (process.info["cmdline"] or []), "PostgreSQL is still there"


def _environment(database: str) -> dict[str, str]:
    """As in production, apart from TLS, with keys made for this run."""
    return dict(os.environ) | {
        "DJANGO_SETTINGS_MODULE": "syncconsole.settings",
        "DATABASE_URL": database,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "SHOPIFY_APP_SECRETS": SECRET,
        "DEBUG": "off",
        "HTTPS": "off",
        "ALLOWED_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _world() -> list[Stall]:
    """Twenty stores on four accounts, as rows: connecting would ask platforms that are not here."""
    from django.utils import timezone

    from integrations.domain.lanes import Lane
    from integrations.models import Credential, KlaviyoAccount, Merchant, Store, StoreLane

    now = timezone.now()
    merchant = Merchant.objects.create(name="Bench", created_at=now)
    accounts, stalls = [], []
    for n in range(ACCOUNTS):
        account = KlaviyoAccount.objects.create(
            merchant=merchant, name=f"Bench {n}", external_id=f"BENCH{n}", created_at=now
        )
        login = Credential(klaviyo_account=account, kind="klaviyo_key", connected_at=now)
        login.keep(f"pk_bench_{n}")
        login.save()
        accounts.append(account)
    for n in range(STORES):
        store = Store.objects.create(
            merchant=merchant,
            klaviyo_account=accounts[n % ACCOUNTS],
            domain=f"bench-{n:02}.myshopify.com",
            name=f"Bench {n:02}",
            created_at=now,
        )
        StoreLane.objects.bulk_create(
            StoreLane(store=store, lane=lane, last_served_at=now) for lane in Lane
        )
        login = Credential(store=store, kind="shopify_token", connected_at=now)
        login.keep("shpat_bench")
        login.save()
        stalls.append(Stall(store.pk, str(store.public_id), store.domain))
    return stalls
