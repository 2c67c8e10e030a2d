"""The list of failed records: reasons beside it, filters in the address, choosing many at once."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations.models import Cause, CauseDay
from integrations.pipeline import failed_lists, failed_pages, retention
from integrations.pipeline.failed_lists import FailedFilter
from tests import factories as a

URL = "/failed/"


def read(client, **query):
    return " ".join(client.get(URL, query).content.decode().split())


def found(client, **query):
    return [one.pk for one in client.get(URL, query).context["page"].rows]


def cards(client, **query):
    return client.get(URL, query).context["cards"]


def test_each_figure_opens_as_many_rows_as_it_says(owner, world):
    other = a.a_store(world.account)
    email = a.a_cause(world.store.merchant, field="profile.email")
    for store, cause, state in (
        (world.store, email, "open"),
        (other, email, "open"),
        (other, email, "resolved"),
        (other, world.failed.cause, "open"),
    ):
        a.a_dead_letter(store, cause=cause, state=state)

    for card, _, _ in cards(owner):
        assert len(found(owner, cause=card.cause.pk, state="open")) == card.count
    for card, _, _ in cards(owner, store=other.public_id):
        shown = found(owner, cause=card.cause.pk, store=other.public_id)
        assert len(shown) == card.count == 1
    for state in ("open", "resolved", "all", "binned"):
        page = owner.get(URL, {"state": state}).context["page"]
        assert page.count == len(page.rows)


def test_filters_stand_in_the_address_and_combine(owner, world, now):
    world.failed.failed_at = now
    world.failed.save()
    old = a.a_dead_letter(world.store, kind="profile", failed_at=now - timedelta(days=3))
    unread = a.a_dead_letter(world.store, kind="", failed_at=now - timedelta(days=2))
    before = (now - timedelta(days=1)).isoformat()

    assert found(owner, kind="profile") == [old.pk]
    assert found(owner, kind="unreadable") == [unread.pk]
    assert found(owner, until=before) == [unread.pk, old.pk]
    assert found(owner, since=before) == [world.failed.pk]
    assert found(owner, until=before, kind="profile", cause=old.cause_id) == [old.pk]
    assert found(owner, since="yesterday", kind="magic") == [world.failed.pk, unread.pk, old.pk]
    assert owner.get(URL, {"until": before}).context["page"].count == 2


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"state": "all"},
        {"state": "binned", "kind": "profile", "record": "4711"},
        {"since": "2026-11-01T10:00:00Z", "until": "2026-11-20T12:30:00Z", "cause": "12"},
        {"store": "77b2d4d8-e6e0-4c21-97a1-4cec243aee00", "kind": "unreadable"},
        {"fetch": "77b2d4d8-e6e0-4c21-97a1-4cec243aee00"},
        {"period": "77b2d4d8-e6e0-4c21-97a1-4cec243aee00"},
        {"changed": "77b2d4d8-e6e0-4c21-97a1-4cec243aee00", "outcome": "unfit"},
        {"binning": "77b2d4d8-e6e0-4c21-97a1-4cec243aee00"},
    ],
)
def test_a_filter_is_written_as_it_is_read(query):
    wanted = FailedFilter.from_query(query)

    assert wanted.to_query() == query
    assert FailedFilter.from_query(wanted.to_query()) == wanted


def test_a_selection_is_said_in_words(world):
    wanted = FailedFilter(
        store=world.store.public_id, cause=world.failed.cause_id, kind="profile", record="4711"
    )

    words = wanted.words()

    for part in ("need a decision", "Alpine Germany", "phone number", "Profile", "4711"):
        assert part in words


def test_pages_follow_each_other_by_the_time_of_failure_without_gap(owner, world, now):
    """Also where many failed at the same moment, of several kinds and shops."""
    other = a.a_store(world.account)
    for number in range(60):
        a.a_dead_letter(
            (world.store, other)[number % 2],
            kind=("placed_order", "profile", "")[number % 3],
            failed_at=now - timedelta(minutes=number // 7),
        )
    seen, after = [], ""
    for _ in range(3):
        page = owner.get(URL, {"after": after}).context["page"]
        seen += [(one.failed_at, one.pk) for one in page.rows]
        after = page.after

    assert len(seen) == 61
    assert seen == sorted(set(seen), reverse=True)
    assert after == ""


def test_the_page_and_the_selection_are_the_same_rows(world, owner, staff, now):
    """What is shown is what a bulk action takes, for people of the shop and for support."""
    a.a_dead_letter(a.a_store(), failed_at=now)
    for number in range(10):
        a.a_dead_letter(world.store, state=("open", "resolved", "sending", "binned")[number % 4])
    for user in (world.owner, world.support, world.foreigner):
        for wanted in (
            FailedFilter(),
            FailedFilter(state=""),
            FailedFilter(store=world.store.public_id),
            FailedFilter(cause=world.failed.cause_id, state=""),
            FailedFilter(record=world.failed.source_id),
        ):
            page = failed_pages.page(user, wanted, after="")
            rows = failed_lists.rows(user, wanted)
            assert {one.pk for one in page.rows} == {one.pk for one in rows}
            assert failed_pages.total(user, wanted) == (len(rows), False)


def test_a_strangers_reason_and_shop_show_nothing(client, world):
    client.force_login(world.foreigner)

    assert found(client, cause=world.failed.cause_id, state="all") == []
    assert found(client, store=world.store.public_id, state="all") == []
    assert found(client, record=world.failed.source_id, state="all") == []
    page = read(client, cause=world.failed.cause_id)
    assert "phone number" not in page


def test_reasons_are_sorted_by_their_newest_change_and_parked_ones_folded_away(owner, world, now):
    merchant = world.store.merchant
    Cause.objects.filter(pk=world.failed.cause_id).update(last_seen_at=now - timedelta(days=9))
    old, new, parked = (
        a.a_cause(merchant, code=code, field="", last_seen_at=now - timedelta(days=days))
        for code, days in (("too_large", 5), ("gave_up", 1), ("duplicate_profile", 2))
    )
    Cause.objects.filter(pk=parked.pk).update(state="parked", parked_count=100)
    for cause in (old, new, parked):
        a.a_dead_letter(world.store, cause=cause)

    context = owner.get(URL).context

    shown = [card.cause.pk for card, _, _ in context["cards"]]
    assert shown == [new.pk, old.pk, world.failed.cause_id]
    assert [card.cause.pk for card, _, _ in context["parked_cards"]] == [parked.pk]
    page = read(owner)
    assert "<summary>1 parked reason</summary>" in page

    # A decision is a change as well.
    Cause.objects.filter(pk=old.pk).update(state="known", state_at=now)
    assert next(card.cause.pk for card, _, _ in cards(owner)) == old.pk


def test_reasons_are_paged_like_records(owner, world, now):
    for number in range(12):
        cause = a.a_cause(
            world.store.merchant,
            code=f"c{number}",
            last_seen_at=now - timedelta(hours=number // 3),
        )
        a.a_dead_letter(world.store, cause=cause)

    first = owner.get(URL).context
    second = owner.get(URL, {"reasons": first["reasons"].after}).context

    shown = [card.cause.pk for one in (first, second) for card, _, _ in one["cards"]]
    assert len(shown) == len(set(shown)) == 13
    assert (first["reasons"].count, second["reasons"].after) == (13, "")


def test_a_card_tells_whom_it_touches_since_when_and_how_fast(owner, world, now):
    a.a_dead_letter(world.store, cause=a.a_cause(world.store.merchant, code="another"))
    Cause.objects.filter(pk=world.failed.cause_id).update(
        people=3, amounts={"EUR": "120.50"}, figures_at=now
    )
    CauseDay.objects.all().delete()
    CauseDay.objects.create(cause=world.failed.cause, store=world.store, day=now.date(), failed=7)

    page = read(owner)

    assert "Touched: 3 customers, orders worth 120.50 EUR · as of" in page
    assert "7 failures in 14 days, most on" in page
    assert '<polyline points="0,36.0 10,36.0' in page
    assert "130,0.0" in page
    assert "Sent without the phone, the record would pass" in page
    assert "style=" not in page


def test_many_are_chosen_in_one_form_that_carries_the_filter(owner, world):
    for _ in range(3):
        a.a_dead_letter(world.store)

    page = read(owner, store=world.store.public_id, kind="placed_order")

    assert f'<input type="hidden" name="store" value="{world.store.public_id}">' in page
    assert '<input type="hidden" name="kind" value="placed_order">' in page
    assert page.count('name="ids"') == 4


def test_what_needs_no_decision_is_not_offered_for_sending(owner, world):
    a.a_dead_letter(world.store, state="resolved")

    page = read(owner, state="resolved")

    assert "Send again…" not in page
    assert "Into the bin…" not in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "No record failed."),
        ({"state": "sending"}, "Nothing is being sent again at the moment."),
        ({"state": "binned"}, "The bin is empty."),
        ({"state": "all"}, "No record has ever failed."),
        ({"kind": "profile"}, "either it needs no decision any more"),
        ({"kind": "profile", "state": "resolved"}, "No record matches."),
        ({"after": "20200101000000000000-1"}, "There is nothing older."),
    ],
)
def test_an_empty_list_says_why(owner, world, query, words):
    world.failed.delete()

    assert words in read(owner, **query)


def test_the_list_takes_as_many_queries_for_many_reasons_as_for_one(
    owner, world, django_assert_max_num_queries
):
    for number in range(9):
        a.a_dead_letter(world.store, cause=a.a_cause(world.store.merchant, code=f"c{number}"))
    for query in ({}, {"cause": world.failed.cause_id}, {"state": "all", "kind": "profile"}):
        with django_assert_max_num_queries(23):
            owner.get(URL, query)


def test_the_list_leads_to_the_page_of_its_reason(owner, world):
    a.a_dead_letter(world.store, cause=a.a_cause(world.store.merchant, code="another"))
    link = f'href="{reverse("cause", args=[world.failed.cause_id])}"'

    assert link in read(owner)
    assert link in read(owner, cause=world.failed.cause_id)


def test_what_loses_its_content_soon_opens_as_many_rows_as_it_says(owner, world, now):
    nearly = now - retention.term() + timedelta(days=2)
    old = a.a_dead_letter(world.store, created_at=nearly, failed_at=nearly)
    a.a_dead_letter(world.store, created_at=nearly, state="resolved")

    number, wanted = retention.leaving(world.owner, now=timezone.now())

    assert number == 1
    assert found(owner, **wanted.to_query()) == [old.pk]
    assert owner.get(URL, wanted.to_query()).context["page"].count == number
