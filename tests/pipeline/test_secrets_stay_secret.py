"""A whole life of logins, with failures, and no secret in anything a person could read."""

import json
import logging
import traceback

import pytest
from django.urls import reverse

from integrations.domain.failures import PlatformError
from integrations.domain.grants import App, Grant
from integrations.models import AuditEntry, Authorization, Credential, Notice
from integrations.pipeline import audit, authorizing, logins, upkeep
from integrations.pipeline.authorizing import Refused
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.klaviyo.oauth import new_proof_key
from integrations.platforms.shopify import health
from integrations.platforms.shopify.client import Shopify
from sandbox.messages import Drop, Reply
from syncconsole.logs import JsonFormatter
from tests import factories

from .conftest import an_order
from .signing import (
    SHOP,
    allow,
    answer_account,
    answer_shop,
    begin_account,
    begin_shop,
    changed,
    connected_account,
    connected_shop,
    install,
)


class Heard(logging.Handler):
    """Everything that was logged, as it would be written."""

    def __init__(self):
        super().__init__()
        self.lines = []
        self.setFormatter(JsonFormatter())

    def emit(self, record):
        self.lines.append(self.format(record))
        self.lines.append(repr(vars(record)))


@pytest.fixture
def heard():
    handler = Heard()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(level)
    logging.getLogger("urllib3").setLevel(logging.NOTSET)


def told(call, *expected):
    """The whole story of an exception, with what it came from."""
    try:
        call()
    except expected as exc:
        story = traceback.TracebackException.from_exception(exc, compact=False)
        return "".join(story.format()) + repr(exc) + repr(getattr(exc, "failure", ""))
    raise AssertionError("nothing was raised")


def secrets_of(login):
    login = Credential.objects.get(pk=login.pk)
    return {login.reveal(), login.reveal_refresh()} - {""}


def test_no_secret_can_be_read_anywhere(
    shops, klaviyo_app, merchant, person, clock, work, client, heard, settings
):
    seen = {"pk_demo", "shpss_demo", "demo-klaviyo-secret"}
    stories = []
    # Put together here, so that no line of this file is taken for a leak.
    words = ["with", "out"]
    odd = [f"pk_{'_'.join(words)}\nbreak", f"shpat_{'_'.join(words)}\nbreak"]
    seen |= {one.partition("\n")[0] for one in odd}
    login = connected_account(merchant, person, clock)
    shop = connected_shop(merchant, person, clock)
    seen |= secrets_of(login) | secrets_of(shop)
    body = json.dumps(an_order(1)).encode()
    now = clock()
    factories.an_event(shop.store, body=body, received_at=now, next_attempt_at=now)
    work()

    # Sign-ins that fail on the way back.
    query = install(begin_shop(merchant, person, clock))
    stories.append(told(lambda: answer_shop(changed(query, hmac="0"), person, clock), Refused))
    shops.script.answer_next(Drop.AFTER, match="access_token")
    stories.append(told(lambda: answer_shop(query, person, clock), Refused))
    query = allow(begin_account(merchant, person, clock), "OTHER2")
    klaviyo_app.script.answer_next(
        Reply(200, {"access_token": "at-odd", "scope": 7}), match="oauth"
    )
    stories.append(told(lambda: answer_account(query, person, clock), Refused))
    seen.add("at-odd")
    stories.append(
        told(
            lambda: authorizing.connect_key(merchant, key=odd[0], by=person, now=clock()),
            Refused,
        )
    )

    # Renewals and refusals.
    clock.forward(minutes=61)
    for trouble in (Drop.AFTER, Reply(500), Reply(200, {"refresh_token": "shprt_odd"})):
        shops.script.answer_next(trouble, match="access_token")
        stories.append(
            told(lambda: logins.ask_shop(shop.store, health.check, now=clock()), PlatformError)
        )
    seen.add("shprt_odd")
    upkeep.renew_due(clock=clock, stopping=lambda: False)
    seen |= secrets_of(login) | secrets_of(shop)
    # A platform that repeats what it was sent.
    echo = Reply(400, {"error": "invalid_grant", "error_description": "".join(secrets_of(shop))})
    shops.script.answer_next(echo, match="access_token")
    clock.forward(minutes=61)
    stories.append(
        told(lambda: logins.ask_shop(shop.store, health.check, now=clock()), PlatformError)
    )
    # A header no library will send.
    stories.append(told(lambda: Klaviyo(klaviyo_app.url, odd[0]).get("accounts"), PlatformError))
    stories.append(told(lambda: health.check(Shopify(shops.url, odd[1])), PlatformError))
    logins.disconnect(
        Credential.objects.get(pk=login.pk), by=audit.person(person), now=clock(), reason="Done."
    )

    staff = factories.a_user("admin@alpine-demo.shop", is_staff=True, is_superuser=True)
    client.force_login(staff)
    pages = [
        client.get(reverse(f"admin:integrations_{name}_changelist")).content.decode()
        for name in ("credential", "authorization", "auditentry", "notice", "call")
    ]
    for one in Credential.objects.all():
        url = reverse("admin:integrations_credential_change", args=[one.pk])
        pages.append(client.get(url).content.decode())
    for trip in Authorization.objects.all():
        url = reverse("admin:integrations_authorization_change", args=[trip.pk])
        pages.append(client.get(url).content.decode())

    rows = [
        repr(list(AuditEntry.objects.values())),
        repr(list(Notice.objects.values())),
        repr(list(Authorization.objects.values("outcome", "detail", "domain"))),
        repr(list(Credential.objects.all())),
        repr(list(Credential.objects.values("last_failure", "failure_code"))),
    ]
    objects = [
        repr(Grant("shpat_shown", "shprt_shown")),
        repr(App("id", "shpss_demo")),
        repr(Klaviyo("http://k", "pk_demo")),
        repr(Shopify("http://s", "shpat_shown")),
        repr(new_proof_key()),
    ]
    read = "\n".join([*heard, *stories, *pages, *rows, *objects])
    assert len(seen) >= 10
    assert [one for one in sorted(seen | {"shpat_shown", "shprt_shown"}) if one in read] == []
    assert SHOP in read
    assert AuditEntry.objects.filter(action="credential.disconnected").exists()
