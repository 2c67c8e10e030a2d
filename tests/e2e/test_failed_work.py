"""One failed record, its reason, its repair and the bin, as people work with them in a browser."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from integrations.models import DeadLetter, Event, GroupRepair, Heartbeat, Repair
from tests import factories as a
from tests.pipeline.conftest import an_order, klaviyo
from tests.pipeline.replays_world import work

from .failed_world import a_failed_order
from .looking import LOOKS, check_all, complaints_of, faults_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
__all__ = ["klaviyo"]


@pytest.fixture
def clock():
    return timezone.now


@pytest.fixture
def owner(transactional_db):
    merchant = a.a_merchant(name="Alpine", time_zone="Europe/Berlin")
    Heartbeat.objects.create(name="sweep", beat_at=timezone.now())
    return a.a_member(merchant, "owner@alpine-demo.shop")


@pytest.fixture
def support(owner):
    return a.a_user("support@console.test", is_staff=True)


@pytest.fixture
def store(owner, klaviyo):
    account = a.an_account(owner.memberships.get().merchant, name="Alpine Klaviyo")
    return a.a_store(account, name="Alpine Germany", time_zone="Europe/Berlin", token="")


@pytest.fixture
def refused(store):
    """Orders whose value nobody can read, as the road itself puts them aside."""
    for number in range(1, 4):
        body = an_order(number, total_price="many", line_items=[])
        a.an_event(store, body=json.dumps(body).encode(), received_at=timezone.now())
    work(timezone.now)
    return list(DeadLetter.objects.order_by("pk"))


def pages_of(letters):
    first = letters[0]
    cause = [first.cause_id]
    ids = "&".join(f"ids={one.public_id}" for one in letters)
    return {
        "record": reverse("failed-record", args=[first.public_id]),
        "reason": reverse("cause", args=cause),
        "park": reverse("cause-park", args=cause),
        "merge": reverse("cause-merge", args=cause),
        "split": reverse("cause-split", args=cause),
        "into the bin": f"{reverse('bin-new')}?{ids}",
        "out of the bin": f"{reverse('bin-out')}?{ids}",
        "group repair": f"{reverse('repair-new')}?{ids}",
        "list": reverse("failed-records"),
        "list of one reason": f"{reverse('failed-records')}?cause={first.cause_id}",
    }


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_every_page_is_accessible_and_fits(support, refused, open_as, size, scheme):
    page = open_as(support, size=size, color_scheme=scheme, bypass_csp=True)
    pages = pages_of(refused)
    wrong = check_all(page, pages)

    page.goto(pages["record"])
    for one in page.locator("details:not([open]) > summary").all():
        one.click()
    wrong += faults_of(page)
    assert wrong == []


def test_no_page_breaks_the_policy(support, refused, open_as):
    assert complaints_of(open_as(support), pages_of(refused).values()) == []


def test_the_record_says_beforehand_what_sending_it_again_leads_to(owner, store, refused, open_as):
    fine = a_failed_order(store)
    Event.objects.filter(pk=fine.event_id).update(triggered_at=timezone.now() - timedelta(hours=5))
    page = open_as(owner)
    page.goto(reverse("failed-record", args=[refused[0].public_id]))
    expect(page.locator("#outlook")).to_contain_text("Would be refused")

    page.goto(reverse("failed-record", args=[fine.public_id]))
    expect(page.locator("#outlook")).to_contain_text("Will be recorded")
    expect(page.locator("#outlook")).to_contain_text("Nobody gets an e-mail")


def test_one_field_is_mended_and_the_order_arrives_once(owner, store, refused, klaviyo, open_as):
    page = open_as(owner)
    page.goto(reverse("failed-record", args=[refused[0].public_id]))
    page.locator("#value").fill("lots")
    page.get_by_role("button", name="Save only").click()
    expect(page.locator("#value-fault")).to_be_visible()
    assert not Repair.objects.exists()

    page.locator("#value").fill("99.50")
    page.get_by_role("button", name="Save only").click()
    expect(page.locator("#outlook")).to_contain_text("Will be recorded")
    page.get_by_role("button", name="Send again", exact=True).click()
    expect(page.locator("main")).to_contain_text("way")

    assert Repair.objects.get().dead_letter_id == refused[0].pk
    refused[0].refresh_from_db()
    assert refused[0].state == "sending"


def test_into_the_bin_with_a_reason_and_out_again(owner, store, refused, open_as):
    page = open_as(owner)
    page.goto(pages_of(refused)["into the bin"])
    page.get_by_label("Why are they not needed?").fill("Test orders of an app")
    page.get_by_role("button", name="Put 3 records into the bin").click()
    expect(page.get_by_role("status").first).to_contain_text("3 records went into the bin")
    assert set(DeadLetter.objects.values_list("state", flat=True)) == {"binned"}

    page.goto(pages_of(refused)["out of the bin"])
    page.get_by_role("button", name="Take 3 records out").click()
    expect(page.get_by_role("status").first).to_contain_text("3 records came out of the bin")
    assert set(DeadLetter.objects.values_list("state", flat=True)) == {"open"}


def test_a_reason_is_parked_and_taken_back(support, refused, open_as):
    page = open_as(support)
    page.goto(pages_of(refused)["park"])
    later = (timezone.now() + timedelta(days=3)).date().isoformat()
    page.locator("input[type=date], input[name=until]").first.fill(later)
    page.locator("main form button[type=submit]").first.click()

    refused[0].cause.refresh_from_db()
    assert refused[0].cause.state == "parked"
    page.goto(pages_of(refused)["reason"])
    expect(page.locator("main")).to_contain_text("It is parked")


def test_a_group_repair_shows_how_far_it_is_by_itself(support, store, open_as):
    group = a.a_group_repair(store.merchant, total=3, finished_at=None)
    page = open_as(support, bypass_csp=True)
    page.goto(reverse("repair-group", args=[group.public_id]))
    expect(page.locator("main")).to_contain_text("0 of 3 records had their turn")
    assert faults_of(page) == []

    GroupRepair.objects.filter(pk=group.pk).update(repaired=3, finished_at=timezone.now())

    expect(page.locator("main")).to_contain_text("Done", timeout=15_000)
    expect(page.get_by_role("button", name="Send these 3 again…")).to_be_visible()
    assert faults_of(page) == []
