"""Invitations, the second step, lockout and the history, as people click through them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from integrations.models import Invitation, Membership, Merchant, Store, User
from integrations.pipeline import audit, history, invitations
from tests import factories as a
from tests.web.conftest import post_goes_out

from .looking import LOOKS, SIZES, check, faults_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

GUEST = "guest@alpine-demo.shop"
PASSWORD = "long-enough-and-odd"


@dataclass
class Story:
    """A team with a past."""

    merchant: Merchant
    owner: User
    member: User
    staff: User
    store: Store
    # Links of invitations, by what they are still good for.
    links: dict[str, str]


@pytest.fixture
def story(transactional_db) -> Story:
    now = timezone.now()
    merchant = a.a_merchant(name="Alpine Outfitters", time_zone="Europe/Berlin")
    account = a.an_account(merchant, name="Alpine Klaviyo")
    store = a.a_store(account, name="Germany", time_zone="Europe/Berlin")
    owner = a.a_member(merchant, "owner@alpine-demo.shop")
    for number in range(history.PAGE + 5):
        a.an_audit_entry(
            merchant,
            at=now - timedelta(minutes=number),
            store=store,
            subject="Germany",
            before={"state": "active"},
            after={"state": "needs_reconnect", "scopes": ["read_orders", "read_customers"]},
            reason="Shopify no longer knows the login.",
        )
    links, find = {}, {}
    for name in ("open", "withdrawn", "expired", "used"):
        found = find[name] = invitations.invite(
            merchant,
            email=f"{name}.with.a.long.address@alpine-outfitters-demo.shop",
            role="member",
            by=owner,
            now=now,
        )
        links[name] = f"/invitations/{Invitation.objects.draw(found, now=now)}/"
    Invitation.objects.filter(pk=find["expired"].pk).update(expires_at=now)
    invitations.withdraw(find["withdrawn"], by=owner, now=now)
    invitations.accept_as_new(find["used"], name="Uma", password=PASSWORD, now=now)
    return Story(
        merchant=merchant,
        owner=owner,
        member=a.a_member(merchant, "member@alpine-demo.shop", role="member"),
        staff=a.a_user("support@console.test", is_staff=True, is_superuser=True),
        store=store,
        links=links | {"unknown": "/invitations/no-such-token/"},
    )


@pytest.fixture(autouse=True)
def our_address(settings, live_server):
    settings.PUBLIC_URL = live_server.url


def pages_of(story: Story) -> dict[str, str]:
    member = story.member.memberships.get().pk
    owner = story.owner.memberships.get().pk
    waiting = story.merchant.invitations.get(email__startswith="open")
    here = [story.merchant.public_id]
    return {
        "store": reverse("store", args=[story.store.public_id]),
        "history": reverse("history"),
        "history, none found": reverse("history") + "?kind=people&who=automatic",
        "teams": reverse("teams"),
        "team": reverse("team", args=here),
        "invite": reverse("invite", args=here),
        "role": reverse("team-role", args=[*here, member]),
        "remove": reverse("team-remove", args=[*here, member]),
        "last owner": reverse("team-remove", args=[*here, owner]),
        "withdraw": reverse("invitation-withdraw", args=[waiting.public_id]),
        "invitation of another": story.links["open"],
        "you": reverse("you"),
        "change the password": reverse("password-change"),
        "set up": reverse("second-step-set-up"),
    }


def staff_pages_of(story: Story) -> dict[str, str]:
    here = story.member.pk
    return pages_of(story) | {
        "people": reverse("people"),
        "person": reverse("person", args=[here]),
        "reset": reverse("person-second-step", args=[here]),
        "new codes": reverse("second-step-codes"),
    }


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
@pytest.mark.parametrize(("who", "pages"), [("owner", pages_of), ("staff", staff_pages_of)])
def test_the_pages_of_people_are_accessible_and_fit(story, open_as, size, scheme, who, pages):
    page = open_as(getattr(story, who), size=size, color_scheme=scheme, bypass_csp=True)

    wrong = [fault for name, url in pages(story).items() for fault in check(page, name, url)]

    # What is folded open, and a form with its faults.
    page.goto("/history/")
    page.locator("summary").first.click()
    wrong += faults_of(page)
    for url in (reverse("invite", args=[story.merchant.public_id]), reverse("password-change")):
        page.goto(url)
        page.click("main form button[type=submit]")
        wrong += faults_of(page)
    assert wrong == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_way_in_is_accessible_and_fits(story, open_as, size, scheme):
    page = open_as(size=size, color_scheme=scheme, bypass_csp=True)
    names = ("password-forgotten", "password-sent")
    urls = {name: reverse(name) for name in names} | story.links
    urls["no reset"] = reverse("password-new", args=["MQ", "gone"])

    wrong = [fault for name, url in urls.items() for fault in check(page, name, url)]

    page.goto(story.links["open"])
    page.click("main button")
    wrong += faults_of(page)
    wrong += check(page, "sign in", "/sign-in/")
    for _ in range(5):
        page.fill("#id_username", story.owner.email)
        page.fill("#id_password", "wrong")
        page.click("main button")
    assert page.inner_text("h1") == "Too many wrong passwords"
    wrong += faults_of(page)
    assert wrong == []


@pytest.mark.parametrize("size", SIZES)
def test_somebody_is_invited_joins_and_signs_in_again(story, open_as, size):
    page = open_as(story.owner, size=size)
    page.goto("/")
    page.get_by_role("link", name="Team").click()
    page.get_by_role("link", name="Invite somebody").click()
    page.fill("#id_email", GUEST)
    page.get_by_role("button", name="Send the invitation").click()
    assert page.get_by_role("status").first.inner_text().startswith("The invitation is on its way")

    post_goes_out()
    guest = open_as(size=size)
    guest.goto(re.search(r"http\S+/invitations/\S+", mail.outbox[-1].body)[0])
    guest.fill("#id_name", "Gina")
    guest.fill("#id_password", PASSWORD)
    guest.get_by_role("button", name="Join the team").click()
    assert "Welcome to the team of Alpine Outfitters" in guest.inner_text("main")
    guest.get_by_role("button", name="Sign out").click()
    guest.fill("#id_username", GUEST)
    guest.fill("#id_password", PASSWORD)
    guest.click("main button")

    assert guest.inner_text("h1") == "Your shops"
    assert Membership.objects.get(user__email=GUEST).role == "member"


@pytest.mark.parametrize("size", SIZES)
def test_staff_set_up_the_second_step_and_sign_in_with_a_code(story, open_as, size):
    complaints = []
    page = open_as(size=size)
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    sign_in(page, story.staff)
    assert page.inner_text("h1") == "Set up your second step"
    picture = page.locator("img.square")
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") > 100
    app = TOTPDevice.objects.get(user=story.staff)
    page.fill("#id_code", code_of(app))
    page.get_by_role("button", name="Switch the second step on").click()
    written_down = page.inner_text("#codes").split()
    assert len(written_down) == 10
    page.get_by_role("link", name="I have kept them").click()
    assert page.inner_text("h1") == "Your shops"
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, story.staff, back="/admin/")
    page.fill("#id_code", "000000")
    page.get_by_role("button", name="Go on").click()
    assert "does not fit" in page.get_by_role("alert").inner_text()
    page.fill("#id_code", written_down[0])
    page.get_by_role("button", name="Go on").click()

    page.wait_for_url("**/admin/")
    assert complaints == []


def test_the_history_is_narrowed_paged_and_taken_away(story, open_as):
    audit.record(
        "team.removed",
        story.merchant,
        by=audit.person(story.owner, story.merchant),
        now=timezone.now(),
        subject="gone@alpine-demo.shop",
    )
    page = open_as(story.owner)
    page.goto(reverse("store", args=[story.store.public_id]))
    page.get_by_role("link", name="See the whole history").click()
    assert page.locator("ol.history > li").count() == history.PAGE
    page.get_by_role("link", name="Older entries").click()
    assert page.locator("ol.history > li").count() == 5

    page.get_by_role("link", name="Clear the filter").click()
    page.select_option("#kind", "people")
    page.select_option("#who", str(story.owner.pk))
    page.get_by_role("button", name="Show", exact=True).click()
    assert "gone@alpine-demo.shop was removed from the team" in page.inner_text("main")
    assert "The login of Germany" not in page.inner_text("main")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the entries").click()

    text = download.value.path().read_text(encoding="utf-8-sig")
    assert text.startswith("When (UTC),Who,Role,What")
    assert "gone@alpine-demo.shop was removed" in text
    assert "The login of Germany" not in text


def sign_in(page, user, *, back="/"):
    page.goto(back)
    page.fill("#id_username", user.email)
    page.fill("#id_password", "pass")
    page.click("main button")


def code_of(app):
    totp = TOTP(app.bin_key, app.step, app.t0, app.digits)
    totp.time = datetime.now(UTC).timestamp()
    return f"{totp.token():06d}"
