"""What the pages of figures say, and what each figure opens."""

import re
from datetime import datetime, timedelta
from html import unescape
from itertools import product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations import queue
from integrations.domain.resolutions import Resolution
from integrations.models import Call, FigureMark, RefusalCount
from integrations.pipeline import measuring, schedule_pages
from tests import factories as a

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def minute(world, now) -> datetime:
    """The last minute that is counted."""
    start = Resolution.MINUTE.floor(now) - 2 * MINUTE
    FigureMark.objects.create(name="figures", counted_until=start + MINUTE)
    return start


def read(client, store, query=""):
    answer = client.get(reverse("store-figures", args=[store.public_id]) + query)
    assert answer.status_code == 200
    return unescape(" ".join(answer.content.decode().split()))


def linked(page, text, *parts):
    """The addresses of links with this text that hold all these parts."""
    found = re.findall(rf'<a href="([^"]*)">{re.escape(text)}</a>', page)
    return [one for one in found if all(part in one for part in parts)]


def test_a_shop_that_never_sold_is_told_so(owner, world, minute):
    a.a_depth_figure(None, start=minute)

    page = read(owner, world.store)

    assert "Nothing reached Klaviyo in the last 3 hours" in page
    assert "Nothing arrived in the last 3 hours" in page
    assert "Nothing had to wait in the last 3 hours" in page
    assert "Nobody has counted" not in page


def test_nobody_has_counted_yet(owner, world):
    page = read(owner, world.store)

    assert "Nothing is counted yet" in page
    assert "Nobody looked at what waits" in page


def test_figures_that_are_behind_say_so(owner, world, now):
    FigureMark.objects.create(name="figures", counted_until=now - HOUR)

    assert "Nobody has counted since then" in read(owner, world.store)


def test_the_findings_of_a_shop_that_sells(owner, world, minute):
    a.a_lag_figure(world.store, start=minute, arrived=40, seconds=3)
    a.a_lag_figure(world.store, start=minute, arrived=2, seconds=100, data_type="customers")
    a.a_depth_figure(None, start=minute, waiting=99)
    a.a_depth_figure(world.store, start=minute, waiting=7, oldest_seconds=90)

    page = read(owner, world.store)

    assert re.search(r"Half of the messages reached Klaviyo within [34] seconds, 95 of", page)
    assert "42 messages arrived in the last 3 hours, none of them failed" in page
    assert "At most 7 messages waited at one time" in page
    assert page.count("The same as numbers") == 3
    assert "style=" not in page
    assert "1 minute" in page or "2 minutes" in page


def test_each_number_opens_the_messages_it_counts(owner, world, minute, now):
    """The page and the list say the same, of messages that were really counted."""
    for topic, state in (
        ("orders/create", "delivered"),
        ("refunds/create", "dead"),
        ("app/uninstalled", "skipped"),
    ):
        a.an_event(world.store, topic=topic, state=state, received_at=minute - 9 * MINUTE)
    # One that came after the last minute that is counted.
    a.an_event(world.store, received_at=now)
    FigureMark.objects.update(counted_until=minute - HOUR)
    measuring.run(clock=lambda: now, stopping=lambda: False)

    page = read(owner, world.store)

    opened = {}
    for kind, state in product(("orders", "other"), ("", "delivered", "dead")):
        part = f"kind={kind}&" + (f"state={state}&" if state else "since=")
        [(address, number)] = re.findall(rf'<a href="([^"]*{part}[^"]*)">([^<]*)</a>', page)
        shown = owner.get(address).content.decode()
        opened[kind, state] = int(number)
        assert re.search(rf"<h1>\s*{number} message", shown)
    # The dead letter of the world has an event at noon of another day.
    assert opened == {
        ("orders", ""): 3,
        ("orders", "delivered"): 2,
        ("orders", "dead"): 1,
        ("other", ""): 1,
        ("other", "delivered"): 0,
        ("other", "dead"): 0,
    }


