"""The bin's pages: a reason, a number, what was refused; and failed records as a file."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.urls import reverse

from integrations.models import AuditEntry, Binning, DeadLetter
from integrations.pipeline import binning
from integrations.web import bins
from tests import factories as a


def read(answer):
    return " ".join(answer.content.decode().split())


def ids(*letters, **more):
    return {"ids": [str(one.public_id) for one in letters]} | more


def test_the_page_names_the_count_and_the_term_and_moves_nothing(owner, world):
    page = read(owner.post(reverse("bin-new"), ids(world.failed)))

    assert "Put 1 failed record into the bin?" in page
    assert "For 30 days they can be taken out again" in page
    assert "Put 1 record into the bin" in page
    assert DeadLetter.objects.get().state == "open"


def test_confirmed_it_moves_and_the_bin_says_until_when_it_can_be_taken_out(owner, world):
    form = ids(world.failed, confirmed="1", reason="A test order")
    owner.post(reverse("bin-new"), form)

    listed = read(owner.get(reverse("failed-records"), {"state": "binned"}))
    until = DeadLetter.objects.get().binned_at + timedelta(days=30)
    until = until.astimezone(ZoneInfo("Europe/Berlin"))
    assert f"can be taken out until {until.day} {until:%b %Y}" in listed
    assert "Out of the bin…" in listed

    page = read(owner.post(reverse("bin-out"), {"all": "1", "state": "binned"}))
    assert "Take 1 failed record out of the bin?" in page
    owner.post(reverse("bin-out"), {"all": "1", "state": "binned", "confirmed": "1"})
    assert DeadLetter.objects.get().state == "open"


def test_the_form_of_the_page_names_the_selection_again(owner, world):
    store = str(world.store.public_id)
    page = owner.post(reverse("bin-new"), {"all": "1", "store": store})

    assert page.context["fields"] == [("all", "1"), ("store", store)]


def test_a_number_that_changed_is_told_and_asked_for_again(owner, world):
    a.a_dead_letter(world.store)
    answer = owner.post(reverse("bin-new"), {"all": "1", "confirmed": "1", "reason": "Old"})

    assert answer.status_code == 409
    page = read(answer)
    assert "You confirmed 1 records, and by now it would be 2. Nothing was moved." in page
    assert 'value="Old"' in page
    assert not Binning.objects.exists()


def test_thousands_ask_for_their_number_in_writing(owner, world, monkeypatch):
    monkeypatch.setattr(bins, "TYPED_FROM", 2)
    a.a_dead_letter(world.store)
    form = {"all": "1", "confirmed": "2", "reason": "Old"}

    refused = read(owner.post(reverse("bin-new"), form))
    assert "Type their number, 2, to confirm it." in refused
    assert "Type the number of records to confirm that you mean all of them." in refused
    assert owner.post(reverse("bin-new"), form | {"typed": "x"}).status_code == 409
    assert not Binning.objects.exists()
    owner.post(reverse("bin-new"), form | {"typed": "2"})
    assert DeadLetter.objects.filter(state="binned").count() == 2


def test_what_goes_on_in_the_background_has_a_page(owner, world, monkeypatch):
    monkeypatch.setattr(binning, "AT_ONCE", 0)
    answer = owner.post(reverse("bin-new"), ids(world.failed, confirmed="1", reason="Old"))
    made = Binning.objects.get()

    assert answer["Location"] == reverse("binning", args=[made.public_id])
    assert "0 of 1 moved" in read(owner.get(answer["Location"]))


def test_a_decision_opens_the_records_it_put_into_the_bin(owner, world, monkeypatch):
    theirs, later = world.failed, a.a_dead_letter(world.store)
    owner.post(reverse("bin-new"), ids(theirs, confirmed="1", reason="Old"))
    owner.post(reverse("bin-new"), ids(later, confirmed="1", reason="Older"))
    made = Binning.objects.order_by("pk").first()

    page = read(owner.get(reverse("binning", args=[made.public_id])))
    address = f"/failed/?state=binned&amp;binning={made.public_id}"
    assert address in page
    found = owner.get(address.replace("&amp;", "&"))

    assert [one for one, _ in found.context["rows"]] == [theirs]
    assert "put into the bin together" in read(found)


def test_nobody_moves_the_records_of_another_business(client, world):
    client.force_login(world.foreigner)
    answer = client.post(reverse("bin-new"), ids(world.failed, confirmed="1", reason="Mine"))

    assert answer.status_code == 302
    assert DeadLetter.objects.get().state == "open"


def test_an_owner_chooses_the_file_and_whether_it_holds_personal_data(owner, world):
    DeadLetter.objects.update(message="jane.doe@example.com is not valid")
    asked = read(owner.post(reverse("failed-export"), {"all": "1"}))
    assert "Export 1 failed record" in asked
    assert "With names, addresses and numbers of customers in clear" in asked

    def taken(**form):
        answer = owner.post(reverse("failed-export"), {"all": "1"} | form)
        assert "attachment" in answer["Content-Disposition"]
        return b"".join(answer.streaming_content).decode()

    assert "jane.doe" not in taken(format="csv")
    assert "jane.doe" not in taken(format="jsonl")
    assert "jane.doe" in taken(format="jsonl", clear="1")
    assert AuditEntry.objects.filter(action="failed.exported").count() == 3


def test_pages_say_what_loses_its_content_soon_and_what_has_lost_it(owner, world, now):
    DeadLetter.objects.update(created_at=now - timedelta(days=85))
    page = read(owner.get(reverse("failed-records")))
    assert "1 record that needs a decision</a> loses its content within a week." in page

    DeadLetter.objects.update(erased_at=now, payload=b"", answer="")
    page = read(owner.get(reverse("failed-record", args=[world.failed.public_id])))
    assert "Its content was kept for 90 days." in page
    assert "within a week" not in read(owner.get(reverse("failed-records")))
