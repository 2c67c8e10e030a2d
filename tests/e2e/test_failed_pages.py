"""Sending failed records again, in a browser: accessible, within the policy, and walked."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from integrations.domain.replays import ReplayState
from integrations.models import Replay
from tests import factories as a

from .failed_world import a_failed_order, everything
from .looking import LOOKS, check_all, complaints_of, faults_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owner(transactional_db):
    merchant = a.a_merchant(name="Alpine", time_zone="Europe/Berlin")
    return a.a_member(merchant, "owner@alpine-demo.shop")


@pytest.fixture
def pages(owner):
    return everything(owner)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_every_page_is_accessible_and_fits(owner, pages, open_as, size, scheme):
    page = open_as(owner, size=size, color_scheme=scheme, bypass_csp=True)

    assert check_all(page, pages) == []


def test_what_is_folded_away_is_accessible_too(owner, pages, open_as):
    page = open_as(owner, bypass_csp=True)
    page.goto(pages["plan"])
    page.get_by_text("How it goes out").click()
    page.get_by_label("Let flows start because of these records").check()
    page.get_by_role("button", name="Keep this").click()

    expect(page.locator("#id_reason_error")).to_contain_text("Say why flows should start.")
    assert faults_of(page) == []


def test_no_page_breaks_the_policy(owner, pages, open_as):
    assert complaints_of(open_as(owner), pages.values()) == []


@pytest.mark.parametrize("scripts", [True, False])
def test_from_the_list_to_the_result(owner, open_as, scripts):
    store = a.a_store(a.an_account(owner.memberships.get().merchant), name="Alpine Germany")
    for _ in range(5):
        a_failed_order(store)
    page = open_as(owner, java_script_enabled=scripts)
    page.goto(reverse("failed-records"))
    expect(page.get_by_role("heading", name="5 records need attention")).to_be_visible()

    for number in range(3):
        page.locator("input[name=ids][type=checkbox]").nth(number).check()
    page.get_by_role("button", name="Send again…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Send 3 records again?")
    expect(page.get_by_text("this page is the trial run")).to_be_visible()
    page.get_by_role("button", name="Send 3 again").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Sending 3 records again")
    replay = Replay.objects.get()
    assert (replay.state, replay.total) == (ReplayState.RUNNING, 3)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Nothing more is let go")).to_be_visible()
    page.get_by_role("link", name="Stop…").click()
    page.get_by_role("button", name="Stop and put 3 back").click()
    expect(page.get_by_text("3 records are back in the list")).to_be_visible()


def test_a_merchant_sends_what_is_safe_with_one_button(owner, open_as):
    store = a.a_store(a.an_account(owner.memberships.get().merchant), name="Alpine Germany")
    for _ in range(5):
        a_failed_order(store)
    page = open_as(owner)
    page.goto(reverse("failed-records"))

    page.get_by_role("button", name="Send 5 again").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Sending 5 records again")
    assert Replay.objects.get().state == ReplayState.RUNNING