def test_many_failures_are_said_and_few_are_not(owner, world, minute):
    a.a_lag_figure(world.store, start=minute, arrived=2, failed=1)
    assert "of the messages failed" not in read(owner, world.store)

    a.a_lag_figure(world.store, start=minute - MINUTE, arrived=98, failed=4)
    assert "5.0 % of the messages failed" in read(owner, world.store)


@pytest.mark.parametrize(
    ("query", "resolution", "steps", "words"),
    [
        ("", Resolution.MINUTE, 36, "3 hours"),
        ("?range=2d", Resolution.HOUR, 48, "2 days"),
        ("?range=60d", Resolution.DAY, 60, "60 days"),
        ("?range=nonsense", Resolution.MINUTE, 36, "3 hours"),
    ],
)
def test_each_range_reads_its_own_resolution(owner, world, minute, query, resolution, steps, words):
    for one in Resolution:
        a.a_lag_figure(
            world.store, start=one.floor(minute), resolution=one, arrived=10 + one, seconds=1
        )

    page = read(owner, world.store, query)

    assert f"{10 + resolution} messages arrived in the last {words}" in page
    assert page.count('<th scope="row">') == 3 * steps


def test_calls_are_told_by_endpoint_and_open_their_list(owner, world, minute):
    account = world.account
    a.a_call_figure(klaviyo_account=account, start=minute, calls=100, throttled=11, allowed=150)
    a.a_call_figure(store=world.store, endpoint="graphql", start=minute, calls=3, errors=1)
    for changes in ({"status": 429}, {"status": 202}, {"status": None, "error": "x"}):
        Call.objects.create(
            klaviyo_account=account,
            endpoint="event-bulk-create-jobs",
            started_at=minute,
            milliseconds=1,
            items=1,
            sent_bytes=1,
            **changes,
        )
    Call.objects.create(
        store=world.store,
        endpoint="graphql",
        started_at=minute,
        milliseconds=1,
        items=1,
        sent_bytes=1,
        status=500,
    )

    page = read(owner, world.store)

    assert "100 of 150" in page
    assert "Too many" in page
    [throttled] = linked(page, "11", "outcome=throttled")
    assert "1 call" in owner.get(throttled).content.decode()
    [all_of_them] = linked(page, "100")
    assert "3 calls" in owner.get(all_of_them).content.decode()
    [failed] = linked(page, "1", "outcome=errors", "graphql")
    assert str(world.store.public_id) in failed
    assert "1 call" in owner.get(failed).content.decode()
    # Calls are listed for a day, so older ones open nothing.
    assert not linked(read(owner, world.store, "?range=60d"), "100")


def test_what_was_turned_away_is_told(owner, world, minute, now):
    RefusalCount.objects.create(store=world.store, reason="signature", hour=now, count=3)

    assert "3 messages to the shop’s address were turned away" in read(owner, world.store)


def test_a_page_of_figures_asks_a_fixed_number_of_questions(owner, world, minute):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            read(owner, world.store)
        return len(queries)

    before = asked()
    for back in range(60):
        a.a_lag_figure(world.store, start=minute - back * MINUTE)
        a.a_call_figure(klaviyo_account=world.account, start=minute - back * MINUTE)
        a.a_depth_figure(None, start=minute - back * MINUTE)

    assert asked() == before


def test_the_page_of_a_shop_leads_to_its_figures(owner, world):
    page = owner.get(reverse("store", args=[world.store.public_id])).content.decode()

    assert reverse("store-figures", args=[world.store.public_id]) in page


# --- everybody's ---------------------------------------------------------------------------------


def read_all(client, query=""):
    answer = client.get(reverse("figures") + query)
    assert answer.status_code == 200
    return unescape(" ".join(answer.content.decode().split()))


def test_the_greatest_trouble_stands_first(staff, world, minute):
    hour = Resolution.HOUR.floor(minute)
    fine, slow, broken, throttled = (
        a.a_store(world.account, name=name, token="")
        for name in ("A fine one", "B slow one", "C broken one", "D throttled one")
    )
    for store, changes in (
        (fine, {}),
        (slow, {"seconds": 300}),
        (broken, {"failed": 25}),
        (throttled, {}),
    ):
        a.a_lag_figure(store, resolution=Resolution.HOUR, start=hour, arrived=100, **changes)
    a.a_call_figure(
        store=throttled, resolution=Resolution.HOUR, start=hour, calls=100, throttled=11
    )

    page = read_all(staff)

    names = re.findall(r'figures/">(\w [^<]*one)</a>', page)
    assert names == ["C broken one", "D throttled one", "B slow one", "A fine one"]
    assert "3 shops and 0 accounts to look at" in page
    assert "25.0 %" in page
    assert re.search(r">11</a> of 100", page)


