"""A browser, and a shop with a story for it to look at."""

import os
import shutil

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

import pytest

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
def open_as(browser, live_server, client):
    """Open a browser window, signed in or not."""
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
        window.close()
