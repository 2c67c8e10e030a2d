import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from integrations.models import Budget, Call, Event, KlaviyoAccount, RefusalCount, StoreLane
from integrations.pipeline import figures
from tests import factories as a


def read(client, store, query="", **headers):
    url = reverse("store", args=[store.public_id]) + query
    return " ".join(client.get(url, headers=headers).content.decode().split())


def settle(store, received_at, state, **changes):
    """An event that ended, and its tally."""
    a.an_event(store, received_at=received_at, state=state, **changes)
    minute = received_at.replace(second=0, microsecond=0)
    tally = store.tallies.filter(minute=minute).first() or a.a_tally(store, minute=minute)
    setattr(tally, state, getattr(tally, state) + 1)
    tally.save()


@pytest.fixture
def busy(world, now):
    Event.objects.all().delete()
    for minutes in (1, 20, 59, 60, 61, 600, 1500, 9000, 11000):
        for state in ("delivered", "delivered", "skipped", "dead"):
            settle(world.store, now - timedelta(minutes=minutes, seconds=7), state)
    for minutes in (0, 30, 90):
        a.an_event(world.store, received_at=now - timedelta(minutes=minutes, seconds=3))
    return world.store


def test_the_numbers_add_up(busy, now):
    for name in figures.RANGES:
        one = figures.of_store(busy, [figures.since(name, now)])[0]
        counted = Event.objects.filter(store=busy, received_at__gte=one.since).count()

        assert one.arrived == one.delivered + one.skipped + one.dead + one.waiting == counted


def test_every_figure_leads_to_a_list_with_just_as_many(owner, busy):
    page = read(owner, busy)
    links = re.findall(r'class="figure"> ?<a href="([^"]+/events/[^"]+)">([\d,]+)</a>', page)

    assert len(links) == 15
    assert len({number for _, number in links}) > 3
    for link, number in links:
        listed = owner.get(unescape(link)).content.decode()
        assert re.search(rf"<h1>\s*{number} message", listed), link
        assert listed.count('id="event-') == min(int(number), 50), link


@pytest.mark.parametrize("name", figures.RANGES)
def test_the_chart_shows_the_same_as_the_figures(busy, now, name):
    bars = figures.series(busy, name, now)
    one = figures.of_store(busy, [figures.since(name, now)])[0]

    for state in ("delivered", "skipped", "dead", "waiting"):
        assert sum(bar.of(state) for bar in bars) == one.of(state), state
    assert [bar.since for bar in bars] == sorted({bar.since for bar in bars})


@pytest.mark.parametrize(
    ("query", "words"),
    [("", "in the last day"), ("?range=week", "in the last week"), ("?range=x", "last day")],
)
def test_the_title_of_the_chart_says_the_finding(owner, busy, query, words):
    page = read(owner, busy, query)

    assert words in page
    assert "still on their way" in page
    assert 'role="img"' in page
    assert "style=" not in page


def test_an_empty_chart_says_so(owner, world):
    world.event.delete()

    assert "Nothing arrived in the last day" in read(owner, world.store)


def test_a_shop_with_something_on_its_way_is_looked_at_more_often(owner, world, now):
    assert 'hx-trigger="every 15s' in read(owner, world.store)
    a.an_event(world.store, received_at=now)
    assert 'hx-trigger="every 3s' in read(owner, world.store)


def test_what_was_turned_away_is_counted(owner, world, now):
    RefusalCount.objects.create(store=world.store, reason="signature", hour=now, count=7)

    page = read(owner, world.store)

    assert "Turned away" in page
    assert "webhook" not in page.lower()


def test_a_stopped_account_explains_itself_with_steps_and_one_way_out(owner, world, now):
    KlaviyoAccount.objects.filter(pk=world.account.pk).update(held_since=now, held_reason="401")

    page = read(owner, world.store)

    assert "<title> Needs you · Alpine Germany" in page
    assert "Press the button. It leads you to Klaviyo and back." in page
    assert page.count(f'href="{reverse("account-reconnect", args=[world.account.public_id])}"') == 1


def test_merchants_read_no_words_of_the_trade(owner, busy, world):
    urls = [
        "/",
        reverse("store", args=[busy.public_id]),
        reverse("events", args=[busy.public_id]),
        reverse("event", args=[busy.events.filter(state="skipped").first().public_id]),
        reverse("failed-records"),
        reverse("failed-record", args=[world.failed.public_id]),
        reverse("accounts"),
        reverse("account", args=[world.account.public_id]),
    ]
    for url in urls:
        page = owner.get(url).content.decode()
        main = re.sub(r"<details id=\"technical\".*?</details>", "", page, flags=re.S)
        words = re.sub(r"<[^>]+>", " ", main.split("<main")[1].split("</main>")[0]).lower()
        for word in ("webhook", "dead letter", "payload", "ledger", "endpoint", "lease"):
            assert word not in words, (url, word)
        assert not re.search(r"\bapi\b(?! keys)", words), url


def test_support_sees_lanes_allowance_login_and_calls(staff, world, now):
    Budget.objects.create(
        klaviyo_account=world.account, endpoint="events", burst=350, steady=3500, updated_at=now
    )
    StoreLane.objects.filter(store=world.store, lane=0).update(
        lease_until=now + timedelta(minutes=1), lease_by="worker-7", wait_reason="503 from Klaviyo"
    )
    Call.objects.create(
        klaviyo_account=world.account,
        endpoint="events",
        started_at=now,
        milliseconds=12,
        items=1,
        sent_bytes=1,
        request_id="req-9",
    )

    page = read(staff, world.store)

    for words in ("worker-7", "503 from Klaviyo", "0 of 3,500", "req-9", "none recorded"):
        assert words in page


def test_the_verdict_folds_open_to_its_proof(owner, world, now):
    StoreLane.objects.update_or_create(
        store=world.store, lane=0, defaults={"last_served_at": now, "progressed_at": None}
    )
    long_ago = now - timedelta(minutes=30)
    a.an_event(world.store, received_at=long_ago, next_attempt_at=long_ago)
    page = read(owner, world.store)

    assert "How we know: stuck since" in page
    assert "The oldest that waits arrived" in page
    assert "nothing is known that blocks it" in page


def test_the_number_of_queries_is_fixed(staff, busy, django_assert_max_num_queries):
    read(staff, busy)  # the first look of staff leaves an entry
    with django_assert_max_num_queries(29):
        read(staff, busy)


def test_the_time_zone_of_the_shop_is_used_and_a_wrong_one_is_survived(owner, world):
    assert "(CET)" in read(owner, world.store) or "(CEST)" in read(owner, world.store)
    world.store.time_zone = "Mars/Olympus"
    world.store.save()
    assert "(UTC)" in read(owner, world.store)
