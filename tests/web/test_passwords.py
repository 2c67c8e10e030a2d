"""A lost password is replaced by way of the mailbox, and nobody learns who has a login."""

import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AuditEntry, Notice
from tests.web.conftest import post_goes_out

NEW = "quite-another-one-7"


def ask(client, address):
    answer = client.post(reverse("password-forgotten"), {"email": address}, follow=True)
    post_goes_out()
    return answer


def link():
    return re.search(r"https?://[^/]+(/password/new/\S+)", mail.outbox[-1].body)[1]


def test_the_answer_is_the_same_for_every_address(client, world):
    known, unknown = ask(client, world.owner.email), ask(client, "nobody@nowhere.shop")

    assert known.redirect_chain == unknown.redirect_chain
    assert "Look into your mailbox" in known.content.decode()
    assert [one.to for one in mail.outbox] == [[world.owner.email]]
    assert "nobody@" not in str(AuditEntry.objects.values_list())


def test_no_page_waits_for_a_mail_server_and_no_row_keeps_the_link(client, world, monkeypatch):
    sent = []
    monkeypatch.setattr(mail.EmailMessage, "send", lambda one: sent.append(one.body))

    client.post(reverse("password-forgotten"), {"email": world.owner.email})

    assert sent == []
    assert post_goes_out() == 1
    token = re.search(r"/password/new/\S+/(\S+)/", sent[0])[1]
    assert token not in str(Notice.objects.values())


def test_a_link_nobody_could_be_sent_in_an_hour_is_not_sent_any_more(client, world):
    client.post(reverse("password-forgotten"), {"email": world.owner.email})
    Notice.objects.update(made_at=timezone.now() - timedelta(minutes=61))

    assert post_goes_out() == 0
    assert not mail.outbox
    assert Notice.objects.get().given_up_at is not None


def test_without_our_own_address_no_link_to_nowhere_is_sent(client, world, settings):
    settings.PUBLIC_URL = ""
    ask(client, world.owner.email)

    assert not mail.outbox
    assert "PUBLIC_URL" in Notice.objects.get().last_error


def test_one_letter_in_five_minutes(client, world):
    ask(client, world.owner.email)
    ask(client, world.owner.email)

    assert len(mail.outbox) == 1


def test_the_link_leads_to_the_address_in_the_settings(client, world, settings):
    settings.PUBLIC_URL = "https://console.alpine.shop"
    ask(client, world.owner.email)

    assert "https://console.alpine.shop/password/new/" in mail.outbox[0].body


def test_a_new_password_opens_a_locked_login_and_ends_every_session(client, world):
    elsewhere = Client()
    elsewhere.force_login(world.owner)
    for _ in range(5):
        client.post("/sign-in/", {"username": world.owner.email, "password": "wrong"})
    ask(client, world.owner.email)

    form = client.get(link(), follow=True)
    url = form.redirect_chain[-1][0]
    done = client.post(url, {"new_password1": NEW, "new_password2": NEW}, follow=True)

    assert "Sign in with it" in done.content.decode()
    assert not AccessAttempt.objects.exists()
    assert elsewhere.get("/").status_code == 302
    answer = client.post("/sign-in/", {"username": world.owner.email, "password": NEW})
    assert answer["Location"] == "/"
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"password.asked", "password.reset"} <= actions
    assert "no longer works" in Client().get(link(), follow=True).content.decode()


def test_a_weak_password_is_refused(client, world):
    ask(client, world.owner.email)
    url = client.get(link(), follow=True).redirect_chain[-1][0]

    page = client.post(url, {"new_password1": "12345678", "new_password2": "12345678"})

    assert "too common" in page.content.decode()


def test_changing_it_keeps_this_session_and_ends_the_others(owner, world):
    elsewhere = Client()
    elsewhere.force_login(world.owner)
    before = owner.cookies["sessionid"].value

    answer = owner.post(
        reverse("password-change"),
        {"old_password": "pass", "new_password1": NEW, "new_password2": NEW},
        follow=True,
    )

    assert "Everywhere else you are signed out" in answer.content.decode()
    assert owner.cookies["sessionid"].value != before
    assert elsewhere.get("/").status_code == 302
    assert AuditEntry.objects.get().action == "password.changed"


@pytest.mark.parametrize("name", ["password-forgotten", "password-change"])
def test_faults_are_tied_to_their_fields(owner, world, name):
    page = owner.post(reverse(name), {}).content.decode()

    assert re.search(r'aria-describedby="id_\w+_error"', page)
    assert 'role="alert"' in page
