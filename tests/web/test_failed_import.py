"""Handing in a file of failed records: who may, what is said of it, and what it leads to."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from integrations.models import DeadLetter, FailedImport
from integrations.pipeline import failed_import
from tests.pipeline.conftest import an_order


def a_file(*lines, name="left.jsonl"):
    body = b"\n".join(json.dumps(one).encode() for one in lines)
    return SimpleUploadedFile(name, body)


def order(number, **changes):
    return {"topic": "orders/create", "body": an_order(number)} | changes


def hand_in(client, world, file, **changes):
    fields = {"store": str(world.store.public_id), "source": "Old connector", "file": file}
    return client.post(reverse("failed-import-new"), fields | changes)


def page_of(client, response):
    return client.get(response["Location"]).content.decode()


def test_a_file_is_looked_at_first_and_taken_on_a_second_word(staff, world):
    response = hand_in(staff, world, a_file(order(1), order(2), order(3, masked=True)))
    page = page_of(staff, response)
    assert "Take 2 failed records from Old connector?" in page
    assert "Names and addresses are hidden in it." in page
    before = DeadLetter.objects.count()

    one = FailedImport.objects.get()
    taken = staff.post(reverse("failed-import-take", args=[one.public_id]))
    again = staff.post(reverse("failed-import-take", args=[one.public_id]))

    page = page_of(staff, taken)
    assert "2 failed records taken from Old connector" in page
    assert page_of(staff, again).count("2 records") == page.count("2 records")
    assert DeadLetter.objects.count() == before + 2
    wanted = failed_import.records_of(FailedImport.objects.get()).to_query()
    listed = staff.get(reverse("failed-records"), wanted).content.decode()
    assert "2 failed records" in listed


def test_a_file_can_be_dropped(staff, world):
    hand_in(staff, world, a_file(order(1)))

    staff.post(reverse("failed-import-forget", args=[FailedImport.objects.get().public_id]))

    assert not FailedImport.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"store": ""}, "Choose the shop"),
        ({"store": "nonsense"}, "Choose the shop"),
        ({"source": "  "}, "Say where"),
        ({"file": SimpleUploadedFile("empty.jsonl", b"")}, "not empty"),
        ({"file": ""}, "not empty"),
    ],
)
def test_what_is_missing_is_asked_for(staff, world, changes, words):
    response = hand_in(staff, world, **{"file": a_file(order(1))} | changes)

    assert response.status_code == 400
    assert words in response.content.decode()
    assert not FailedImport.objects.exists()


def test_a_file_that_is_too_large_is_sent_to_the_command(staff, world, monkeypatch):
    monkeypatch.setattr(failed_import, "MOST_UPLOADED", 1_000_000)

    response = hand_in(staff, world, SimpleUploadedFile("big.jsonl", b"x" * 1_000_001))

    assert "import_failed" in response.content.decode()
    assert not FailedImport.objects.exists()


def test_a_file_with_nothing_usable_offers_nothing_to_take(staff, world):
    markup = {"topic": "<script>alert(1)</script>", "body": {}}

    page = page_of(staff, hand_in(staff, world, a_file(markup), source="<b>Old</b>"))

    assert "Nothing in this file can be taken" in page
    assert "<script>alert" not in page
    assert "&lt;b&gt;Old" in page


def test_only_staff_find_the_way(staff, owner, world):
    assert reverse("failed-import-new") not in owner.get(reverse("failed-records")).content.decode()
