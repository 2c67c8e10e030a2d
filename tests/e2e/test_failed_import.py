"""A file of failed records, as staff hand it in."""

import json

import pytest
from django.urls import reverse

from integrations.models import DeadLetter, FailedImport
from tests import factories as a
from tests.pipeline.conftest import an_order

from .looking import LOOKS, check, complaints_of, faults_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def store(transactional_db):
    return a.a_store(a.an_account(name="Alpine Klaviyo"), name="Alpine Germany")


@pytest.fixture
def staff(store):
    return a.a_user("support@console.test", is_staff=True)


@pytest.fixture
def file(tmp_path):
    lines = [{"topic": "orders/create", "body": an_order(n)} for n in range(1, 4)]
    lines.append({"topic": "orders/create", "body": {}, "masked": True})
    path = tmp_path / "left-behind.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in lines))
    return path


def hand_in(page, store, file):
    page.goto(reverse("failed-records"))
    page.get_by_role("link", name="Hand in a file of failed records").click()
    page.get_by_label("Whose records are in the file?").select_option(str(store.public_id))
    page.get_by_label("Where do they come from?").fill("Old connector")
    page.get_by_label("The file: JSON lines").set_input_files(file)
    page.get_by_role("button", name="Look at the file").click()
    page.wait_for_url("**/failed/import/*-*/")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_file_is_handed_in_looked_at_and_taken(store, staff, file, open_as, size, scheme):
    page = open_as(staff, size=size, color_scheme=scheme, bypass_csp=True)
    wrong = check(page, "hand in", reverse("failed-import-new"))
    hand_in(page, store, file)
    assert page.inner_text("h1") == "Take 3 failed records from Old connector?"
    page.locator("summary").last.click()
    assert "Names and addresses are hidden" in page.inner_text("main")
    wrong += faults_of(page)

    page.get_by_role("button", name="Take 3 records").click()
    page.wait_for_selector("h1:has-text('3 failed records taken')")
    wrong += check(page, "taken", page.url)
    page.get_by_role("link", name="3 records").click()

    assert page.inner_text("h1").startswith("3 failed records")
    assert DeadLetter.objects.count() == 3
    assert wrong == []


def test_the_browser_has_nothing_to_say_against_it(store, staff, file, open_as):
    page = open_as(staff)
    hand_in(page, store, file)
    one = FailedImport.objects.get()
    pages = [reverse("failed-import-new"), reverse("failed-import", args=[one.public_id])]

    assert complaints_of(page, pages) == []
