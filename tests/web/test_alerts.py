"""The pages of alerts: what is wrong, who takes care of it, who is told and how."""

from datetime import timedelta

import pytest
from django.urls import reverse

from integrations.models import Alert, AlertChannel, AlertLimit, AuditEntry
from integrations.pipeline import alerts, health
from tests import factories as a

URL = "/alerts/"


def read(client, url=URL, **query):
    return " ".join(client.get(url, query).content.decode().split())


@pytest.fixture
def watched(now):
    health.beat(alerts.WATCHER, now=now)


def test_an_empty_list_is_good_only_when_somebody_looks(owner, world, now):
    assert "Nobody is watching at the moment." in read(owner)

    health.beat(alerts.WATCHER, now=now)
    assert "Nothing is wrong." in read(owner)
    health.beat(alerts.WATCHER, now=now - timedelta(minutes=6))
    assert "Nothing is wrong." not in read(owner)


def test_the_worst_comes_first_and_what_is_not_told_yet_is_not_listed(owner, world, watched, now):
    store = world.store
    a.an_alert(store, key="late:1", rule="late", severity="warning", words="It is late.")
    a.an_alert(store, words="It is stuck.")
    a.an_alert(
        store, key="x", rule="failing", state="pending", fired_at=None, words="Not for long."
    )
    page = read(owner)

    assert page.index("It is stuck.") < page.index("It is late.")
    assert "Not for long." not in page
    assert "(2) Alerts" in page


def test_an_alert_says_what_is_done_and_leads_to_its_shop(owner, world, watched):
    alert = a.an_alert(world.store)
    page = read(owner, reverse("alert", args=[alert.public_id]))

    assert "nothing moves. 34 minutes without progress." in page
    assert "A worker is asked for every minute" in page
    assert f'href="{reverse("store", args=[world.store.public_id])}"' in page
    assert "Nobody: there is no way out that is told of this." in page


def test_somebody_takes_care_once(owner, world, watched):
    alert = a.an_alert(world.store)
    url = reverse("alert-take", args=[alert.public_id])

    owner.post(url)
    owner.post(url)

    assert "owner@alpine-demo.shop takes care of it" in read(
        owner, reverse("alert", args=[alert.public_id])
    )
    assert AuditEntry.objects.filter(action="alert.taken").count() == 1


def test_what_is_over_has_a_list_of_its_own(owner, world, watched, now):
    a.an_alert(world.store, state="over", over_at=now, words="It was stuck.")

    assert "It was stuck." not in read(owner)
    assert "It was stuck." in read(owner, state="over")


def test_of_a_stranger_nothing_is_seen(client, world, watched):
    alert = a.an_alert(world.store)
    client.force_login(world.foreigner)

    assert "Alpine" not in read(client)
    assert client.get(reverse("alert", args=[alert.public_id])).status_code == 404


def test_the_consoles_own_alerts_are_for_staff(owner, staff, world, watched):
    a.an_alert(world.store, key="schedule:sweep", words="Not run.")
    Alert.objects.update(merchant=None, store=None)
    assert "Not run." in read(staff)
    staff.force_login(world.owner)
    assert "Not run." not in read(staff)


def test_an_owner_adds_a_way_tests_it_and_removes_it(owner, world, mailoutbox):
    merchant = world.store.merchant
    form = {
        "name": "Ann", "address": "ann@alpine-demo.shop", "least": "warning",
        "quiet_from": "22:00", "quiet_until": "07:00",
    }  # fmt: skip
    answer = owner.post(reverse("alert-channel-new", args=[merchant.public_id]), form)
    assert answer.status_code == 302
    channel = AlertChannel.objects.get()
    page = read(owner, "/alerts/channels/")
    assert "warnings wait from 22:00 to 07:00 (Europe/Berlin)" in page
    assert "ann@alpine-demo.shop" not in page

    owner.post(reverse("alert-channel-test", args=[channel.public_id]))
    assert [one.to for one in mailoutbox] == [["ann@alpine-demo.shop"]]
    owner.post(reverse("alert-channel-remove", args=[channel.public_id]))
    assert not AlertChannel.objects.exists()
    done = AuditEntry.objects.filter(action__startswith="alert_channel").values_list("action")
    assert done.count() == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"address": "json://10.0.0.1/"}, "one of these services"),
        ({"address": ""}, "Enter address"),
        ({"quiet_until": ""}, "Enter both times, or neither."),
        ({"quiet_from": "25:00"}, "Enter a valid time."),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(owner, world, changes, words):
    form = {
        "name": "Ann", "address": "ann@alpine-demo.shop", "least": "warning",
        "quiet_from": "22:00", "quiet_until": "07:00",
    }  # fmt: skip
    url = reverse("alert-channel-new", args=[world.store.merchant.public_id])

    answer = owner.post(url, form | changes)

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not AlertChannel.objects.exists()


def test_the_live_part_is_the_list_alone(owner, world, watched):
    a.an_alert(world.store)
    answer = owner.get(URL, headers={"HX-Request": "true"})

    assert b"<html" not in answer.content
    assert Alert.objects.get().words.encode() in answer.content


def test_an_owner_chooses_other_numbers_and_the_usual_ones_again(owner, world):
    merchant = world.store.merchant
    rules = reverse("alert-rules", args=[merchant.public_id])
    url = reverse("alert-rule", args=[merchant.public_id, "failing"])
    assert ">5%<" in read(owner, rules)

    assert owner.post(url, {"warning": "12", "critical": "", "lasting": "30"}).status_code == 302
    kept = AlertLimit.objects.get()
    assert (kept.rule, kept.warning, kept.critical, kept.lasting_minutes) == (
        "failing",
        12,
        None,
        30,
    )
    page = read(owner, rules)
    assert "12%" in page
    assert "30 minutes" in page
    assert "your own numbers" in page

    owner.post(url, {"usual": "1"})
    assert not AlertLimit.objects.exists()
    assert AuditEntry.objects.filter(action="alert.limited").count() == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"warning": "30", "critical": "20"}, "A warning comes before what is critical"),
        ({"warning": "-1"}, "greater than or equal to 0"),
        ({"warning": "nan"}, "Enter a number"),
        ({"lasting": "9999"}, "less than or equal to 1440"),
        ({"lasting": ""}, "Enter after so many minutes in a row."),
        ({"warning": "0"}, "above zero"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused_and_stay_in_the_form(
    owner, world, changes, words
):
    form = {"warning": "5", "critical": "20", "lasting": "5"} | changes
    url = reverse("alert-rule", args=[world.store.merchant.public_id, "failing"])

    answer = owner.post(url, form)

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not AlertLimit.objects.exists()


def test_rules_of_the_console_itself_are_not_a_business_s(owner, world):
    url = reverse("alert-rule", args=[world.store.merchant.public_id, "schedule"])

    assert owner.get(url).status_code == 404
