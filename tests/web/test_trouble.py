"""What people read and can do while a platform has trouble."""

from datetime import timedelta

import pytest
from django.urls import reverse

from integrations.models import AuditEntry, Breaker, Event, Opening
from sandbox.klaviyo import Klaviyo
from sandbox.messages import Reply
from tests import factories as a


def read(client, name, target):
    return " ".join(client.get(reverse(name, args=[target.public_id])).content.decode().split())


@pytest.fixture
def trouble(world, now):
    return a.a_breaker(
        klaviyo_account=world.account,
        opened_at=now - timedelta(minutes=5),
        probe_at=now + timedelta(minutes=3),
        probes=4,
    )


def test_a_shop_says_that_klaviyo_has_trouble_and_when_it_is_asked_again(owner, world, trouble):
    page = read(owner, "store", world.store)

    assert "Klaviyo has trouble at the moment." in page
    assert "Nothing is lost" in page
    assert "<title> We are working on it" in page
    assert "in 2 minutes" in page or "in 3 minutes" in page


def test_the_panel_counts_what_is_held_and_opens_it(owner, world, trouble, now):
    a.an_event(world.store, received_at=now)
    a.an_event(world.store, received_at=now)

    page = read(owner, "account", world.account)

    link = reverse("events", args=[world.store.public_id]) + "?state=waiting"
    assert f'<a href="{link}">2 messages of Alpine Germany</a>' in page
    assert owner.get(link).content.decode().count("On its way") >= 2
    assert "Klaviyo answered that something is wrong on its side." in page
    assert "<code>503</code>" in page
    assert "Klaviyo answered with status 503." not in page
    assert "4 times" in page


def test_a_shop_whose_platform_has_trouble_shows_the_periods_that_wait(owner, world, now):
    a.a_breaker(store=world.store, opened_at=now, probe_at=now + timedelta(minutes=1))
    job = a.a_sync_job(world.store, state="running")
    a.a_sync_window(job)

    page = read(owner, "store", world.store)

    assert "Shopify has trouble at the moment." in page
    assert "1 period of past data" in page


def test_support_reads_the_words_of_the_platform(staff, world, trouble):
    assert "Klaviyo answered with status 503." in read(staff, "account", world.account)


def test_trouble_that_is_over_is_remembered(owner, world, trouble, now):
    Breaker.objects.update(state="closed", probe_at=None)
    Opening.objects.update(closed_at=now)
    type(world.account).objects.update(tripped_at=None)

    page = read(owner, "account", world.account)

    assert "When Klaviyo had trouble" in page
    assert "Try now" not in page
    assert "Klaviyo takes what we deliver." in page


@pytest.fixture
def klaviyo(settings):
    with Klaviyo() as server:
        settings.KLAVIYO_API_URL = server.url
        yield server


def test_trying_now_asks_once_and_lets_everything_go_on(owner, world, trouble, klaviyo):
    url = reverse("account-try", args=[world.account.public_id])
    page = owner.post(url, follow=True).content.decode()
    again = owner.post(url, follow=True).content.decode()

    assert "Klaviyo answers. What was held goes on by itself." in page
    assert "Klaviyo answers." in again
    assert Breaker.objects.get().state == "closed"
    actions = list(AuditEntry.objects.order_by("id").values_list("action", "actor_name"))
    assert actions == [
        ("breaker.tried", "owner@alpine-demo.shop"),
        ("breaker.closed", "Sync Console"),
    ]
    assert len(klaviyo.calls) == 1


def test_trying_now_in_vain_says_so_and_waits_longer(owner, world, trouble, klaviyo):
    klaviyo.script.answer_next(Reply(503, None), times=9)
    page = owner.post(reverse("account-try", args=[world.account.public_id]), follow=True)

    assert "Klaviyo still has trouble." in page.content.decode()
    assert Breaker.objects.get().probes == 5
    assert not Event.objects.filter(failures__gt=0).exists()


def test_while_somebody_asks_nobody_else_does(owner, world, trouble, klaviyo, now):
    Breaker.objects.update(probing_until=now + timedelta(seconds=20))

    page = owner.post(reverse("account-try", args=[world.account.public_id]), follow=True)

    assert "We are asking Klaviyo at this moment." in page.content.decode()
    assert not klaviyo.calls
