"""Guessing passwords ends after five, for one address and from one place."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.test import RequestFactory

from integrations.models import AuditEntry
from integrations.pipeline import sessions
from integrations.web import lockout


def tries(client, address, times=1, password="wrong", **extra):
    for _ in range(times):
        answer = client.post("/sign-in/", {"username": address, "password": password}, **extra)
    return answer


def actions():
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_five_wrong_passwords_close_the_way_even_for_the_right_one(client, world):
    answer = tries(client, world.owner.email, 5)

    assert answer.status_code == 429
    assert "Too many wrong passwords" in answer.content.decode()
    assert answer["Retry-After"] == "900"
    assert tries(client, world.owner.email.upper(), password="pass").status_code == 429
    assert actions() == ["session.refused"] * 4 + ["session.locked"]


def test_somebody_else_and_another_place_are_not_locked_out(client, world, settings):
    settings.PROXIES_IN_FRONT = 1
    tries(client, world.owner.email, 5, headers={"X-Forwarded-For": "10.9.9.9, 192.0.2.1"})

    assert tries(client, world.member.email, password="pass").status_code == 302
    client.logout()
    away = {"X-Forwarded-For": "192.0.2.1, 192.0.2.2"}
    assert tries(client, world.owner.email, password="pass", headers=away).status_code == 302


@pytest.mark.parametrize(
    ("proxies", "header", "found"),
    [
        (0, "192.0.2.9", "127.0.0.1"),
        (1, "192.0.2.9, 192.0.2.1", "192.0.2.1"),
        (2, "192.0.2.9, 192.0.2.1, 192.0.2.2", "192.0.2.1"),
        (2, "192.0.2.1", "192.0.2.1"),
        (1, "", "127.0.0.1"),
        (1, "nonsense", None),
    ],
)
def test_the_address_is_the_one_our_own_proxies_saw(settings, proxies, header, found):
    settings.PROXIES_IN_FRONT = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": header})

    assert lockout.client_address(request) == found


def test_after_fifteen_minutes_the_way_is_open_and_tries_do_not_prolong_it(client, world):
    tries(client, world.owner.email, 5)
    AccessAttempt.objects.update(attempt_time=world.event.received_at - timedelta(minutes=11))
    assert tries(client, world.owner.email).status_code == 429

    AccessAttempt.objects.update(attempt_time=world.event.received_at - timedelta(minutes=13))

    assert tries(client, world.owner.email, password="pass").status_code == 302
    assert not AccessAttempt.objects.exists()


def test_what_was_typed_is_kept_nowhere(client, world):
    tries(client, "secret-typed-by-mistake", 2)
    tries(client, "nobody@alpine-demo.shop", 2)

    rows = [*AccessAttempt.objects.values_list(), *AuditEntry.objects.values_list()]
    assert rows
    assert "secret-typed" not in str(rows)
    assert "nobody@" not in str(rows)
    assert actions() == ["session.refused"]


def test_an_empty_form_is_no_try(client, world):
    client.post("/sign-in/", {"username": world.owner.email, "password": ""})

    assert actions() == []


def test_a_locked_login_is_known_and_can_be_opened(client, world, now):
    tries(client, world.owner.email, 5)
    assert sessions.locked_among([world.owner, world.member], now=now) == {world.owner.pk}

    sessions.forget_failures(world.owner)

    assert not sessions.locked_among([world.owner], now=now)
    assert tries(client, world.owner.email, password="pass").status_code == 302


def test_signing_in_and_out_stand_in_the_history_of_the_team(client, world):
    tries(client, world.owner.email, password="pass")
    client.post("/sign-out/")

    assert actions() == ["session.signed_in", "session.signed_out"]
    entry = AuditEntry.objects.first()
    assert (entry.merchant, entry.role) == (world.store.merchant, "owner")
