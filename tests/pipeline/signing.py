"""Signing in at the stand-ins as a merchant does, with a browser."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from integrations.models import Credential
from integrations.pipeline import authorizing

SHOP = "alpine-outdoor.myshopify.com"
OTHER_SHOP = "other-shop.myshopify.com"
BROWSER = "a value in a cookie"
PUBLIC = "https://console.alpine.shop"


def press(url, **fields):
    """Press a button of a platform's page; returns the query the browser is sent back with."""
    answer = requests.post(url, data=fields, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    return urlsplit(answer.headers["Location"]).query


def install(begun):
    return press(begun.url, decision="install")


def allow(begun, account="DEMO01"):
    return press(begun.url, decision="allow", account=account)


def changed(query, **changes):
    """The query with other values, and no care for its signature."""
    return urlencode(dict(parse_qsl(query)) | changes)


def begin_shop(merchant, person, clock, **changes):
    values = {"domain": SHOP, "by": person, "browser": BROWSER, "now": clock()}
    return authorizing.begin_shopify(merchant, **values | changes)


def answer_shop(query, person, clock, **changes):
    values = {"by": person, "browser": BROWSER, "now": clock()}
    return authorizing.answer_shopify(query, **values | changes)


def begin_account(merchant, person, clock, **changes):
    values = {"by": person, "browser": BROWSER, "now": clock()}
    return authorizing.begin_klaviyo(merchant, **values | changes)


def answer_account(query, person, clock, **changes):
    values = {"by": person, "browser": BROWSER, "now": clock()}
    return authorizing.answer_klaviyo(query, **values | changes)


def connected_shop(merchant, person, clock, **changes):
    """A shop whose merchant has signed in; returns its login."""
    query = install(begin_shop(merchant, person, clock, **changes))
    return Credential.objects.get(store=answer_shop(query, person, clock).store)


def connected_account(merchant, person, clock, at="DEMO01", **changes):
    """An account whose merchant has signed in; returns its login."""
    query = allow(begin_account(merchant, person, clock, **changes), at)
    return Credential.objects.get(klaviyo_account=answer_account(query, person, clock).account)


def calls_to(server, path):
    return [call for call in server.calls if call["path"].endswith(path)]
