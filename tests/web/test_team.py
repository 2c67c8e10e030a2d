"""The people of a merchant, and the road from an invitation to a membership."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from integrations.models import AuditEntry, Invitation, Membership, Notice, User
from integrations.models.people import Role
from tests import factories as a
from tests.web.conftest import post_goes_out

GUEST = "guest@alpine-demo.shop"
PASSWORD = "long-enough-and-odd"


@pytest.fixture
def merchant(world):
    return world.store.merchant


def invite(client, merchant, email=GUEST, role="member"):
    url = reverse("invite", args=[merchant.public_id])
    page = client.post(url, {"email": email, "role": role}, follow=True).content.decode()
    post_goes_out()
    return page


def link(number=-1):
    return re.search(r"https?://[^/]+(/invitations/\S+)", mail.outbox[number].body)[1]


def actions():
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_somebody_new_is_invited_joins_and_is_in(owner, merchant):
    page = invite(owner, merchant, email="Guest@Alpine-Demo.shop")
    assert "on its way to guest@alpine-demo.shop" in page
    guest = Client()
    assert "Join the team of Alpine" in guest.get(link()).content.decode()

    answer = guest.post(link(), {"name": "Gina", "password": PASSWORD}, follow=True)

    assert "Welcome to the team of Alpine" in answer.content.decode()
    assert "Alpine Germany" in answer.content.decode()
    joined = Membership.objects.get(user__email=GUEST)
    assert (joined.merchant, joined.role, joined.user.first_name) == (merchant, "member", "Gina")
    assert {"team.invited", "team.joined", "session.signed_in"} <= set(actions())


def test_only_the_hash_of_the_link_is_kept(owner, merchant):
    page = invite(owner, merchant)
    token = link().split("/")[2]

    row = Invitation.objects.values().get()
    assert token not in str(row)
    assert token not in page
    assert token not in str(AuditEntry.objects.values_list())
    assert token not in str(Notice.objects.values_list())
    assert len(token) >= 43


def test_a_weak_password_and_no_name_are_refused_with_their_sentences(owner, merchant):
    invite(owner, merchant)

    page = Client().post(link(), {"name": "", "password": "12345678"}).content.decode()

    assert "Enter your name." in page
    assert "too common" in page
    assert not User.objects.filter(email=GUEST).exists()


def test_somebody_with_a_login_signs_in_first_and_then_joins_with_one_button(owner, merchant):
    user = a.a_user(GUEST)
    invite(owner, merchant, role="owner")
    guest = Client()

    asked = guest.get(link())
    assert asked["Location"] == f"/sign-in/?next={link()}"
    assert "Sign in to join the team of Alpine" in guest.get(asked["Location"]).content.decode()
    guest.force_login(user)
    assert "signed in as guest@" in guest.get(link()).content.decode()
    guest.post(link())

    assert Membership.objects.get(user=user).role == "owner"


def test_the_invitation_of_somebody_else_is_refused_and_waits_on(owner, merchant, world):
    invite(owner, merchant)
    other = Client()
    other.force_login(world.foreigner)

    for answer in (other.get(link()), other.post(link())):
        page = answer.content.decode()
        assert "for another login" in page
        assert GUEST not in page
    assert not Membership.objects.filter(user=world.foreigner, merchant=merchant).exists()
    assert Invitation.objects.get().accepted_at is None


def test_a_link_works_once(owner, merchant):
    invite(owner, merchant)
    guest = Client()
    guest.post(link(), {"name": "Gina", "password": PASSWORD})

    assert "You have joined already" in guest.get(link()).content.decode()
    assert "has been used" in Client().get(link()).content.decode()
    assert Membership.objects.filter(merchant=merchant, user__email=GUEST).count() == 1


def test_a_link_ends_after_seven_days_and_sending_again_makes_a_new_one(owner, merchant):
    invite(owner, merchant)
    Invitation.objects.update(expires_at=a.NOON - timedelta(days=3000))
    one = Invitation.objects.get()
    assert "has run out" in Client().get(link()).content.decode()
    assert "Run out" in owner.get(reverse("team", args=[merchant.public_id])).content.decode()

    owner.post(reverse("invitation-again", args=[one.public_id]))
    assert "do not know this invitation" in Client().get(link(0)).content.decode()
    post_goes_out()

    assert "do not know this invitation" in Client().get(link(0)).content.decode()
    assert "Join the team" in Client().get(link(1)).content.decode()


def test_a_withdrawn_link_says_so_and_cannot_be_sent_again(owner, merchant):
    invite(owner, merchant)
    one = Invitation.objects.get()
    url = reverse("invitation-withdraw", args=[one.public_id])
    assert "Withdraw the invitation of guest@" in owner.get(url).content.decode()

    owner.post(url)

    assert "was withdrawn" in Client().get(link()).content.decode()
    late = owner.post(reverse("invitation-again", args=[one.public_id]), follow=True)
    assert "has joined or the invitation was withdrawn" in late.content.decode()
    assert len(mail.outbox) == 1


def test_inviting_twice_keeps_one_invitation_with_the_newest_link(owner, merchant):
    invite(owner, merchant)
    invite(owner, merchant, role="owner")

    assert Invitation.objects.get().role == "owner"
    assert "do not know" in Client().get(link(0)).content.decode()


def test_somebody_in_the_team_cannot_be_invited(owner, merchant, world):
    assert "is in the team already" in invite(owner, merchant, world.member.email.upper())
    assert not mail.outbox


def test_an_e_mail_that_cannot_be_sent_is_said_and_sent_by_itself_later(owner, merchant, settings):
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    url = reverse("team", args=[merchant.public_id])

    invite(owner, merchant)

    page = owner.get(url).content.decode()
    assert "Not sent yet" in page
    assert "We try again" in page
    settings.EMAIL_BACKEND = working
    Notice.objects.update(next_attempt_at=a.NOON)
    assert post_goes_out() == 1
    assert "Not sent yet" not in owner.get(url).content.decode()
    assert "Join the team" in Client().get(link()).content.decode()


def test_a_page_waits_for_no_mail_server(owner, merchant, monkeypatch):
    def slow(*_):
        raise AssertionError("a page has sent an e-mail")

    monkeypatch.setattr(mail.EmailMessage, "send", slow)
    address = {"email": GUEST, "role": "member"}
    owner.post(reverse("invite", args=[merchant.public_id]), address)

    assert Notice.objects.get().invitation.email == GUEST


def test_an_invitation_withdrawn_before_its_e_mail_goes_out_is_not_sent(owner, merchant):
    url = reverse("invite", args=[merchant.public_id])
    owner.post(url, {"email": GUEST, "role": "member"})
    owner.post(reverse("invitation-withdraw", args=[Invitation.objects.get().public_id]))

    assert post_goes_out() == 0
    assert not mail.outbox
    assert Notice.objects.get().given_up_at is not None


def test_the_page_of_the_team_says_who_is_in_it(owner, merchant, world):
    page = owner.get(reverse("team", args=[merchant.public_id])).content.decode()

    assert "2 people" in page
    for words in (world.owner.email, world.member.email, "Owner", "Member", "never"):
        assert words in page


def test_members_see_the_team_and_nothing_to_change_it_with(client, merchant, world):
    client.force_login(world.member)

    page = client.get("/team/", follow=True).content.decode()

    assert world.owner.email in page
    for words in ("Invite somebody", "Remove", "Send again"):
        assert words not in page


def test_a_role_is_changed_and_written_down(owner, merchant, world):
    one = world.member.memberships.get()
    url = reverse("team-role", args=[merchant.public_id, one.pk])

    owner.post(url, {"role": "owner"})
    owner.post(url, {"role": "owner"})

    one.refresh_from_db()
    entry = AuditEntry.objects.get(action="team.role_changed")
    assert one.role == "owner"
    assert (entry.before, entry.after) == ({"role": "member"}, {"role": "owner"})
    assert entry.subject == world.member.email


@pytest.mark.parametrize("name", ["team-role", "team-remove"])
def test_the_last_owner_stays_and_the_page_says_why(owner, merchant, world, name):
    one = world.owner.memberships.get()
    url = reverse(name, args=[merchant.public_id, one.pk])

    for answer in (owner.get(url), owner.post(url, {"role": "member"})):
        assert "The last owner stays" in answer.content.decode()
    assert Membership.objects.get(pk=one.pk).role == Role.OWNER


def test_an_owner_whose_login_is_closed_does_not_count(owner, merchant, world):
    closed = a.a_member(merchant, role="owner")
    User.objects.filter(pk=closed.pk).update(is_active=False)

    url = reverse("team-remove", args=[merchant.public_id, world.owner.memberships.get().pk])
    assert "The last owner stays" in owner.post(url).content.decode()


def test_whoever_is_removed_sees_nothing_from_that_moment(owner, client, merchant, world):
    member = Client()
    member.force_login(world.member)
    url = reverse("team-remove", args=[merchant.public_id, world.member.memberships.get().pk])
    assert "Remove member@" in owner.get(url).content.decode()

    assert owner.post(url)["Location"] == reverse("team", args=[merchant.public_id])

    assert member.get(reverse("store", args=[world.store.public_id])).status_code == 404
    assert "team.removed" in actions()


def test_somebody_of_another_team_cannot_be_reached_through_ours(owner, merchant, world):
    stranger = world.foreigner.memberships.get()

    url = reverse("team-remove", args=[merchant.public_id, stranger.pk])
    assert owner.post(url).status_code == 404


def test_support_acts_under_its_own_name(client, merchant, world):
    client.force_login(world.support)
    invite(client, merchant)

    entry = AuditEntry.objects.get(action="team.invited")
    assert (entry.actor, entry.role) == (world.support, "support")


def test_an_administrator_opens_a_locked_login_and_resets_a_second_step(staff, world):
    for _ in range(5):
        Client().post("/sign-in/", {"username": world.owner.email, "password": "wrong"})
    page = staff.get(reverse("person", args=[world.owner.pk])).content.decode()
    assert "too many wrong passwords" in page

    staff.post(reverse("person-unlock", args=[world.owner.pk]))
    staff.post(reverse("person-second-step", args=[world.support.pk]))

    entries = AuditEntry.objects.filter(role="administrator")
    assert set(entries.values_list("action", flat=True)) == {
        "session.unlocked",
        "second_step.reset",
    }
    answer = Client().post("/sign-in/", {"username": world.owner.email, "password": "pass"})
    assert answer["Location"] == "/"


def test_people_are_found_by_address_without_it_standing_in_an_address(staff, world):
    page = staff.post(reverse("people"), {"text": "FOREIGNER"}).content.decode()

    assert world.foreigner.email in page
    assert world.owner.email not in page


def test_the_list_of_people_takes_a_fixed_number_of_queries(
    staff, world, django_assert_max_num_queries
):
    for _ in range(60):
        a.a_member(world.store.merchant)
    with django_assert_max_num_queries(10):
        page = staff.get(reverse("people")).content.decode()
    assert "Earlier logins" in page
