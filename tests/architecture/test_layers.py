"""Who may know whom, and what must exist."""

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from integrations import queue
from integrations.domain import skips
from integrations.domain.failures import FailureKind
from integrations.domain.lanes import RESERVES, Lane
from integrations.domain.operations import Kind
from integrations.platforms.klaviyo.endpoints import FACTS, Endpoint
from integrations.platforms.shopify.topics import TITLES
from integrations.platforms.shopify.webhooks import PARSERS, SKIPPED

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("integrations", "syncconsole", "sandbox", "tests", "benchmarks", "scripts")
SOURCES = sorted(path for place in PLACES for path in (ROOT / place).rglob("*.py"))
# Topics of the contract that the app subscribes to, and those that come by themselves.
TOPICS = [
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/cancelled",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "orders/edited",
    "orders/delete",
    "refunds/create",
    "fulfillments/create",
    "fulfillments/update",
    "fulfillment_events/create",
    "customers/create",
    "customers/update",
    "customers/delete",
    "customers/purchasing_summary",
    "customer.tags_added",
    "customer.tags_removed",
    "customers/merge",
    "customers_email_marketing_consent/update",
    "customers_marketing_consent/update",
    "customers_whats_app_marketing_consent/update",
    "products/create",
    "products/update",
    "products/delete",
    "variants/in_stock",
    "variants/out_of_stock",
    "inventory_levels/update",
    "inventory_levels/connect",
    "inventory_levels/disconnect",
    "inventory_items/update",
    "checkouts/create",
    "checkouts/update",
    "checkouts/delete",
    "carts/create",
    "carts/update",
    "app/uninstalled",
    "app/scopes_update",
    "shop/update",
    "bulk_operations/finish",
    "customers/data_request",
    "customers/redact",
    "shop/redact",
]


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_import_contracts_are_kept():
    found = run("-c", "from importlinter.cli import lint_imports_command as c; c()")

    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


@pytest.mark.django_db
def test_the_migrations_are_complete():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("task", [queue.DRAIN, queue.SWEEP, queue.PRUNE, *queue.SCHEDULES])
def test_every_task_name_loads(task):
    module, _, name = task.rpartition(".")

    assert callable(getattr(importlib.import_module(module), name))


def test_every_task_is_named_in_the_queue():
    tree = ast.parse((ROOT / "integrations" / "tasks.py").read_text())
    names = {
        f"integrations.tasks.{one.name}" for one in tree.body if isinstance(one, ast.FunctionDef)
    }
    tree = ast.parse((ROOT / "integrations" / "queue.py").read_text())
    known = {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant)}

    assert names <= known


def test_nobody_mocks():
    pattern = re.compile(r"^\s*(?:from|import) +(?:unittest\.mock|mock)\b", re.MULTILINE)

    assert [str(path) for path in SOURCES if pattern.search(path.read_text())] == []


def test_only_the_edge_reads_the_clock():
    """The domain is told the time."""
    pattern = re.compile(r"timezone\.now|datetime\.now|utcnow|time\.time\(")

    found = [path for path in (ROOT / "integrations" / "domain").rglob("*.py")
             if pattern.search(path.read_text())]  # fmt: skip
    assert found == []


def test_every_kind_of_failure_is_decided():
    text = (ROOT / "integrations" / "domain" / "retries.py").read_text()

    assert [kind.name for kind in FailureKind if f"FailureKind.{kind.name}" not in text] == []


def test_every_rule_has_its_sentence_and_every_lane_its_reserve():
    assert set(skips.SENTENCES) == set(skips.Skip)
    assert set(RESERVES) == set(Lane)
    assert set(FACTS) == set(Endpoint)


def test_every_topic_of_the_contract_is_read_or_skipped_by_a_stated_rule():
    known = PARSERS.keys() | SKIPPED.keys()

    assert [topic for topic in TOPICS if topic not in known] == []
    assert not PARSERS.keys() & SKIPPED.keys()
    assert [topic for topic in sorted(known) if topic not in TITLES] == []


def test_kinds_and_rules_fit_into_their_columns():
    from integrations.models import Delivery, Event

    assert max(map(len, Kind)) <= Delivery._meta.get_field("kind").max_length
    assert max(map(len, skips.Skip)) <= Event._meta.get_field("skip").max_length
