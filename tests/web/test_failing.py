"""A page that breaks in the middle of a secret: what its reader and the log are told of it."""

import logging

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Credential, Invitation, Membership
from sandbox.klaviyo import Klaviyo
from syncconsole.logs import JsonFormatter
from tests.factories import an_invitation

PASSWORD = "long-enough-and-odd"
KEY = "pk_demo"


class Heard(logging.Handler):
    """Everything that is logged, as it would be written."""

    def __init__(self):
        super().__init__()
        self.lines = []
        self.setFormatter(JsonFormatter())

    def emit(self, record):
        self.lines.append(self.format(record))


@pytest.fixture
def heard():
    handler = Heard()
    logging.getLogger().addHandler(handler)
    yield handler.lines
    logging.getLogger().removeHandler(handler)


def break_(table):
    """Let the database refuse every new row of a table; the end of the test takes it back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION out_of_order() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'out of order'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER out_of_order BEFORE INSERT ON {table} EXECUTE FUNCTION out_of_order()"
        )


def says_sorry(page, heard, *secrets):
    """Whether a failure is told to the reader in our words, to the log in full, to nobody more."""
    assert page.status_code == 500
    text = page.content.decode()
    assert "Something went wrong on our side" in text
    assert "out of order" not in text
    log = "\n".join(heard)
    assert "out of order" in log
    return [one for one in secrets if one in text or one in log] == []


def test_a_key_that_could_not_be_stored_is_shown_and_logged_nowhere(world, heard, settings):
    settings.DEBUG = False
    client = Client(raise_request_exception=False)
    client.force_login(world.owner)
    merchant = world.store.merchant
    with Klaviyo() as klaviyo:
        settings.KLAVIYO_API_URL = klaviyo.url
        break_("integrations_credential")
        url = reverse("connect-klaviyo-key", args=[merchant.public_id])
        page = client.post(url, {"key": KEY})

    assert says_sorry(page, heard, KEY)
    assert not Credential.objects.filter(kind="klaviyo_oauth").exists()


def test_an_invitation_that_breaks_keeps_its_link_and_the_password_to_itself(
    world, heard, settings
):
    settings.DEBUG = False
    now = timezone.now()
    asked = an_invitation(world.store.merchant, invited_at=now, expires_at=now.replace(year=2999))
    token = Invitation.objects.draw(asked, now=now)
    before = Membership.objects.count()
    break_("integrations_membership")

    page = Client(raise_request_exception=False).post(
        reverse("invitation", args=[token]), {"name": "Gina", "password": PASSWORD}
    )

    assert says_sorry(page, heard, token, PASSWORD)
    assert Membership.objects.count() == before
    assert "/invitations/***" in "\n".join(heard)
