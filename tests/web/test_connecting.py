"""What people read where connecting does not simply work, and what is never shown."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse

from integrations.domain.refusals import WORDS
from integrations.models import AuditEntry, Credential, Reconnection, Store
from integrations.pipeline.authorizing import Refused
from integrations.web.sign_ins import STATUS, refuse
from tests import factories as a


def read(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def apps(settings):
    settings.PUBLIC_URL = "https://console.example"
    settings.SHOPIFY_CLIENT_ID = "an-app"
    settings.SHOPIFY_APP_SECRETS = ["a-secret"]
    settings.KLAVIYO_CLIENT_ID, settings.KLAVIYO_CLIENT_SECRET = "an-app", "a-secret"
    settings.SHOPIFY_BASE_URL = "https://{shop}"


@pytest.mark.parametrize("code", WORDS)
def test_every_refusal_has_a_page_with_its_words_and_a_status(db, rf, code):
    request = rf.get("/connect/shopify/answer/")
    request.user, request.resolver_match = AnonymousUser(), None

    response = refuse(request, Refused(code))

    assert response.status_code == STATUS.get(code, 400)
    assert "What you can do" in read(response)
    assert 'class="button"' in read(response)


def test_an_answer_nobody_asked_for_is_refused(owner, world):
    page = owner.get(reverse("shopify-answer") + "?state=made-up&code=1&shop=x.myshopify.com")

    assert page.status_code == 400
    assert "cannot be trusted" in read(page)


def test_who_was_signed_out_meanwhile_is_told_and_the_answer_is_not_kept(client, world):
    page = client.get(reverse("klaviyo-answer") + "?state=s&code=secret-code")

    assert page.status_code == 401
    assert "secret-code" not in read(page)


@pytest.mark.parametrize("typed", ["", "www.alpine-outdoor.com", "my shop"])
def test_what_is_no_shop_is_said_beside_the_field_and_stays_in_it(owner, world, apps, typed):
    page = owner.post(
        reverse("connect-shop", args=[world.store.merchant.public_id]), {"shop": typed}
    )

    assert page.status_code == 400
    assert 'aria-invalid="true"' in read(page)
    assert f'value="{typed}"' in read(page)


def test_leaving_marks_the_browser_and_keeps_the_state_out_of_our_own_addresses(owner, world, apps):
    page = owner.post(
        reverse("connect-shop", args=[world.store.merchant.public_id]), {"shop": "alpine-new"}
    )

    assert page.status_code == 200
    assert page["Refresh"].startswith("0;url=https://alpine-new.myshopify.com/admin/oauth/")
    cookie = page.cookies["sign_in_browser"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert len(cookie.value) > 30


def test_a_key_that_was_refused_is_not_shown_again(owner, world, apps):
    page = owner.post(
        reverse("connect-klaviyo-key", args=[world.store.merchant.public_id]),
        {"key": "pk_ has blanks"},
    )

    assert page.status_code == 400
    assert "has blanks" not in read(page)
    assert "Klaviyo does not accept this key" in read(page)


def test_without_an_app_the_page_says_so_and_offers_the_key(owner, world):
    page = read(owner.get(reverse("merchant-connect", args=[world.store.merchant.public_id])))

    assert "KLAVIYO_CLIENT_ID" in page
    assert "SHOPIFY_CLIENT_ID" in page
    assert "Private key" in page


def test_an_account_of_somebody_else_cannot_be_chosen(owner, world, apps):
    theirs = a.an_account(a.a_merchant(name="Theirs"))
    page = owner.post(
        reverse("connect-shop", args=[world.store.merchant.public_id]),
        {"shop": "alpine", "account": theirs.public_id},
    )

    assert page.status_code == 404


def test_a_disconnect_is_asked_for_once_more_and_then_done(owner, world):
    url = reverse("store-disconnect", args=[world.store.public_id])
    assert "Disconnect Alpine Germany?" in read(owner.get(url))
    assert Credential.objects.get(store=world.store).state == "active"

    owner.post(url)
    owner.post(url)

    assert Credential.objects.get(store=world.store).state == "revoked"
    assert AuditEntry.objects.filter(action="credential.disconnected").count() == 1


def test_a_broken_shop_is_reconnected_with_one_post_that_leads_to_its_sign_in(owner, world, apps):
    Credential.objects.filter(store=world.store).update(state="revoked")

    page = owner.post(reverse("store-reconnect", args=[world.store.public_id]))

    assert page.status_code == 200
    assert world.store.domain in page["Refresh"]
    found = Reconnection.objects.get()
    assert found.paused_at is not None
    assert "Go on" in read(owner.get("/"))
    again = owner.get(reverse("store-reconnect", args=[world.store.public_id]))
    assert again.url == reverse("reconnect", args=[found.public_id])


def test_an_account_with_a_key_is_asked_for_a_key_and_a_sign_in_needs_a_yes(owner, world, apps):
    Credential.objects.filter(klaviyo_account=world.account).update(state="needs_reconnect")
    begun = owner.post(reverse("account-reconnect", args=[world.account.public_id]))
    assert "Paste a private key" in read(owner.get(begun.url))

    found = Reconnection.objects.get()
    url = reverse("reconnect-sign-in", args=[found.public_id])
    asked = owner.post(url)
    assert asked.status_code == 409
    assert f'action="{url}"' in read(asked)

    assert owner.post(url, {"switch": "yes"}).status_code == 200


def test_a_member_reconnects_but_is_not_offered_to_disconnect(client, world):
    client.force_login(world.member)

    page = read(client.get(reverse("store-connection", args=[world.store.public_id])))

    assert "Reconnect" in page
    assert "Disconnect" not in page


def test_no_page_shows_a_secret(owner, world):
    Credential.objects.filter(store=world.store).update(last_failure="401 for shpat_demo")
    for name, thing in (("store", world.store), ("account", world.account)):
        for page in ("connection", "reconnect"):
            shown = read(owner.get(reverse(f"{name}-{page}", args=[thing.public_id])))
            assert "shpat_demo" not in shown
            assert "pk_demo" not in shown


def test_giving_up_asks_first_and_unpauses(owner, world):
    owner.post(reverse("store-reconnect", args=[world.store.public_id]))
    found = Reconnection.objects.get()
    url = reverse("reconnect-give-up", args=[found.public_id])
    assert "Give up this reconnect?" in read(owner.get(url))

    owner.post(url)

    assert Store.objects.get(pk=world.store.pk).paused_at is None
    assert "given up" in read(owner.get(reverse("reconnect", args=[found.public_id])))


@pytest.mark.parametrize(
    ("name", "most"), [("store-connection", 20), ("store-reconnect", 16), ("merchant-connect", 12)]
)
def test_the_number_of_queries_is_fixed(owner, world, django_assert_max_num_queries, name, most):
    thing = world.store.merchant if name == "merchant-connect" else world.store
    with django_assert_max_num_queries(most):
        owner.get(reverse(name, args=[thing.public_id]))


def test_before_a_reconnect_many_missing_messages_are_one_line(owner, world, now):
    for topic in ("orders/create", "products/update", "refunds/create"):
        a.a_subscription(world.store, topic=topic, seen_at=now, gone_since=now)

    page = read(owner.get(reverse("store-reconnect", args=[world.store.public_id])))

    assert "3 kinds of message since" in page
    assert "<summary>Which</summary>" in page
