"""Failed records as a file: bounded, defused, masked unless chosen, and written down."""

import base64
import csv
import io
import json
from datetime import timedelta

import pytest

from integrations.models import AuditEntry
from integrations.pipeline import failed_export
from integrations.pipeline.failed_lists import FailedFilter
from integrations.pipeline.spreadsheets import Format
from tests import factories as a
from tests.factories import NOON

pytestmark = pytest.mark.django_db
EVERYTHING = FailedFilter()
BODY = b'{"id": 1, "total_price": 10.10, "email": "jane.doe@example.com"}'


@pytest.fixture
def store():
    return a.a_store()


@pytest.fixture
def owner(store):
    return a.a_member(store.merchant)


def lines(user, wanted=EVERYTHING, *, clear=False):
    given = failed_export.export(user, wanted, Format.JSON_LINES, clear=clear, now=NOON)
    return [json.loads(one) for one in given]


def table(user, wanted=EVERYTHING, *, clear=False):
    given = failed_export.export(user, wanted, Format.CSV, clear=clear, now=NOON)
    return list(csv.DictReader(io.StringIO("".join(given).lstrip("\ufeff"))))


def test_a_line_carries_what_an_import_elsewhere_needs(store, owner):
    event = a.an_event(store, state="dead", body=BODY, topic="orders/create")
    one = a.a_dead_letter(store, event=event, attempts=3)

    given = "".join(
        failed_export.export(owner, EVERYTHING, Format.JSON_LINES, clear=True, now=NOON)
    )

    assert '"body":' + BODY.decode() in given, "to the last digit as it came"
    line = json.loads(given)
    assert (line["store"], line["topic"], line["id"]) == (
        store.domain, "orders/create", str(one.public_id),
    )  # fmt: skip
    assert line["received_at"] == "2026-11-20T12:00:00+00:00"
    assert (line["error"], line["pointer"], line["attempts"]) == (one.message, one.pointer, 3)
    assert line["cause"]["field"] == "profile.phone_number"
    assert line["masked"] is False


def test_personal_data_is_hidden_unless_it_was_chosen(store, owner):
    event = a.an_event(store, state="dead", body=BODY)
    a.a_dead_letter(store, event=event, message="jane.doe@example.com is not valid")

    for given in (json.dumps(lines(owner)), json.dumps(table(owner))):
        assert "jane.doe" not in given
    assert "jane.doe" in json.dumps(lines(owner, clear=True))
    assert "jane.doe" in json.dumps(table(owner, clear=True))
    assert [entry.after["with_personal_data"] for entry in AuditEntry.objects.order_by("pk")] == [
        False, False, True, True,
    ]  # fmt: skip


def test_the_history_says_what_was_taken_and_how_much(store, owner):
    for _ in range(3):
        a.a_dead_letter(store)

    lines(owner, FailedFilter(store=store.public_id))

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.store, entry.actor) == ("failed.exported", store, owner)
    assert entry.after["count"] == 3
    assert store.name in entry.after["selection"]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "-2", "+491", "\t=1", "＝1"])
def test_no_cell_is_calculated_by_a_spreadsheet(store, owner, text):
    a.a_dead_letter(store, message=f"{text} cmd|' /C calc'!A0")

    assert table(owner, clear=True)[0]["Message"].startswith(f"'{text}")


def test_what_is_not_json_or_breaks_the_line_comes_whole(store, owner):
    damaged = b'{"id": \xff'
    wide = b'{\n  "id": 7\n}'
    for body in (damaged, wide):
        a.a_dead_letter(store, event=a.an_event(store, state="dead", body=body), payload=b"")

    newest, oldest = lines(owner, clear=True)

    assert base64.b64decode(oldest["body"]["base64"]) == damaged
    assert newest["body"] == {"id": 7}
    assert lines(owner)[1]["body"] is None, "what cannot be read cannot be hidden in part"


def test_an_erased_record_says_so(store, owner):
    event = a.an_event(store, state="dead", body=b"")
    a.a_dead_letter(store, event=event, payload=b"", erased_at=NOON)

    assert lines(owner)[0]["erased_at"] == "2026-11-20T12:00:00+00:00"


def test_contents_are_read_a_few_megabytes_at_a_time(store, owner, monkeypatch):
    monkeypatch.setattr(failed_export, "BYTES", 1000)
    read = []
    whole = failed_export._read
    monkeypatch.setattr(failed_export, "_read", lambda keys: read.append(len(keys)) or whole(keys))
    made = [
        a.a_dead_letter(store, event=a.an_event(store, state="dead", body=b"1" * 400))
        for _ in range(5)
    ]

    given = lines(owner, clear=True)

    assert [one["id"] for one in given] == [str(one.public_id) for one in reversed(made)]
    assert read == [2, 2, 1]


def test_nobody_takes_away_the_records_of_others(store, owner):
    a.a_dead_letter(store)
    a.a_dead_letter(a.a_store())
    member = a.a_member(store.merchant, role="member")

    assert len(lines(owner)) == 1
    assert lines(member) == []
    assert not failed_export.may_export(member)
    assert failed_export.may_export(owner, clear=True)
    assert len(lines(a.a_user(is_staff=True))) == 2


def test_a_selection_is_exported_and_nothing_else(store, owner):
    old = a.a_dead_letter(store, failed_at=NOON - timedelta(days=3))
    new = a.a_dead_letter(store)
    since = FailedFilter(since=NOON - timedelta(days=1))

    assert [one["id"] for one in lines(owner, since)] == [str(new.public_id)]
    assert [one["id"] for one in lines(owner, [old])] == [str(old.public_id)]
    assert failed_export.count(owner, since) == 1
