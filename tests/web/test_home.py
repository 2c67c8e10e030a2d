from datetime import timedelta

import pytest
from django.urls import reverse

from integrations.models import Credential, Heartbeat, KlaviyoAccount, Store, StoreLane
from integrations.pipeline import overview
from tests import factories as a


def read(client, url="/", **headers):
    return " ".join(client.get(url, headers=headers).content.decode().split())


def test_when_nothing_is_wrong_the_page_says_so(owner, world):
    world.failed.delete()

    page = read(owner)

    assert "All shops are well." in page
    assert "<title> Your shops" in page
    assert "Needs you" not in page


def test_a_shop_that_needs_somebody_comes_first_with_one_button(owner, world, now):
    KlaviyoAccount.objects.filter(pk=world.account.pk).update(held_since=now, held_reason="401")

    page = read(owner)

    assert "<title> (1) Your shops" in page
    assert "<strong>1 shop needs you.</strong>" in page
    assert page.count(">Reconnect<") == 1
    assert "401" not in page


def test_a_shop_we_are_working_on_says_that_nothing_is_to_be_done(owner, world, now):
    a.an_event(world.store, received_at=now - timedelta(minutes=9))
    StoreLane.objects.filter(store=world.store, lane=0).update(
        not_before=now + timedelta(minutes=4), failures=2, wait_reason="503"
    )

    page = read(owner)

    assert "Nothing needs you." in page
    assert "You do not have to do anything." in page
    assert "Next try" in page


@pytest.mark.parametrize("started", [True, False])
def test_our_own_outage_is_one_banner_and_no_alarm_per_shop(owner, world, now, started):
    a.an_event(world.store, received_at=now - timedelta(minutes=9))
    Heartbeat.objects.all().delete()
    if started:
        Heartbeat.objects.create(name="sweep", beat_at=now - timedelta(minutes=4))

    page = read(owner)

    assert "Our own delivery is interrupted." in page
    assert 'id="working-on-it"' not in page
    assert ("It has not been started" in page) is not started


def test_failed_records_are_counted_but_leave_the_shop_working(owner, world):
    page = read(owner)

    assert "1 failed record waits for a decision." in page
    assert "Needs you" not in page


def test_a_live_part_is_only_the_part(owner, world):
    page = read(owner, **{"HX-Request": "true"})

    assert page.startswith('<div id="live"')
    assert "<html" not in page
    assert "All other shops" not in page


def test_many_quiet_shops_can_be_searched_and_paged(owner, world, now):
    for number in range(60):
        a.a_store(world.account, name=f"Quiet {number:02}")

    first = read(owner)
    assert "Find a shop" in first
    assert "Next shops" in first
    assert "Quiet 59" not in first
    assert "Quiet 59" in read(owner, "/?from=50")
    found = read(owner, "/?shop=quiet+07")
    assert "Quiet 07" in found
    assert "Quiet 08" not in found
    assert "No shop is called" in read(owner, "/?shop=nowhere")


def test_the_number_of_queries_does_not_grow_with_the_shops(
    owner, world, now, django_assert_max_num_queries
):
    for number in range(5):
        store = a.a_store(world.account, name=f"Shop {number}")
        a.an_event(store, received_at=now)
        a.a_tally(store, minute=now.replace(second=0, microsecond=0), delivered=1)
        a.a_dead_letter(store)

    with django_assert_max_num_queries(12):
        owner.get("/")


def test_the_last_delivery_is_found_through_the_tallies(world, now):
    minute = (now - timedelta(hours=2)).replace(second=0, microsecond=0)
    told = a.an_event(world.store, received_at=minute + timedelta(seconds=7), state="delivered")
    a.a_tally(world.store, minute=minute, delivered=1)

    row = overview.store_row(world.store, now=now)

    assert row.diagnosis.since == told.settled_at


def test_a_store_without_any_login_of_its_own_is_not_broken(world, now):
    Credential.objects.filter(store=world.store).delete()

    assert overview.store_row(world.store, now=now).diagnosis.state == "setting_up"


def test_a_paused_shop_is_listed_as_paused(owner, world, now):
    Store.objects.filter(pk=world.store.pk).update(paused_at=now)

    assert "Paused" in read(owner)
    assert "Delivery is paused." in read(owner, reverse("store", args=[world.store.public_id]))
