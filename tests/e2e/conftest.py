"""A browser, and a shop with a story for it to look at."""

import os
import shutil
import time
from contextlib import suppress

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

import pytest
from django.db import connection

from .looking import LIVE, SIZES

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_BROWSER = (
    "The browser tests need Chromium: install the system's package `chromium`, "
    "or run `playwright install chromium`."
)


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=ARGUMENTS
            )
        except Error as exc:
            pytest.fail(f"{NO_BROWSER}\n{exc}", pytrace=False)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def nothing_left_at_work(transactional_db):
    """What the browser asked for has ended before the tables are emptied under it.

    Emptying a table waits for everyone who reads it, without end.
    """
    yield
    at_work = (
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' AND state <> 'idle'"
    )
    with connection.cursor() as cursor:
        for _ in range(50):
            cursor.execute(f"SELECT query {at_work}")
            if not cursor.fetchall():
                return
            time.sleep(0.1)
        cursor.execute(f"SELECT pid, state, query, pg_terminate_backend(pid) {at_work}")
        print("still at work, and ended:", cursor.fetchall())


@pytest.fixture
def open_as(browser, live_server, client, nothing_left_at_work):
    """Open a browser window, signed in or not."""
    from playwright.sync_api import Error

    windows = []

    def opened(user=None, *, size="wide", **options):
        window = browser.new_context(base_url=live_server.url, viewport=SIZES[size], **options)
        windows.append(window)
        if user:
            client.force_login(user)
            session = client.cookies["sessionid"].value
            window.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = window.new_page()
        page.set_default_timeout(LIVE)
        return page

    yield opened
    for window in windows:
        for page in window.pages:
            # A window closed in the midst of a navigation may never say that it has closed.
            with suppress(Error):
                page.wait_for_load_state("load", timeout=10_000)
        window.close()
