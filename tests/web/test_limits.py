"""Who is spending which limit, and what each figure opens."""

import re
from datetime import timedelta

from django.urls import reverse

from integrations.domain.budgets import part_of, slot_of
from integrations.domain.lanes import Lane
from integrations.models import Budget, Call, ShopBudget
from tests import factories as a


def read(client, name="limits", *args, query=""):
    return " ".join(client.get(reverse(name, args=args) + query).content.decode().split())


def a_budget(account, now, used, **changes):
    return Budget.objects.create(
        **{
            "klaviyo_account": account,
            "endpoint": "event-bulk-create-jobs",
            "burst": 10,
            "steady": 150,
            "slots": {str(slot_of(now) - 40): used},
            "updated_at": now,
        }
        | changes
    )


def calls(account, now, number, **changes):
    Call.objects.bulk_create(
        Call(
            **{
                "klaviyo_account": account,
                "endpoint": "event-bulk-create-jobs",
                "started_at": now - timedelta(seconds=10),
                "milliseconds": 90,
                "status": 202,
                "items": 1000,
                "sent_bytes": 1,
            }
            | changes
        )
        for _ in range(number)
    )


def test_a_limit_says_who_uses_it_and_what_is_kept(owner, world, now):
    a_budget(world.account, now, 9, lanes={"0": {str(part_of(now) - 6): 20}})
    calls(world.account, now, 5, lane=Lane.BACKFILL, store=world.store)
    calls(world.account, now, 2, lane=Lane.LIVE, store=world.store)

    page = read(owner)

    assert "9 of 150" in page
    assert re.search(r">5</a> Past data, Alpine Germany", page)
    assert re.search(r">2</a> New messages, Alpine Germany", page)
    assert "2 on their way, or by somebody else" in page
    # Twenty in its busiest minute, a quarter more for growth, and a little besides.
    assert "28 a minute, 2 a second" in page
    assert "Stranger" not in page


def test_each_figure_opens_what_it_counts(owner, world, now):
    a_budget(world.account, now, 9)
    calls(world.account, now, 5, lane=Lane.BACKFILL, store=world.store)
    calls(world.account, now, 2, lane=Lane.LIVE, store=world.store)
    calls(world.account, now, 3, lane=Lane.BACKFILL, started_at=now - timedelta(minutes=5))

    found = re.search(
        r'href="([^"]+)">5</a> Past data', read(owner, "account-limits", world.account.public_id)
    )
    page = " ".join(owner.get(found[1].replace("&amp;", "&")).content.decode().split())

    assert "<h1>5 calls</h1>" in page
    assert "past data" in page


def test_calls_are_paged_by_a_cursor(owner, world, now):
    calls(world.account, now, 60)
    first = read(owner, "account-calls", world.account.public_id)
    cursor = re.search(r"after=([0-9-]+)", first)[1]

    second = read(owner, "account-calls", world.account.public_id, query=f"?after={cursor}")

    assert first.count("90 ms") == 50
    assert second.count("90 ms") == 10


def test_query_points_of_shops_stand_beside(owner, world, now):
    ShopBudget.objects.create(
        store=world.store,
        maximum=2000,
        available=1500,
        restore_rate=100,
        updated_at=now,
        live_at=now,
        blocked_until=now + timedelta(minutes=1),
    )

    page = read(owner)

    assert re.search(r"1,5\d\d of 2,000", page)
    assert "400" in page


def test_support_sees_every_account_in_a_fixed_number_of_queries(
    staff, world, now, django_assert_max_num_queries
):
    for number in range(5):
        account = a.an_account(world.account.merchant, name=f"Account {number}")
        a.a_store(account)
        a_budget(account, now, number)
        calls(account, now, 2, lane=Lane.LIVE)
    read(staff)

    with django_assert_max_num_queries(12):
        page = read(staff)
    assert "Stranger Klaviyo" in page
    assert "Account 4" in page


def test_strange_filters_do_not_narrow(owner, world, now):
    calls(world.account, now, 1)
    query = "?lane=x&store=1&since=never&after=1-x&endpoint="

    assert "<h1>1 call</h1>" in read(owner, "account-calls", world.account.public_id, query=query)
