import json

import pytest
from django.urls import reverse

from integrations.models import GroupRepair, Replay
from integrations.pipeline import group_repairs
from tests import factories as a

URL = "/failed/repair/"


@pytest.fixture
def failed(world):
    payload = {"email": "jane.doe@example.com", "phone_number": "030 1234567"}
    return a.a_dead_letter(world.store, kind="profile", payload=json.dumps(payload).encode())


def read(response):
    return " ".join(response.content.decode().split())


def test_a_rule_is_previewed_confirmed_carried_out_and_sent(owner, world, failed, now):
    form = {"ids": [str(failed.public_id)], "recipe": "drop_phone"}
    page = read(owner.post(URL, form))
    assert "It would change 1 of the 1 newest records" in page
    assert "Change 1 record" in page
    assert "1234567" not in page
    assert "Leave the phone number out (fits this reason)" in page

    response = owner.post(URL, form | {"confirmed": "1"})
    made = GroupRepair.objects.get()
    assert response["Location"] == reverse("repair-group", args=[made.public_id])
    group_repairs.run(clock=lambda: now, stopping=lambda: False)
    page = read(owner.get(response["Location"]))
    assert "Send these 1 again…" in page

    owner.post(reverse("repair-group-send", args=[made.public_id]))

    replay = Replay.objects.get()
    assert (replay.state, replay.total) == ("draft", 1)
    assert replay.items.get().dead_letter == failed


def test_each_figure_of_a_decision_opens_as_many_records_as_it_says(owner, world, failed, now):
    unfit = a.a_dead_letter(world.store, kind="profile", payload=b'{"email": "k@example.com"}')
    form = {"ids": [str(failed.public_id), str(unfit.public_id)], "recipe": "drop_phone"}
    owner.post(URL, form | {"confirmed": "2"})
    group_repairs.run(clock=lambda: now, stopping=lambda: False)
    made = GroupRepair.objects.get()
    page = read(owner.get(reverse("repair-group", args=[made.public_id])))

    for outcome, rows in {"repaired": [failed], "unfit": [unfit], "closed": []}.items():
        address = f"/failed/?state=all&amp;changed={made.public_id}&amp;outcome={outcome}"
        assert f'href="{address}"' in page
        found = owner.get(address.replace("&amp;", "&"))
        assert [one for one, _ in found.context["rows"]] == rows
        assert found.context["page"].count == len(rows)
        assert "Only records that were to be changed by a rule" in read(found)


def test_a_number_that_changed_is_refused_and_shown_anew(owner, failed):
    form = {"all": "1", "recipe": "drop_phone", "confirmed": "7"}

    response = owner.post(URL, form)

    assert response.status_code == 409
    assert "by now it would be 2" in read(response)
    assert not GroupRepair.objects.exists()


def test_strangers_choose_nothing(client, world, failed):
    client.force_login(world.foreigner)

    response = client.post(URL, {"ids": [str(failed.public_id)], "recipe": "drop_phone"})

    assert response["Location"] == reverse("failed-records")


def test_the_list_leads_to_it(owner, failed):
    page = read(owner.get("/failed/"))

    assert f'formaction="{URL}">Change by a rule…' in page
    assert "See what it would do" in read(owner.post(URL, {"all": "1"}))
