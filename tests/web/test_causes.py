"""The page of one reason, and what support decides there."""

from datetime import timedelta

import pytest
from django.urls import reverse

from integrations.models import AuditEntry, Cause
from integrations.pipeline import cause_parts, cause_states
from tests import factories as a


@pytest.fixture
def cause(world):
    return world.failed.cause


@pytest.fixture
def helper(client, world):
    client.force_login(world.support)
    return client


def read(client, cause):
    response = client.get(reverse("cause", args=[cause.pk]))
    return " ".join(response.content.decode().split())


def act(client, name, cause, **values):
    return client.post(reverse(f"cause-{name}", args=[cause.pk]), values)


def actions(cause):
    found = AuditEntry.objects.filter(action__startswith="cause.").order_by("pk")
    return list(found.values_list("action", flat=True))


def test_the_page_counts_by_state_and_shop_and_each_figure_opens_its_rows(owner, world, cause):
    other = a.a_store(world.account, name="Alpine Austria")
    for state in ("open", "open", "sending", "binned"):
        a.a_dead_letter(other, cause=cause, state=state)

    response = owner.get(reverse("cause", args=[cause.pk]))
    page = response.content.decode()

    for state, _, count in response.context["counts"]:
        url = f"{reverse('failed-records')}?cause={cause.pk}&state={state}"
        assert url.replace("&", "&amp;") in page
        assert len(owner.get(url).context["page"].rows) == count
    shops = {shop.store.name: shop.count for shop in response.context["page"].shops}
    assert shops == {"Alpine Austria": 2, "Alpine Germany": 1}
    for shop in response.context["page"].shops:
        url = f"{reverse('failed-records')}?cause={cause.pk}&store={shop.store.public_id}"
        assert len(owner.get(url).context["page"].rows) == shop.count


def test_a_merchant_reads_without_the_block_for_support(owner, cause):
    page = read(owner, cause)

    assert "Klaviyo does not accept the customer&#x27;s phone number." in page
    assert "For support" not in page
    assert "Nobody has decided anything" in page


def test_support_takes_a_reason_on_and_lets_it_go(helper, world, cause):
    act(helper, "take", cause, state="fixing")
    cause.refresh_from_db()
    assert (cause.state, cause.owner) == ("fixing", world.support)
    page = read(helper, cause)
    assert "helper@console.test looks after it" in page
    assert "Being repaired" in page

    act(helper, "let-go", cause)
    cause.refresh_from_db()
    assert (cause.state, cause.owner) == ("known", None)
    assert actions(cause) == ["cause.taken", "cause.let_go"]
    assert "A reason of failed records was taken on" in read(helper, cause)


def test_a_note_is_shown_to_everybody_and_as_text(helper, client, world, cause):
    act(helper, "note", cause, note="<b>Ask</b> the  app's maker\x00")
    client.force_login(world.owner)

    assert "&lt;b&gt;Ask&lt;/b&gt; the app&#x27;s maker" in read(client, cause)


def test_a_reason_is_parked_until_a_date_and_comes_back_by_itself(helper, cause, now):
    day = (now + timedelta(days=2)).date()
    response = act(helper, "park", cause, until=day.isoformat(), reason="Waits for a release")
    assert response["Location"] == reverse("cause", args=[cause.pk])
    assert "It is parked until" in read(helper, cause)
    assert "Waits for a release" in read(helper, cause)

    cause_states.wake(now=now + timedelta(days=3))

    cause.refresh_from_db()
    assert cause.state == "back"
    assert "The date it was parked until has come." in read(helper, cause)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Say until when"),
        ({"count": "1"}, "1 records wait already"),
        ({"until": "2020-01-01"}, "lies in the past"),
        ({"growth": "0"}, "greater than or equal to 1"),
        ({"until": "tomorrow"}, "Enter a valid date"),
    ],
)
def test_parking_without_an_end_ahead_is_refused_in_words(helper, cause, values, words):
    response = act(helper, "park", cause, **values)

    assert response.status_code == 200
    assert words in response.content.decode()
    cause.refresh_from_db()
    assert cause.state == "new"


def test_a_parked_reason_is_brought_back_once(helper, cause):
    act(helper, "park", cause, count="50")
    act(helper, "back", cause)
    again = helper.post(reverse("cause-back", args=[cause.pk]), follow=True)

    assert "This reason is not parked any more." in again.content.decode()
    assert actions(cause) == ["cause.parked", "cause.brought_back"]


def test_reasons_are_merged_and_taken_apart(helper, world, cause):
    email = a.a_cause(world.store.merchant, field="profile.email")
    a.a_dead_letter(world.store, cause=email)
    foreign = a.a_cause(a.a_store().merchant)
    choices = helper.get(reverse("cause-merge", args=[cause.pk])).content.decode()
    assert f'value="{email.pk}"' in choices
    assert f'value="{foreign.pk}"' not in choices

    refused = act(helper, "merge", cause, into=foreign.pk)
    assert refused.status_code == 200
    act(helper, "merge", cause, into=email.pk)

    page = read(helper, email)
    assert "Show the 2 records that wait" in page
    assert f"No. {cause.pk}, merged into this" in page
    assert f"reason no. {email.pk}" in read(helper, cause)

    act(helper, "apart", cause)
    assert "Show the record that waits" in read(helper, email)


def test_a_reason_is_split_by_shop_and_its_records_follow(helper, world, cause):
    other = a.a_store(world.account, name="Alpine Austria")
    a.a_dead_letter(other, cause=cause)

    act(helper, "split", cause, store=other.pk, text="")
    part = Cause.objects.get(split_from=cause)
    assert "Its records are still being moved here." in read(helper, part)
    cause_parts.move(clock=lambda: cause.first_seen_at, stopping=lambda: False)

    page = read(helper, part)
    assert "records of Alpine Austria" in page
    assert "Show the record that waits" in page
    assert f"No. {part.pk}, the part" in read(helper, cause)
    assert "Split…" not in page


def test_a_split_by_nothing_or_by_a_strangers_shop_is_refused(helper, cause):
    foreign = a.a_store()

    nothing = act(helper, "split", cause)
    strange = act(helper, "split", cause, store=foreign.pk)

    assert "at least 4 letters" in nothing.content.decode()
    assert "Select a valid choice" in strange.content.decode()
    assert Cause.objects.filter(split_from=cause).count() == 0


def test_the_page_takes_a_fixed_number_of_queries(
    helper, world, cause, django_assert_max_num_queries
):
    for number in range(5):
        merged = a.a_cause(world.store.merchant, code=f"c{number}", merged_into=cause)
        a.a_dead_letter(a.a_store(world.account), cause=merged)
    read(helper, cause)
    with django_assert_max_num_queries(24):
        read(helper, cause)
