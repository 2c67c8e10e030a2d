"""E-mails about logins: to the owners, once, and later if the mail server is away."""

import pytest

from integrations.models import Notice
from integrations.pipeline import notices
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def merchant():
    return factories.a_merchant()


def send(clock):
    return notices.send_due(clock=clock, stopping=lambda: False)


class Away:
    """A mail server that is not there for some of those it is to write to."""

    def __init__(self, monkeypatch, *addresses):
        self.addresses = set(addresses)
        whole = notices.EmailMessage.send

        def instead(message, *args, **kwargs):
            if self.addresses & set(message.to):
                raise ConnectionRefusedError("connect to 10.0.0.1 refused")
            return whole(message, *args, **kwargs)

        monkeypatch.setattr(notices.EmailMessage, "send", instead)


def test_every_owner_is_told_once_and_nobody_else(merchant, clock, mailoutbox):
    owners = {factories.a_member(merchant).email for _ in range(2)}
    factories.a_member(merchant, role="member")
    factories.a_member(factories.a_merchant(name="Valley"))
    for _ in range(3):
        notices.tell(merchant.pk, key="login:1", subject="It broke", body="Mend it.", now=clock())

    assert send(clock) == 1
    assert send(clock) == 0

    assert sorted(one.to for one in mailoutbox) == sorted([address] for address in owners)
    assert mailoutbox[0].body == "Mend it."
    assert set(Notice.objects.get().recipients) == owners


def test_a_mail_server_that_is_away_is_tried_again_and_tells_nobody_twice(
    merchant, clock, mailoutbox, monkeypatch
):
    factories.a_member(merchant, "anna@alpine-demo.shop")
    factories.a_member(merchant, "ben@alpine-demo.shop")
    away = Away(monkeypatch, "ben@alpine-demo.shop")
    notices.tell(merchant.pk, key="login:1", subject="It broke", body="Mend it.", now=clock())

    assert send(clock) == 0
    assert send(clock) == 0, "not at once"
    away.addresses = set()
    clock.forward(minutes=2)
    assert send(clock) == 1

    assert [one.to for one in mailoutbox] == [["anna@alpine-demo.shop"], ["ben@alpine-demo.shop"]]
    assert Notice.objects.get().attempts == 2


def test_after_a_day_without_a_mail_server_nobody_tries_any_more(merchant, clock, monkeypatch):
    member = factories.a_member(merchant)
    Away(monkeypatch, member.email)
    notices.tell(merchant.pk, key="login:1", subject="It broke", body="Mend it.", now=clock())

    for _ in range(40):
        send(clock)
        clock.forward(hours=3)

    notice = Notice.objects.get()
    assert notice.given_up_at is not None
    assert notice.last_error == "ConnectionRefusedError"
    assert notice.attempts == notices.MOST_ATTEMPTS


def test_a_business_without_an_owner_has_nobody_to_tell(merchant, clock, mailoutbox):
    factories.a_member(merchant, role="member")
    notices.tell(merchant.pk, key="login:1", subject="It\nbroke", body="Mend it.", now=clock())

    assert send(clock) == 0

    notice = Notice.objects.get()
    assert notice.given_up_at is not None
    assert notice.subject == "It broke", "no line of a subject is another header"
    assert not mailoutbox
