import pytest

from integrations.models import DeadLetter
from tests import factories as a

URL = "/failed/"


def read(client, url=URL):
    return " ".join(client.get(url).content.decode().split())


def test_the_count_is_the_heading_and_stands_in_the_title(owner, world):
    page = read(owner)

    assert "<h1> 1 failed record waits for a decision </h1>" in page
    assert "<title> (1) Failed records" in page


def test_causes_say_how_to_put_them_right_and_lead_to_their_records(owner, world):
    email = a.a_cause(world.store.merchant, field="profile.email", rule="")
    for _ in range(3):
        a.a_dead_letter(world.store, cause=email)

    page = read(owner)

    assert "Correct the e-mail address of the customer" in page
    assert "Show these 3" in page
    assert "1 shop · last failed" in page
    listed = owner.get(URL, {"cause": email.pk}).context["page"]
    assert (listed.count, {one.cause_id for one in listed.rows}) == (3, {email.pk})


def test_filters_stand_in_the_address(owner, world):
    other = a.a_store(world.account)
    mine = a.a_dead_letter(other, source_id="4711")
    done = a.a_dead_letter(other, state="resolved")

    def found(**query):
        return {one.pk for one in owner.get(URL, query).context["page"].rows}

    assert found(store=other.public_id) == {mine.pk}
    assert found(record="4711") == {mine.pk}
    assert found(state="resolved") == {done.pk}
    assert found(state="all") == {mine.pk, done.pk, world.failed.pk}
    assert found(state="x", cause="x", store="x") == {mine.pk, world.failed.pk}


def test_pages_follow_each_other_without_gap(owner, world):
    for _ in range(60):
        a.a_dead_letter(world.store)
    seen, after = [], ""
    for _ in range(3):
        page = owner.get(URL, {"after": after}).context["page"]
        seen += [one.pk for one in page.rows]
        after = page.after

    assert seen == list(DeadLetter.objects.order_by("-pk").values_list("pk", flat=True))
    assert after == ""


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "No record failed."),
        ("?record=1", "No record matches: either it needs no decision any more"),
        ("?state=resolved", "No failed record has been settled yet."),
        ("?after=1", "There is nothing older."),
    ],
)
def test_an_empty_list_says_why(owner, world, query, words):
    DeadLetter.objects.all().delete()

    assert words in read(owner, URL + query)


def test_the_list_takes_a_fixed_number_of_queries(owner, world, django_assert_max_num_queries):
    for number in range(10):
        a.a_dead_letter(world.store, cause=a.a_cause(world.store.merchant, code=f"c{number}"))
    with django_assert_max_num_queries(23):
        owner.get(URL)
