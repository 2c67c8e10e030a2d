"""Failed records of another program: looked at, taken once, and sent like our own."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from integrations.models import AuditEntry, DeadLetter, Event, FailedImport, FailedImportPart, Tally
from integrations.pipeline import failed_export, failed_import, failed_lists
from integrations.pipeline.audit import OPERATOR
from integrations.pipeline.failed_lists import FailedFilter
from integrations.pipeline.spreadsheets import Format
from tests import factories as a

from . import replays_world
from .conftest import an_order, events_of


def line(number=1, **changes):
    return {"topic": "orders/create", "body": an_order(number)} | changes


def a_file(*lines):
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines]
    return b"\n".join(raw) + b"\n"


def take(store, file, clock, *, source="Old connector"):
    return failed_import.take(store, [file], source=source, now=clock())


def test_looking_at_a_file_changes_nothing(store, clock):
    found = failed_import.look(store, [a_file(line(1), line(2), b"{")], now=clock())

    assert (found.lines, found.taken, found.refused_count) == (3, 2, 1)
    assert found.refused["json"].numbers == [3]
    assert found.topics == {"orders/create": 2}
    assert not Event.objects.exists()
    assert not DeadLetter.objects.exists()


def test_what_is_taken_waits_for_a_decision_under_its_source(store, clock):
    done = take(store, a_file(line(1, error="Phone refused"), line(2)), clock)

    assert done.taken == 2
    letters = DeadLetter.objects.order_by("pk")
    assert [one.message for one in letters] == [
        "Phone refused",
        "Old connector could not deliver it.",
    ]
    assert {(one.state, one.cause.platform, one.cause.rule) for one in letters} == {
        ("open", "import", "Old connector")
    }
    assert letters[0].cause.words.known
    assert set(Event.objects.values_list("state", "lane", "loud")) == {("dead", 1, False)}
    assert all(clock() - one.received_at < timedelta(minutes=1) for one in Event.objects.all())
    assert sum(Tally.objects.values_list("dead", flat=True)) == 2


def test_the_same_file_again_takes_nothing_again(store, clock):
    file = a_file(line(1), line(2, webhook_id="w-2"), line(1))
    first = take(store, file, clock)
    again = take(store, file, clock)

    assert (first.taken, first.known_count) == (2, 1)
    assert (again.taken, again.known_count) == (0, 3)
    assert DeadLetter.objects.count() == 2


def test_what_klaviyo_has_already_is_not_a_failed_record(klaviyo, store, post, work, clock):
    post(store, "orders/create", an_order(1))
    work()

    found = failed_import.look(store, [a_file(line(1), line(2))], now=clock())

    assert found.taken == 1
    assert found.known["there"].numbers == [1]


def test_what_our_rules_leave_out_is_said_with_their_sentence(store, clock):
    found = failed_import.look(store, [a_file(line(1, body=an_order(1, test=True)))], now=clock())

    assert found.taken == 0
    assert "test order" in found.refused["test_order"].sentence


def test_an_unreadable_message_is_taken_for_somebody_to_repair(store, clock):
    done = take(store, a_file(line(1, body={"id": "none", "email": 5})), clock)

    assert done.taken == 1


def test_sent_again_it_is_told_once_and_without_starting_flows(klaviyo, store, clock):
    take(store, a_file(line(1), line(2)), clock)
    replay = replays_world.begun(store, clock)

    replays_world.finish(replay, clock)

    told = events_of(klaviyo, "Placed Order")
    assert len(told) == 2
    assert all(one["backfill"] for one in told)
    assert replays_world.letters() == ["resolved", "resolved"]
    again = take(store, a_file(line(1, webhook_id="another"), line(2)), clock)
    assert (again.taken, again.known_count) == (0, 2)


def test_our_own_export_comes_in_again_elsewhere(store, clock):
    take(store, a_file(*(line(n) for n in range(1, 6))), clock)
    staff = a.a_user("support@console.test", is_staff=True, is_superuser=True)
    given = failed_export.export(staff, FailedFilter(), Format.JSON_LINES, clear=True, now=clock())
    file = "".join(given).encode()
    hidden = "".join(
        failed_export.export(staff, FailedFilter(), Format.JSON_LINES, clear=False, now=clock())
    ).encode()
    bodies = sorted(bytes(one.body) for one in Event.objects.all())
    DeadLetter.objects.all().delete()
    Event.objects.all().delete()

    refused = failed_import.look(store, [hidden], now=clock())
    done = take(store, file, clock, source="Our other console")

    assert (refused.taken, refused.refused["masked"].count) == (0, 5)
    assert done.taken == 5
    assert sorted(json.loads(bytes(one.body))["id"] for one in Event.objects.all()) == sorted(
        json.loads(one)["id"] for one in bodies
    )


def test_a_file_handed_in_is_looked_at_taken_once_and_dropped(store, clock):
    owner = a.a_user("support@console.test", is_staff=True)
    raw = a_file(line(1), line(2), line(1))
    one = failed_import.hand_in(
        store,
        io.BytesIO(raw),
        source="Old connector",
        name="left.jsonl",
        size=len(raw),
        user=owner,
        now=clock(),
    )
    assert (one.taken, one.known, one.refused) == (2, 1, 0)
    assert not DeadLetter.objects.exists()

    taken = failed_import.take_in(one, by=OPERATOR, now=clock())
    again = failed_import.take_in(one, by=OPERATOR, now=clock())

    assert taken.finished_at == again.finished_at
    assert DeadLetter.objects.count() == 2
    assert not FailedImportPart.objects.exists()
    entry = AuditEntry.objects.get(action="failed.imported")
    assert (entry.store, entry.after["taken"]) == (store, 2)
    opened = failed_lists.rows(owner, failed_import.records_of(again))
    assert opened.count() == again.taken
    found = FailedFilter.from_query(failed_import.records_of(again).to_query())
    assert failed_lists.rows(owner, found).count() == again.taken


def test_a_fault_half_way_takes_nothing_of_a_handed_in_file(store, clock, monkeypatch):
    monkeypatch.setattr(failed_import, "AT_ONCE", 1)
    raw = a_file(line(1), line(2))
    user = a.a_user("support@console.test", is_staff=True)
    one = failed_import.hand_in(
        store, io.BytesIO(raw), source="Old", name="", size=1, user=user, now=clock()
    )
    write = failed_import._Import._write
    calls = []

    def breaks(self, records):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the worker died")
        write(self, records)

    monkeypatch.setattr(failed_import._Import, "_write", breaks)
    with pytest.raises(RuntimeError):
        failed_import.take_in(one, by=OPERATOR, now=clock())
    assert not DeadLetter.objects.exists()

    monkeypatch.setattr(failed_import._Import, "_write", write)
    failed_import.take_in(FailedImport.objects.get(), by=OPERATOR, now=clock())

    assert DeadLetter.objects.count() == 2


def test_the_command_says_what_it_would_do_and_does_it(store, tmp_path, capsys):
    file = tmp_path / "left.jsonl"
    file.write_bytes(a_file(line(1), line(2), {"topic": "carts/create", "body": {}}))

    call_command("import_failed", str(file), "--store", store.domain, "--dry-run")
    assert "3 lines: 2 would be taken." in (said := capsys.readouterr().out)
    assert "Lines 3." in said
    assert not DeadLetter.objects.exists()

    call_command("import_failed", str(file), "--store", store.domain, "--source", "Old connector")
    assert "3 lines: 2 taken." in capsys.readouterr().out
    assert DeadLetter.objects.count() == 2
    assert AuditEntry.objects.filter(action="failed.imported").count() == 1


def test_the_command_names_what_it_cannot_find(store, tmp_path):
    with pytest.raises(CommandError, match="no single shop"):
        call_command("import_failed", str(tmp_path / "x"), "--store", "nobody.myshopify.com")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_failed", str(tmp_path / "x"), "--store", store.domain)
