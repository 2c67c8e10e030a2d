import pytest
from django.db import DatabaseError, connection
from django.urls import reverse

from tests.factories import a_user


def test_people_sign_in_with_their_address_in_any_case(client, world):
    response = client.post(
        reverse("sign-in"), {"username": "OWNER@Alpine-demo.shop", "password": "pass"}
    )

    assert response["Location"] == "/"


def test_after_signing_in_people_are_where_they_wanted_to_be(client, world):
    url = reverse("store", args=[world.store.public_id])

    response = client.post(
        f"{reverse('sign-in')}?next={url}",
        {"username": world.owner.email, "password": "pass", "next": url},
    )

    assert response["Location"] == url


@pytest.mark.parametrize("away", ["https://evil.test/", "//evil.test/"])
def test_nobody_is_sent_to_another_site(client, world, away):
    answers = [
        client.post(
            reverse("sign-in"),
            {"username": world.owner.email, "password": "pass", "next": away},
        ),
        client.post(reverse("times"), {"times": "exact", "next": away}),
    ]

    assert [one["Location"] for one in answers] == ["/", "/"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"username": "owner@alpine-demo.shop", "password": "wrong"}, "do not go together"),
        ({"username": "", "password": ""}, "Enter your e-mail address."),
    ],
)
def test_a_failed_sign_in_is_announced_and_tied_to_its_fields(client, world, typed, words):
    page = client.post(reverse("sign-in"), typed).content.decode()

    assert 'role="alert"' in page
    assert words in page
    assert page.count('aria-describedby="sign-in-error"') == 2
    assert "<title>" in page
    assert page.split("<title>")[1].strip().startswith("Not signed in")


def test_a_closed_login_does_not_open(client, db):
    user = a_user(is_active=False)

    response = client.post(reverse("sign-in"), {"username": user.email, "password": "pass"})

    assert response.status_code == 200


def test_signing_out_takes_a_post_and_ends_the_session(owner):
    assert owner.get(reverse("sign-out")).status_code == 405
    assert owner.post(reverse("sign-out"))["Location"] == reverse("sign-in")
    assert owner.get("/").status_code == 302


def test_the_wish_for_exact_times_is_remembered(owner, world):
    url = reverse("events", args=[world.store.public_id])
    assert "3 minutes ago</time>" in owner.get(url).content.decode()

    response = owner.post(reverse("times"), {"times": "exact", "next": url})

    assert response["Location"] == url
    page = owner.get(url).content.decode()
    assert "3 minutes ago</time>" not in page
    assert "(CET)" in page or "(CEST)" in page


def test_healthz_says_ok_without_a_login(client, db):
    response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")


def test_healthz_says_503_when_the_database_does_not_answer(client, db):
    def refuse(execute, sql, params, many, context):
        raise DatabaseError("gone")

    with connection.execute_wrapper(refuse):
        response = client.get("/healthz")

    assert response.status_code == 503


def test_a_member_of_no_merchant_finds_a_welcome_and_nothing_else(client, db):
    client.force_login(a_user())

    page = client.get("/").content.decode()

    assert "Connect your first shop" in page
    assert "Our own delivery" not in page
