"""A password alone opens nothing to staff, and to merchants who wish it so."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from integrations.models import AuditEntry
from integrations.pipeline import audit, second_step

ASK, SET_UP = "/sign-in/code/", "/sign-in/set-up/"


@pytest.fixture
def fresh() -> Client:
    """A browser that does not give codes by itself."""
    return Client()


def sign_in(client, user, **extra):
    return client.post("/sign-in/", {"username": user.email, "password": "pass", **extra})


def code_of(device):
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = datetime.now(UTC).timestamp()
    return f"{totp.token():06d}"


def later():
    """As if the next code had come, and every wait after a wrong one were over."""
    TOTPDevice.objects.update(last_t=-1, drift=0, throttling_failure_count=0)


def enrolled(user):
    device = second_step.begin(user)
    found = second_step.confirm(user, code_of(device), now=datetime.now(UTC))
    later()
    return found


@pytest.mark.parametrize("path", ["/", "/admin/", "/failed/", "/you/", "/admin/logout/"])
def test_staff_without_an_app_are_led_to_set_it_up_wherever_they_go(fresh, world, path):
    sign_in(fresh, world.staff)

    first = fresh.get(path)
    then = fresh.get(first["Location"])

    assert first["Location"].startswith(ASK)
    assert then["Location"].startswith(SET_UP)
    assert "Set up your second step" in fresh.get(then["Location"]).content.decode()


def test_staff_set_up_write_codes_down_and_are_in(fresh, world):
    sign_in(fresh, world.staff)
    page = fresh.get(f"{SET_UP}?next=/accounts/").content.decode()
    device = TOTPDevice.objects.get(user=world.staff)

    done = fresh.post(SET_UP, {"code": code_of(device), "next": "/accounts/"}).content.decode()

    assert re.search(r'id="secret">(\w{4} ?){8}<', page)
    assert len(re.findall(r"(?m)^(?:.*>)?([a-z2-9]{5}-[a-z2-9]{5})$", done)) == 10
    assert 'href="/accounts/"' in done
    assert fresh.get("/admin/").status_code == 200
    assert AuditEntry.objects.filter(action="second_step.switched_on").count() == 1


def test_the_picture_is_our_own_and_kept_nowhere(fresh, world):
    sign_in(fresh, world.staff)
    answer = fresh.get(f"{SET_UP}picture.svg")

    assert answer["Content-Type"] == "image/svg+xml"
    assert "no-store" in answer["Cache-Control"]
    assert answer.content.startswith(b"<?xml")


def test_whoever_has_only_the_password_cannot_put_another_app_in_place(fresh, world):
    device, _ = enrolled(world.staff)
    sign_in(fresh, world.staff)

    assert fresh.get(SET_UP)["Location"] == ASK
    assert fresh.post(SET_UP, {"code": "123456"})["Location"] == ASK
    assert fresh.get(f"{SET_UP}picture.svg").status_code == 404
    for name in ("second-step-codes", "second-step-off", "password-change"):
        assert fresh.post(reverse(name))["Location"].startswith(ASK)
    assert list(TOTPDevice.objects.filter(user=world.staff)) == [device]


def test_a_code_opens_the_page_that_was_wanted_and_changes_the_key_of_the_session(fresh, world):
    device, _ = enrolled(world.staff)
    sign_in(fresh, world.staff)
    before = fresh.cookies["sessionid"].value

    answer = fresh.post(ASK, {"code": code_of(device), "next": "/accounts/"})

    assert answer["Location"] == "/accounts/"
    assert fresh.get("/accounts/").status_code == 200
    assert fresh.cookies["sessionid"].value != before


def test_a_code_works_once_and_never_for_somebody_else(fresh, world):
    device, _ = enrolled(world.staff)
    enrolled(world.support)
    code = code_of(device)
    sign_in(fresh, world.support)

    assert "does not fit" in fresh.post(ASK, {"code": code}).content.decode()
    later()
    assert second_step.verify(world.staff, code, now=datetime.now(UTC))
    with pytest.raises(second_step.WrongCode):
        second_step.verify(world.staff, code, now=datetime.now(UTC))


def test_guessing_codes_is_slowed_and_said(fresh, world):
    enrolled(world.staff)
    sign_in(fresh, world.staff)

    first = fresh.post(ASK, {"code": "000000"}).content.decode()
    second = fresh.post(ASK, {"code": "000001"}).content.decode()

    assert "does not fit" in first
    assert "several wrong codes" in second
    assert AuditEntry.objects.filter(action="second_step.refused").count() == 1


def test_a_code_written_down_works_once_in_any_spelling_and_is_not_readable_in_the_table(
    fresh, world
):
    _, codes = enrolled(world.staff)
    typed = codes[0].upper().replace("-", " ")
    sign_in(fresh, world.staff)

    assert fresh.post(ASK, {"code": typed})["Location"] == "/"
    assert second_step.codes_left(world.staff) == 9
    assert not {one.replace("-", "") for one in codes} & set(
        StaticToken.objects.values_list("token", flat=True)
    )
    with pytest.raises(second_step.WrongCode):
        second_step.verify(world.staff, typed, now=datetime.now(UTC))


def test_merchants_need_none_may_choose_it_and_may_switch_it_off_with_a_code(fresh, world):
    sign_in(fresh, world.owner)
    assert fresh.get("/").status_code == 200
    device = second_step.begin(world.owner)
    fresh.post(SET_UP, {"code": code_of(device)})
    fresh.post("/sign-out/")
    later()

    sign_in(fresh, world.owner)
    assert fresh.get("/")["Location"].startswith(ASK)
    fresh.post(ASK, {"code": code_of(device)})
    assert fresh.get("/").status_code == 200
    off = reverse("second-step-off")
    assert fresh.post(off, {"code": "000000"}).status_code == 200
    later()
    assert fresh.post(off, {"code": code_of(device)})["Location"] == "/you/"
    assert second_step.app_of(world.owner) is None


def test_switching_it_on_ends_every_other_session_of_this_person(fresh, world):
    before, colleague = Client(), Client()
    for one, user in ((before, world.owner), (fresh, world.owner), (colleague, world.member)):
        sign_in(one, user)
    device = second_step.begin(world.owner)

    fresh.post(SET_UP, {"code": code_of(device)})

    assert fresh.get("/").status_code == 200
    assert before.get("/")["Location"].startswith("/sign-in/?")
    assert colleague.get("/").status_code == 200


def test_staff_cannot_switch_it_off(staff, world):
    assert staff.post(reverse("second-step-off"))["Location"] == "/you/"
    assert second_step.app_of(world.staff)


def test_a_reset_closes_every_session_that_relied_on_it(staff, world):
    second_step.switch_off(world.staff, by=audit.AUTOMATIC, now=datetime.now(UTC))

    assert staff.get("/")["Location"].startswith(ASK)


def test_the_last_administrator_is_helped_from_the_command_line(staff, world, capsys):
    call_command("reset_second_step", world.staff.email.upper())
    with pytest.raises(CommandError, match="Nobody"):
        call_command("reset_second_step", "nobody@nowhere.shop")

    assert staff.get("/")["Location"].startswith(ASK)
    assert AuditEntry.objects.get().role == "automatic"


def test_the_administration_has_no_other_way_out_or_to_a_password(staff, world):
    assert staff.get("/admin/password_change/")["Location"] == "/you/password/"
    staff.post("/admin/logout/")

    assert staff.get("/")["Location"].startswith("/sign-in/?")
    assert AuditEntry.objects.get().action == "session.signed_out"


def test_new_codes_end_the_old_ones(staff, world):
    _, old = enrolled(world.staff)
    staff.force_login(world.staff)
    staff.give_code(world.staff)

    page = staff.post(reverse("second-step-codes")).content.decode()

    assert len(re.findall(r"(?m)^(?:.*>)?([a-z2-9]{5}-[a-z2-9]{5})$", page)) == 10
    with pytest.raises(second_step.WrongCode):
        second_step.verify(world.staff, old[0], now=datetime.now(UTC) + timedelta(hours=1))


def test_a_live_part_leads_the_window_to_the_code(fresh, world):
    enrolled(world.staff)
    sign_in(fresh, world.staff)

    answer = fresh.get("/", headers={"HX-Request": "true"})

    assert answer["HX-Redirect"].startswith(ASK)


@pytest.mark.parametrize("away", ["https://evil.test/", "//evil.test/"])
def test_the_code_leads_to_no_other_site(fresh, world, away):
    device, _ = enrolled(world.staff)
    sign_in(fresh, world.staff)

    assert fresh.post(ASK, {"code": code_of(device), "next": away})["Location"] == "/"
