"""Two merchants who must never see each other, and a member of staff."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.models import DeadLetter, Event, Heartbeat, KlaviyoAccount, Store, User
from integrations.pipeline import notices
from tests import factories as a


@dataclass
class World:
    """What most pages need to exist."""

    owner: User
    member: User
    foreigner: User
    support: User
    staff: User
    account: KlaviyoAccount
    store: Store
    event: Event
    failed: DeadLetter


def post_goes_out():
    """Send the e-mails that wait, as a worker does; returns how many went out."""
    return notices.send_due(clock=timezone.now, stopping=lambda: False)


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def world(db, now) -> World:
    merchant = a.a_merchant(time_zone="Europe/Berlin")
    account = a.an_account(merchant, name="Alpine Klaviyo")
    store = a.a_store(account, name="Alpine Germany", time_zone="Europe/Berlin")
    Heartbeat.objects.create(name="sweep", beat_at=now)
    stranger = a.a_merchant(name="Stranger")
    a.a_store(a.an_account(stranger, name="Stranger Klaviyo"), name="Stranger shop")
    event = a.an_event(store, received_at=now - timedelta(minutes=3), state="delivered")
    return World(
        owner=a.a_member(merchant, "owner@alpine-demo.shop"),
        foreigner=a.a_member(stranger, "foreigner@stranger-demo.shop"),
        member=a.a_member(merchant, "member@alpine-demo.shop", role="member"),
        support=a.a_user("helper@console.test", is_staff=True),
        staff=a.a_user("support@console.test", is_staff=True, is_superuser=True),
        account=account,
        store=store,
        event=event,
        failed=a.a_dead_letter(store, created_at=now),
    )


@pytest.fixture
def owner(client, world):
    client.force_login(world.owner)
    return client


@pytest.fixture
def staff(client, world):
    client.force_login(world.staff)
    return client
