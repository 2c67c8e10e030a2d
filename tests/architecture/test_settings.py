"""Every setting is documented, a wrong one stops the start, and production is checked clean."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "syncconsole" / "settings.py"
DOCUMENT = ROOT / "docs" / "settings.md"
READERS = {"_switch", "_whole_number", "_typed", "_required_unless_debug"}
PRODUCTION = {
    "DEBUG": "0",
    "SECRET_KEY": "k3y-" + "aB3$xY9!" * 10,
    "ALLOWED_HOSTS": "console.alpine.shop",
    "CSRF_TRUSTED_ORIGINS": "https://console.alpine.shop",
    "FIELD_ENCRYPTION_KEYS": "b25seS1mb3ItdGhlLXRlc3RzLW9mLXRoaXMtcHJvajE=",
    "SHOPIFY_APP_SECRETS": "shpss_one,shpss_two",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
    "HTTPS": "on",
    "PUBLIC_URL": "https://console.alpine.shop",
    "EMAIL_URL": "smtp+tls://console:shh@mail.alpine.shop:587",
}


def names_read() -> set[str]:
    """Every name the settings read from the environment."""
    found = set()
    for node in ast.walk(ast.parse(SETTINGS.read_text())):
        if not isinstance(node, ast.Call):
            continue
        constants = [one.value for one in node.args if isinstance(one, ast.Constant)]
        names = [one for one in constants if isinstance(one, str) and one.isupper()]
        called = node.func
        own = isinstance(called, ast.Name) and called.id in READERS
        environ = (
            isinstance(called, ast.Attribute)
            and isinstance(called.value, ast.Name)
            and called.value.id == "env"
        )
        if (own or environ) and names:
            found.add(names[0])
    return found


def test_the_settings_read_what_we_think_they_read():
    assert {"DEBUG", "SECRET_KEY", "DATABASE_URL", "WEBHOOK_MAX_BYTES"} <= names_read()


@pytest.mark.skipif(not DOCUMENT.is_file(), reason="docs/settings.md is not written yet")
@pytest.mark.parametrize("name", sorted(names_read()))
def test_every_setting_is_documented(name):
    assert f"`{name}`" in DOCUMENT.read_text()


def manage(*arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    wanted = {name: value for name, value in (PRODUCTION | changes).items() if value is not None}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *arguments],
        cwd=ROOT,
        env=kept | wanted,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_production_is_checked_clean():
    found = manage("check", "--deploy", "--fail-level", "WARNING")

    assert found.returncode == 0, found.stderr
    assert "no issues" in found.stdout + found.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", None),
        ("FIELD_ENCRYPTION_KEYS", None),
        ("FIELD_ENCRYPTION_KEYS", "too-short"),
        ("DATABASE_URL", None),
        ("WEBHOOK_MAX_BYTES", "five"),
        ("WEBHOOK_MAX_BYTES", "5"),
        ("Q_WORKERS", "1"),
        ("DEBUG", "perhaps"),
        ("HTTPS", "of"),
        ("LOG_FORMAT", "xml"),
        ("METRICS_TOKEN", "too-short"),
        ("PUBLIC_URL", "console.alpine.shop"),
    ],
)
def test_a_missing_or_malformed_setting_stops_the_start_and_names_itself(name, value):
    found = manage("check", **{name: value})

    assert found.returncode != 0
    assert name in found.stderr


def test_without_an_app_secret_the_check_says_that_nothing_will_be_received():
    found = manage("check", "--deploy", SHOPIFY_APP_SECRETS=None)

    assert "SHOPIFY_APP_SECRETS" in found.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SHOPIFY_CLIENT_ID": "app", "SHOPIFY_APP_SECRETS": None}, "SHOPIFY_APP_SECRETS"),
        ({"KLAVIYO_CLIENT_ID": "app"}, "KLAVIYO_CLIENT_SECRET"),
        ({"KLAVIYO_CLIENT_SECRET": "shh"}, "KLAVIYO_CLIENT_ID"),
        ({"SHOPIFY_CLIENT_ID": "app", "PUBLIC_URL": None}, "PUBLIC_URL"),
        ({"SHOPIFY_SCOPES": "read_orders,read_products"}, "read_customers"),
    ],
)
def test_half_an_app_stops_the_start_and_says_what_is_missing(changes, named):
    found = manage("check", **changes)

    assert found.returncode != 0
    assert named in found.stderr


def test_production_is_told_that_nobody_can_be_written_to():
    assert "EMAIL_URL" in manage("check", "--deploy", EMAIL_URL=None).stderr


@pytest.mark.parametrize("address", [None, "http://console.alpine.shop"])
def test_production_is_told_of_an_address_nobody_can_use(address):
    assert "PUBLIC_URL" in manage("check", "--deploy", PUBLIC_URL=address).stderr