def test_accounts_are_sorted_by_being_too_fast(staff, world, minute):
    hour = Resolution.HOUR.floor(minute)
    for name, throttled in (("Quick", 101), ("Calm", 100)):
        a.a_call_figure(
            klaviyo_account=a.an_account(name=name),
            resolution=Resolution.HOUR,
            start=hour,
            calls=1000,
            throttled=throttled,
            allowed=150,
            busiest=75,
        )

    page = read_all(staff)

    assert "0 shops and 1 account to look at" in page
    assert page.index(">Quick<") < page.index(">Calm<")
    assert "(10.1 %)" in page
    assert "50.0 %" in page


def test_depth_and_its_growth_are_told(staff, world, minute):
    a.a_depth_figure(None, start=minute, waiting=7)
    a.a_depth_figure(world.store, start=minute, waiting=7, oldest_seconds=1000, failed_open=12)
    before = Resolution.HOUR.floor(minute - DAY)
    assert "+12" not in read_all(staff)
    a.a_depth_figure(None, resolution=Resolution.HOUR, start=before)
    a.a_depth_figure(world.store, resolution=Resolution.HOUR, start=before, failed_open=2)

    page = read_all(staff)

    assert re.search(r">12</a>, \+10", page)
    assert re.search(r">7</a>, 17 minutes", page)
    assert "1 shop and 0 accounts to look at" in page


def test_schedules_say_whether_they_ran(staff, world, now):
    for ago in (100, 40, 39, 5):
        a.a_schedule_run(
            name=queue.SWEEP,
            began_at=now - ago * MINUTE,
            ended_at=now - ago * MINUTE + timedelta(seconds=2),
        )
    a.a_schedule_run(name=queue.NOTICES, began_at=now, ended_at=now, error="OperationalError")

    page = read_all(staff)

    sweep = page[page.index("Look for what is due") : page.index("Drop what has served")]
    assert "Missed" in sweep
    assert sweep.count("from <time") == 2
    assert "2.0 s" in sweep
    notices = page[page.index("Send e-mails") : page.index("Look after reasons")]
    assert "OperationalError" in notices
    assert page.count("Has not run yet") == len(queue.SCHEDULES) - 2


def test_every_schedule_has_words():
    assert set(schedule_pages.WORDS) == set(queue.SCHEDULES)


def test_workers_signs_of_life_are_listed(staff, world, now):
    assert re.search(r">sweep</th>.*just now", read_all(staff))


@pytest.mark.parametrize("query", ["", "?range=2d", "?range=7d", "?shops=x&accounts=-1"])
def test_many_shops_are_paged_with_a_fixed_number_of_questions(staff, world, minute, query):
    read_all(staff, query)
    with CaptureQueriesContext(connection) as before:
        read_all(staff, query)
    for number in range(60):
        store = a.a_store(a.an_account(name=f"Account {number}"), token="")
        for resolution in Resolution:
            start = resolution.floor(minute)
            a.a_lag_figure(store, resolution=resolution, start=start)
            a.a_call_figure(
                klaviyo_account=store.klaviyo_account, resolution=resolution, start=start
            )

    with CaptureQueriesContext(connection) as after:
        page = read_all(staff, query)

    assert len(after) == len(before)
    assert "More shops" in page
    assert "The first of both" in read_all(staff, "?shops=50")


def test_each_number_of_a_shop_opens_its_list(staff, world, minute):
    page = read_all(staff)

    for address in set(re.findall(r'<a href="(/stores/[^"]*|/failed[^"]*|/accounts/[^"]*)"', page)):
        assert staff.get(address).status_code == 200
