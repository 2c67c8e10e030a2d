"""The history: who reads what of it, how it is narrowed, and how it is taken away."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse

from integrations.models import AuditEntry, Membership, Store
from integrations.pipeline import audit, history, history_export
from tests import factories as a

URL = "/history/"


def read(client, query="", url=URL):
    return " ".join(client.get(url + query).content.decode().split())


@pytest.fixture
def merchant(world):
    return world.store.merchant


def entry(merchant, now, minutes=5, **changes):
    return a.an_audit_entry(merchant, at=now - timedelta(minutes=minutes), **changes)


def test_an_entry_is_a_sentence_with_who_when_why_and_what_changed(owner, world, now):
    audit.record(
        "credential.broken",
        world.store,
        by=audit.AUTOMATIC,
        now=now - timedelta(minutes=5),
        before={"state": "active"},
        after={"state": "needs_reconnect", "scopes": ["read_orders"]},
        reason="Shopify no longer knows the login.",
    )

    page = read(owner)

    for words in (
        "1 entry in the history",
        "The login of Alpine Germany stopped working",
        "Sync Console, by itself",
        "5 minutes ago",
        "Shopify no longer knows the login.",
        "<td>needs reconnect</td>",
        "Permissions",
    ):
        assert words in page
    assert "(CET)" in page or "(CEST)" in page


def test_nobody_reads_the_history_of_another_merchant(client, world, merchant, now):
    entry(merchant, now, subject="Alpine secret")
    audit.record("session.refused", None, by=audit.SOMEBODY, now=now)
    client.force_login(world.foreigner)

    queries = ["", f"?store={world.store.public_id}", f"?merchant={merchant.public_id}"]
    for query in [*queries, f"?who={world.owner.pk}"]:
        page = read(client, query)
        assert "Alpine" not in page
        assert "A wrong password" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("who=automatic", {"one"}),
        ("who=support", {"two"}),
        ("who={owner}", {"three"}),
        ("kind=logins", {"one"}),
        ("kind=people", {"two", "three"}),
        ("kind=support", set()),
        ("store={store}", {"one"}),
        ("since={today}", {"one", "two"}),
        ("until={before}", {"three"}),
        ("since={before}&until={before}", {"three"}),
        ("who=nonsense&kind=nonsense&store=nonsense&since=nonsense", {"one", "two", "three"}),
    ],
)
def test_it_is_narrowed_by_the_address(owner, world, merchant, now, query, found):
    noon = now.replace(hour=12, minute=0)
    entry(merchant, noon, store=world.store, subject="one")
    entry(merchant, noon, role="support", action="team.removed", subject="two")
    entry(
        merchant,
        noon,
        minutes=24 * 60,
        role="owner",
        actor=world.owner,
        action="team.joined",
        subject="three",
    )
    day = noon.date()
    query = query.format(
        owner=world.owner.pk,
        store=world.store.public_id,
        today=day,
        before=day - timedelta(days=1),
    )

    rows = owner.get(f"{URL}?{query}").context["page"].rows

    assert {one.subject for one in rows} == found


def test_it_is_paged_without_losing_or_repeating_entries_of_one_moment(owner, merchant, now):
    made = {entry(merchant, now).pk for _ in range(history.PAGE * 2 + 3)}
    seen, query = [], ""
    for _ in range(3):
        page = owner.get(f"{URL}{query}").context["page"]
        seen += [one.pk for one in page.rows]
        query = f"?after={page.after}"

    assert len(seen) == len(made)
    assert set(seen) == made
    assert page.after == ""


@pytest.mark.parametrize("after", ["x", "-", "20260101-1", "2026" * 9 + "-9", "\x00"])
def test_a_cursor_that_is_not_ours_starts_again(owner, merchant, now, after):
    entry(merchant, now)

    assert owner.get(URL, {"after": after}).context["page"].count == 1


def test_the_number_of_queries_is_fixed(owner, world, merchant, now, django_assert_max_num_queries):
    for _ in range(30):
        entry(merchant, now, store=world.store)
    with django_assert_max_num_queries(10):
        read(owner)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "Nothing has happened yet"),
        ("?kind=logins", "No entry matches"),
        ("?after=20200101000000000000-1", "There is nothing older"),
    ],
)
def test_an_empty_list_says_why(owner, world, query, words):
    assert words in read(owner, query)


def test_an_entry_of_rows_that_are_gone_and_of_an_unknown_action_is_readable(owner, world, now):
    merchant = world.store.merchant
    gone = a.a_store(world.account)
    entry(merchant, now, store=gone, action="magic.was_done", subject="Somewhere")
    Store.objects.filter(pk=gone.pk).delete()

    assert "Magic: was done (Somewhere)" in read(owner)


def test_the_page_of_a_shop_tells_its_last_ten_and_those_of_its_account(owner, world, now):
    for number in range(11):
        entry(world.store.merchant, now, minutes=number, store=world.store, subject=f"s{number}.")
    entry(world.store.merchant, now, minutes=0, klaviyo_account=world.account, subject="theirs")
    entry(world.store.merchant, now, minutes=0, subject="of the team")

    page = read(owner, url=reverse("store", args=[world.store.public_id]))

    assert page.count('<li class="info" id="entry-') == 10
    assert "theirs" in page
    assert "s8." in page
    assert "s9." not in page
    assert "of the team" not in page
    assert f"/history/?store={world.store.public_id}" in page


# --- taking it away ------------------------------------------------------------------------------


def export(client, **chosen):
    response = client.post(reverse("history-export"), chosen)
    assert response.streaming
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return response, list(csv.DictReader(io.StringIO(text)))


def test_the_narrowed_history_is_taken_away_as_a_file_and_that_is_an_entry(
    owner, world, merchant, now
):
    entry(merchant, now, store=world.store, reason="Because, “so”", after={"state": "active"})
    entry(merchant, now, action="team.joined", subject="x@alpine-demo.shop")

    response, rows = export(owner, kind="logins")

    assert "attachment" in response["Content-Disposition"]
    assert [row["Code"] for row in rows] == ["credential.broken"]
    assert rows[0]["Shop"] == "Alpine Germany"
    assert rows[0]["Why"] == "Because, “so”"
    assert rows[0]["After"] == '{"state": "active"}'
    done = AuditEntry.objects.get(action="history.exported")
    assert (done.merchant, done.actor) == (merchant, world.owner)
    assert done.after == {"narrowed_to": {"kind": "logins"}}


@pytest.mark.parametrize("text", ['=HYPERLINK("x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(owner, merchant, now, text):
    entry(merchant, now, reason=text, subject=text, actor_name=text)

    _, rows = export(owner)

    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


def test_an_export_holds_a_few_rows_in_memory_however_long_it_is(
    owner, merchant, now, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(history_export, "BATCH", 10)
    for number in range(35):
        entry(merchant, now, subject=str(number))
    lines = history_export.export(
        Membership.objects.get(user__email="owner@alpine-demo.shop").user,
        history.Filter(),
        now=now,
    )

    next(lines)
    with django_assert_num_queries(1):
        for _ in range(10):
            next(lines)
    assert len(list(lines)) == 25


def test_a_member_reads_and_takes_nothing_away(client, world, merchant, now):
    entry(merchant, now)
    client.force_login(world.member)

    assert "Download the entries" not in read(client)
    assert client.post(reverse("history-export")).status_code == 403


def test_whoever_owns_one_merchant_and_belongs_to_another_takes_away_only_the_first(
    client, world, merchant, now
):
    entry(merchant, now, subject="theirs")
    Membership.objects.create(user=world.foreigner, merchant=merchant, role="member")
    client.force_login(world.foreigner)

    _, rows = export(client)

    assert "theirs" not in str(rows)


# --- what staff leave behind ---------------------------------------------------------------------


def pages_of(world):
    return [
        reverse("store", args=[world.store.public_id]),
        reverse("events", args=[world.store.public_id]),
        reverse("event", args=[world.event.public_id]),
        reverse("failed-record", args=[world.failed.public_id]),
        reverse("account", args=[world.account.public_id]),
        reverse("team", args=[world.store.merchant.public_id]),
    ]


@pytest.mark.parametrize("number", range(6))
def test_the_first_look_of_support_is_in_the_history_of_the_merchant(client, world, number):
    client.force_login(world.support)
    for _ in range(2):
        client.get(pages_of(world)[number])

    done = AuditEntry.objects.get(action="support.viewed")
    assert (done.merchant, done.actor, done.role) == (
        world.store.merchant,
        world.support,
        "support",
    )


def test_one_look_in_an_hour_is_told_and_the_next_hour_again(client, world, now):
    client.force_login(world.support)
    for url in pages_of(world):
        client.get(url)
    session = client.session
    past = (now - timedelta(minutes=61)).isoformat()
    session["visits"] = dict.fromkeys(session["visits"], past)
    session.save()

    client.get(pages_of(world)[0])

    assert AuditEntry.objects.filter(action="support.viewed").count() == 2


def test_merchants_leave_no_such_entry(owner, world):
    for url in pages_of(world):
        owner.get(url)

    assert not AuditEntry.objects.exists()


def test_what_is_changed_in_the_administration_is_told_with_names_and_without_values(staff, world):
    fields = {
        "merchant": world.store.merchant_id,
        "klaviyo_account": world.account.pk,
        "platform": "shopify",
        "domain": world.store.domain,
        "name": "A new name",
        "time_zone": "UTC",
        "storefront_url": "",
        "created_at_0": "2026-11-20",
        "created_at_1": "12:00:00",
    }
    url = reverse("admin:integrations_store_change", args=[world.store.pk])
    assert staff.post(url, fields).status_code == 302
    done = AuditEntry.objects.get(action="raw.changed")
    assert done.store == world.store
    assert "Name" in done.after["fields"]
    assert "A new name" not in str(done.after)

    url = reverse("admin:auth_user_password_change", args=[world.owner.pk])
    new = {"usable_password": "true", "password1": "never-told-9", "password2": "never-told-9"}
    assert staff.post(url, new).status_code == 302
    assert "never-told" not in str(AuditEntry.objects.values_list())
    assert AuditEntry.objects.filter(action="raw.changed").count() == 2

    one = world.member.memberships.get()
    staff.post(reverse("admin:integrations_membership_delete", args=[one.pk]), {"post": "yes"})
    done = AuditEntry.objects.get(action="raw.deleted")
    assert (done.merchant, done.role) == (world.store.merchant, "administrator")
