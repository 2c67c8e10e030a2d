"""The page on which a person breaks a login by clicking."""

from html.parser import HTMLParser

import pytest

from sandbox.html import page
from tests.sandbox.test_shopify_webhooks import Receiver, subscribe


class Page(HTMLParser):
    """The parts of a page that a person can use."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms, self.labels, self.ids, self.tags = [], set(), set(), []
        self._text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        own, self._text = dict(attrs), ""
        self.tags.append((tag, own))
        if "id" in own:
            self.ids.add(own["id"])
        if tag == "form":
            self.forms.append({"action": own["action"], "fields": {}, "button": ""})
        elif tag == "input":
            self.forms[-1]["fields"][own["name"]] = own["value"]
        elif tag == "select":
            self.forms[-1]["select"] = own["name"]
        elif tag == "option" and self.forms[-1]["select"] not in self.forms[-1]["fields"]:
            self.forms[-1]["fields"][self.forms[-1]["select"]] = own["value"]
        elif tag == "label":
            self.labels.add(own["for"])

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag == "button":
            self.forms[-1]["button"] = self._text


def opened(caller):
    answer = caller.session.get(f"{caller.server.url}/_sandbox/", timeout=5)
    assert answer.status_code == 200
    return Page(answer.text)


def press(caller, label, nth=0):
    form = [form for form in opened(caller).forms if form["button"] == label][nth]
    url = caller.server.url + form["action"]
    return caller.session.post(url, data=form["fields"], timeout=5)


@pytest.fixture
def console():
    with Receiver() as receiver:
        yield receiver


def test_the_page_can_be_read_by_everybody(shopify, klaviyo, console):
    subscribe(shopify, console)
    klaviyo.login()
    for caller in (shopify, klaviyo):
        shown = opened(caller)

        assert [own for tag, own in shown.tags if tag == "html"] == [{"lang": "en"}]
        assert sum(tag == "h1" for tag, _ in shown.tags) == 1
        selects = {own["id"] for tag, own in shown.tags if tag == "select"}
        assert selects == shown.labels
        named = {own["aria-labelledby"] for tag, own in shown.tags if tag == "section"}
        assert named <= shown.ids
        assert not {"style", "script"} & {tag for tag, _ in shown.tags}


def test_its_stylesheet_is_served(shopify):
    answer = shopify.session.get(f"{shopify.server.url}/_sandbox/style.css", timeout=5)

    assert answer.headers["Content-Type"].startswith("text/css")


def test_a_shop_is_broken_and_mended_by_clicking(shopify):
    token = shopify.login()["access_token"]

    def orders():
        answer = shopify.query("{ ordersCount { count } }", token=token)
        return answer.status_code, "errors" in answer.text

    for label, seen in (
        ("Freeze the shop", (402, True)),
        ("Take away a permission", (200, True)),
        ("Withdraw the token", (401, True)),
        ("Uninstall the app", (401, True)),
        ("Uninstall the app, tell it later", (401, True)),
        ("Answer with an HTML page for a while", (503, False)),
    ):
        shown = press(shopify, label)
        assert "Done." in shown.text
        assert orders() == seen, label
        press(shopify, "Give everything back")
        assert orders() == (200, False), label


def test_a_subscription_is_removed_by_clicking(shopify, console):
    assert "Remove a webhook subscription" not in {f["button"] for f in opened(shopify).forms}
    subscribe(shopify, console)

    press(shopify, "Remove a webhook subscription")

    assert shopify.look("subscriptions")["subscriptions"] == []


def test_an_account_is_broken_and_mended_by_clicking(klaviyo, clock):
    token = klaviyo.login()["access_token"]

    def status():
        clock.forward(1)
        return klaviyo.bearing(token, "GET", "accounts").status_code

    for label, seen in (
        ("Withdraw the token", 401),
        ("Uninstall the app", 401),
        ("Take away a permission", 403),
        ("Answer with an HTML page for a while", 403),
    ):
        press(klaviyo, label)
        assert status() == seen, label
        press(klaviyo, "Give everything back")
        assert status() == 200, label


def test_a_button_acts_on_its_own_account(klaviyo):
    press(klaviyo, "Withdraw the token", nth=1)

    assert klaviyo.call("GET", "accounts", key="pk_other").status_code == 401
    assert klaviyo.get("accounts").status_code == 200


def test_what_cannot_be_done_is_said_on_a_page(shopify):
    url = f"{shopify.server.url}/_sandbox/stand"

    answer = shopify.session.post(url, data={"status": "<b>"}, timeout=5)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<b>" not in answer.text


def test_text_on_a_page_is_escaped():
    assert b"<script>" not in page("<script>", "<script>").raw
