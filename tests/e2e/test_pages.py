"""The console's pages in a real browser: accessible, within the policy, alive."""

import json
import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from integrations.domain.budgets import slot_of
from integrations.models import (
    Budget,
    Call,
    Credential,
    Event,
    Heartbeat,
    KlaviyoAccount,
    RefusalCount,
    Store,
    StoreLane,
    User,
)
from tests import factories as a

from .looking import LIVE, LOOKS, check, faults_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@dataclass
class Story:
    """What the pages show."""

    owner: User
    staff: User
    store: Store
    stopped: Store
    account: KlaviyoAccount
    pages: dict[str, str]
    staff_pages: dict[str, str]


@pytest.fixture
def story(transactional_db) -> Story:
    """One shop that works, one that needs somebody, one that is late, one paused, one new."""
    now = timezone.now()
    merchant = a.a_merchant(name="Alpine Outfitters", time_zone="Europe/Berlin")
    account = a.an_account(merchant, name="Alpine Klaviyo", external_id="XyZ12a")
    lost = a.an_account(
        merchant, name="Outlet Klaviyo", held_since=now, held_reason="401 Incorrect key."
    )
    Credential.objects.filter(klaviyo_account=lost).update(state="revoked", last_failure="401")
    store, late, paused, _ = (
        a.a_store(account, name=name, time_zone="Europe/Berlin")
        for name in ("Germany", "Switzerland and a rather long name", "Wholesale", "New one")
    )
    stopped = a.a_store(lost, name="Outlet")
    Store.objects.filter(pk=paused.pk).update(paused_at=now)
    Heartbeat.objects.create(name="sweep", beat_at=now + timedelta(hours=1))
    ended = a.an_event(
        store, received_at=now - timedelta(minutes=5), state="delivered", topic="orders/create"
    )
    for minutes, state in ((5, "delivered"), (40, "skipped"), (300, "delivered"), (900, "dead")):
        minute = (now - timedelta(minutes=minutes)).replace(second=0, microsecond=0)
        a.a_tally(store, minute=minute, **{state: 7})
        a.an_event(store, received_at=minute, state=state)
    a.an_event(late, received_at=now - timedelta(minutes=9))
    StoreLane.objects.filter(store=late, lane=0).update(
        not_before=now + timedelta(minutes=20), failures=3, wait_reason="503"
    )
    alert = a.an_alert(late, bad_since=now, seen_at=now, fired_at=now)
    channel = a.an_alert_channel(merchant, last_error="The service did not take it.")
    alert.tellings.create(
        channel=channel, told="begun", severity="critical", made_at=now, next_attempt_at=now
    )
    a.an_event(paused, received_at=now)
    a.an_event(stopped, received_at=now)
    trying = a.an_event(late, received_at=now, attempts=1, last_error="503")
    call = Call.objects.create(
        klaviyo_account=account,
        store=store,
        endpoint="event-bulk-create-jobs",
        started_at=now,
        milliseconds=184,
        status=202,
        items=12,
        sent_bytes=4000,
        request_id="req-8842",
    )
    a.an_attempt(trying, call=call)
    Budget.objects.create(
        klaviyo_account=account,
        endpoint="event-bulk-create-jobs",
        burst=10,
        steady=150,
        slots={str(slot_of(now)): 40},
        blocked_until=now + timedelta(hours=1),
        updated_at=now,
    )
    RefusalCount.objects.create(store=store, reason="signature", hour=now, count=3)
    failed = a.a_dead_letter(store, payload=json.dumps({"email": "jane@example.com"}).encode())
    for number in range(30):
        a.a_dead_letter(store, cause=a.a_cause(merchant, code=f"c{number % 3}"))
    call_command("ensure_groups", verbosity=0)
    return Story(
        owner=a.a_member(merchant, "owner@alpine-demo.shop"),
        staff=a.a_user("support@console.test", is_staff=True, is_superuser=True),
        store=store,
        stopped=stopped,
        account=account,
        pages={
            "home": "/",
            "store": reverse("store", args=[store.public_id]),
            "store, week": reverse("store", args=[store.public_id]) + "?range=week",
            "store that needs somebody": reverse("store", args=[stopped.public_id]),
            "store that is late": reverse("store", args=[late.public_id]),
            "events": reverse("events", args=[store.public_id]),
            "events, none found": reverse("events", args=[store.public_id]) + "?q=nothing",
            "event": reverse("event", args=[ended.public_id]),
            "event on its way": reverse("event", args=[trying.public_id]),
            "failed event": reverse("event", args=[failed.event.public_id]),
            "failed records": reverse("failed-records"),
            "failed record": reverse("failed-record", args=[failed.public_id]),
            "alerts": reverse("alerts"),
            "alerts that are over": reverse("alerts") + "?state=over",
            "alert": reverse("alert", args=[alert.public_id]),
            "who is told of alerts": reverse("alert-channels"),
            "tell somebody of alerts": reverse("alert-channel-new", args=[merchant.public_id]),
            "accounts": reverse("accounts"),
            "account": reverse("account", args=[account.public_id]),
            "stopped account": reverse("account", args=[lost.public_id]),
            "not found": "/nothing-here/",
        },
        staff_pages={
            "index": reverse("admin:index"),
            "events": reverse("admin:integrations_event_changelist"),
            "event": reverse("admin:integrations_event_change", args=[ended.pk]),
            "dead letters": reverse("admin:integrations_deadletter_changelist"),
            "dead letter": reverse("admin:integrations_deadletter_change", args=[failed.pk]),
            "add a store": reverse("admin:integrations_store_add"),
            "a store": reverse("admin:integrations_store_change", args=[store.pk]),
            "users": reverse("admin:integrations_user_changelist"),
            "add a user": reverse("admin:integrations_user_add"),
            "a group": reverse("admin:auth_group_add"),
            "members": reverse("admin:integrations_membership_changelist"),
        },
    )


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
@pytest.mark.parametrize("who", ["owner", "staff"])
def test_every_page_is_accessible_and_fits(story, open_as, size, scheme, who):
    # Only here the policy is set aside, so that the checker itself may run.
    page = open_as(getattr(story, who), size=size, color_scheme=scheme, bypass_csp=True)

    wrong = [fault for name, url in story.pages.items() for fault in check(page, name, url)]

    assert wrong == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_signing_in_is_accessible_with_and_without_an_error(story, open_as, size, scheme):
    page = open_as(size=size, color_scheme=scheme, bypass_csp=True)

    wrong = check(page, "sign in", "/sign-in/")
    page.fill("#id_username", "owner@alpine-demo.shop")
    page.fill("#id_password", "wrong")
    page.click("main button")
    wrong += faults_of(page)

    assert wrong == []
    assert page.get_by_role("alert").is_visible()


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_administration_is_accessible(story, open_as, size, scheme):
    page = open_as(story.staff, size=size, color_scheme=scheme, bypass_csp=True)
    wrong = []
    for name, url in story.staff_pages.items():
        page.goto(url)
        wrong += [f"{name}: {one}" for one in faults_of(page)]

    assert wrong == []


