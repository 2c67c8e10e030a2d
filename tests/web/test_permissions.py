"""What strangers see, in more depth than tests/web/test_addresses.py walks every address."""

import pytest
from django.contrib import admin
from django.urls import reverse

from tests.factories import a_user

LISTS = ["home", "failed-records", "accounts"]
OBJECTS = {
    "store": "store",
    "events": "store",
    "event": "event",
    "failed-record": "failed",
    "account": "account",
}


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize(
    ("who", "status"), [("owner", 200), ("staff", 200), ("foreigner", 404), (None, 302)]
)
@pytest.mark.parametrize("htmx", [False, True])
def test_an_object_is_seen_by_its_merchant_and_by_staff_only(
    client, world, name, who, status, htmx
):
    if who:
        client.force_login(getattr(world, who))
    url = reverse(name, args=[getattr(world, OBJECTS[name]).public_id])

    response = client.get(url, headers={"HX-Request": "true"} if htmx else {})

    if who is None and htmx:
        assert (response.status_code, response["HX-Redirect"]) == (200, f"/sign-in/?next={url}")
        assert not response.content
    else:
        assert response.status_code == status
    if status == 302 and not htmx:
        assert response["Location"] == f"/sign-in/?next={url}"


@pytest.mark.parametrize("name", LISTS)
def test_a_list_shows_nothing_of_another_merchant(client, world, name):
    client.force_login(world.foreigner)

    page = client.get(reverse(name)).content.decode()

    assert "Alpine" not in page
    assert str(world.store.public_id) not in page


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_not_for_people_who_have_not_signed_in(client, world, name):
    assert client.get(reverse(name)).status_code == 302


@pytest.mark.parametrize("key", ["store", "cause"])
def test_a_filter_cannot_reach_over_to_another_merchant(client, world, key):
    value = {"store": world.store.public_id, "cause": world.failed.cause_id}[key]
    client.force_login(world.foreigner)

    page = client.get(reverse("failed-records"), {key: value}).content.decode()

    assert "No record matches" in page
    assert "Klaviyo does not accept" not in page


@pytest.mark.parametrize("name", [*LISTS, *OBJECTS])
def test_pages_are_read_and_never_written_to(owner, world, name):
    args = [getattr(world, OBJECTS[name]).public_id] if name in OBJECTS else []

    assert owner.post(reverse(name, args=args)).status_code == 405


def test_pages_are_never_kept_by_a_browser_or_a_proxy(owner, world):
    response = owner.get(reverse("store", args=[world.store.public_id]))

    assert "no-store" in response["Cache-Control"]
    assert "HX-Request" in response["Vary"]


def test_support_blocks_are_for_staff_only(client, world):
    url = reverse("event", args=[world.event.public_id])
    client.force_login(world.owner)
    assert "For support" not in client.get(url).content.decode()
    client.force_login(world.staff)
    assert "For support" in client.get(url).content.decode()


ADMIN_LISTS = [
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    for model in admin.site._registry
]


@pytest.mark.parametrize("name", ["admin:index", *ADMIN_LISTS])
def test_the_administration_is_for_staff_only(client, world, name):
    url = reverse(name)
    asked = client.get(url, follow=True).redirect_chain[-1][0]
    assert asked == f"/sign-in/?next={url}"
    client.force_login(world.owner)
    assert client.get(url, follow=True).status_code == 403
    client.force_login(a_user(is_staff=True, is_superuser=True))
    assert client.get(url).status_code == 200
