"""Every page of past data, in every state: accessible, fitting, and within the policy."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from integrations.models import SyncWindow
from tests import factories as a

from .looking import LOOKS, check_all, complaints_of, faults_of
from .past_world import everything

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
    wrong = []
    for name in ("new", "running", "stopped"):
        page.goto(pages[name])
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        wrong += check_open(page, name)

    assert wrong == []


def check_open(page, name):
    return [f"{name}: {one}" for one in faults_of(page)]


def test_no_page_breaks_the_policy(owner, pages, open_as):
    assert complaints_of(open_as(owner), pages.values()) == []


def test_a_bad_choice_is_told_at_its_field_and_kept(owner, pages, open_as):
    page = open_as(owner, bypass_csp=True)
    page.goto(pages["new"])
    page.get_by_label("From one day to another").check()
    page.get_by_label("First day").fill("2026-05-02")
    page.get_by_label("Last day").fill("2026-04-01")
    page.get_by_role("button", name="See what will happen").click()

    expect(page.locator("#id_until_error")).to_contain_text("Swap the two dates")
    expect(page.get_by_label("First day")).to_have_value("2026-05-02")
    assert check_open(page, "new, refused") == []


def test_what_every_page_says_of_a_fetch_is_kept_up_to_date_and_can_be_switched_off(
    owner, pages, open_as
):
    page = open_as(owner)
    page.goto(pages["store"])
    banner = page.locator("#past-banners")
    said = banner.get_by_role("link").first.inner_text()

    SyncWindow.objects.filter(state="waiting").update(state="done", finished_at=timezone.now())
    page.evaluate(
        "document.getElementById('past-banners').dispatchEvent(new CustomEvent('console:now'))"
    )
    expect(banner.get_by_role("link").first).not_to_have_text(said)

    page.get_by_role("button", name="Turn live updates off").click()
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    page.evaluate(
        "document.getElementById('past-banners').dispatchEvent(new CustomEvent('console:now'))"
    )
    page.wait_for_timeout(500)
    assert asked == []