def test_no_page_breaks_the_policy_or_fails_to_load_a_file(story, open_as):
    page = open_as(story.staff)
    complaints = []
    page.on(
        "console",
        lambda one: complaints.append(f"{page.url}: {one.text}") if one.type == "error" else None,
    )
    page.on("pageerror", lambda one: complaints.append(f"{page.url}: {one}"))
    for name, url in [*story.pages.items(), *story.staff_pages.items()]:
        if name == "not found":
            continue
        page.goto(url)
        page.wait_for_load_state("networkidle")

    assert complaints == []


def test_with_forced_colours_states_still_have_a_shape_and_a_word(story, open_as):
    page = open_as(story.owner, forced_colors="active")
    page.goto("/")

    badge = page.locator(".badge").first
    assert badge.inner_text().strip()
    assert badge.locator("svg path").count() == 1


def test_the_keyboard_reaches_the_content_and_the_way_out(story, open_as):
    page = open_as(story.owner)
    page.goto("/")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    page.goto("/")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == "Sign out":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/")


def test_everything_works_without_scripts(story, open_as):
    page = open_as(java_script_enabled=False)
    page.goto("/")
    page.fill("#id_username", story.owner.email)
    page.fill("#id_password", "pass")
    page.click("main button")

    page.click("text=Germany")
    page.click("text=See all messages")
    page.select_option("#state", "dead")
    page.click("text=Show >> visible=true")

    assert "needs you" in page.inner_text("h1").lower()


def test_a_new_message_shows_up_without_loading_the_page_again(story, open_as):
    page = open_as(story.owner)
    page.goto(story.pages["store"])
    page.evaluate("window.still = 'here'")
    page.click("#chart-numbers > summary")

    arrived = a.an_event(story.store, received_at=timezone.now(), topic="refunds/create")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    page.wait_for_selector(f"#event-{arrived.public_id}")
    assert page.evaluate("window.still") == "here"
    assert page.locator("#chart-numbers[open]").count() == 1
    # Something is on its way now, so the page looks again by itself, and soon.
    Event.objects.filter(pk=arrived.pk).update(state="delivered", settled_at=timezone.now())
    page.wait_for_selector(f"#event-{arrived.public_id} >> text=Delivered")


def test_a_change_of_state_is_spoken_once_and_stands_in_the_title(story, open_as):
    page = open_as(story.owner)
    page.goto(story.pages["store"])
    news = page.locator("#live-news")
    assert news.inner_text() == ""

    KlaviyoAccount.objects.filter(pk=story.account.pk).update(
        held_since=timezone.now(), held_reason="401"
    )
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page).to_have_title(re.compile("^Needs you"), timeout=LIVE)
    assert "Needs you" in news.text_content()


def test_when_the_session_ends_the_window_goes_to_the_sign_in_page(story, open_as, client):
    page = open_as(story.owner)
    page.goto(story.pages["store"])

    client.logout()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    page.wait_for_url("**/sign-in/?next=**")
    assert page.locator("h1").count() == 1


def test_a_lost_connection_is_named_and_can_be_tried_again(story, open_as):
    page = open_as(story.owner)
    page.goto(story.pages["store"])
    page.context.set_offline(True)

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    page.wait_for_selector("text=/Not updated since \\d/")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("#live-state", state="hidden")


def test_live_updates_can_be_switched_off(story, open_as):
    page = open_as(story.owner)
    page.goto(story.pages["store"])
    page.get_by_role("button", name="Turn live updates off").click()
    asked = []
    page.on("request", lambda one: asked.append(one.url))

    page.evaluate("document.getElementById('live').dispatchEvent(new Event('console:now'))")
    page.wait_for_timeout(500)

    assert asked == []
    assert page.get_by_text("Live updates are off.").is_visible()
    page.reload()
    page.get_by_role("button", name="Turn live updates on").click()
    expect(page.locator("#live-state")).to_be_empty(timeout=LIVE)


def test_the_answer_can_be_copied(story, open_as):
    page = open_as(story.owner, permissions=["clipboard-read", "clipboard-write"])
    page.goto(story.pages["failed record"])
    page.click("#technical > summary")

    page.get_by_role("button", name="Copy the answer").click()

    page.wait_for_selector("text=Copied")
    assert "errors" in page.evaluate("navigator.clipboard.readText()")
